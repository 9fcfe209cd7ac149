import { createHash, randomBytes } from 'node:crypto';
import { writeSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { type ContentStore, type Digest, digestOf } from '../../layers/index.ts';

/** What a store under test lets the suite do besides. */
export interface ContentStoreCase {
  readonly content: ContentStore;
  /** Changes a byte of a stored blob, behind the store's back. */
  damage(digest: Digest): void;
  /** Names of unfinished blobs that are lying about. */
  leftovers(): readonly string[];
}

const hello = Buffer.from('hello');
const missing = digestOf('never stored');
const expected = (bytes: Uint8Array) => ({ digest: digestOf(bytes), size: bytes.length });

/** What every {@link ContentStore} does. */
export function contentStoreContract(name: string, make: () => ContentStoreCase): void {
  describe(`${name} as a content store`, () => {
    test('put() stores the blob at its digest', async () => {
      const { content } = make();
      await content.put(Readable.from([Buffer.from('hel'), Buffer.from('lo')]), expected(hello));
      expect(content.info(digestOf(hello))).toEqual(expected(hello));
      expect(content.readAll(digestOf(hello))).toEqual(hello);
      expect([...content.list()]).toEqual([expected(hello)]);
    });

    test('put() resolves for a blob that is there, and lets go of the source', async () => {
      const { content } = make();
      content.putBytes(hello);
      const source = new Readable({ read() {} });
      await content.put(source, expected(hello));
      expect(source.destroyed).toBe(true);
    });

    test('put() stores an empty blob, and a sha512 one', async () => {
      const { content } = make();
      await content.put(Readable.from([]), expected(Buffer.alloc(0)));
      expect(content.readAll(digestOf('')).length).toBe(0);
      const digest = `sha512:${createHash('sha512').update(hello).digest('hex')}` as Digest;
      await content.put(Readable.from([hello]), { digest, size: 5 });
      expect(content.readAll(digest)).toEqual(hello);
      expect(await buffer(content.read(digest))).toEqual(hello);
    });

    test.each([
      ['too short', Buffer.from('hell')],
      ['too long', Buffer.from('hello!')],
      ['as long but different', Buffer.from('hellO')],
    ])('put() refuses what is %s, and keeps nothing of it', async (_, bytes) => {
      const { content, leftovers } = make();
      await expect(content.put(Readable.from([bytes]), expected(hello))).rejects.toMatchObject({
        code: 'DIGEST_MISMATCH',
      });
      expect([...content.list()]).toEqual([]);
      expect(leftovers()).toEqual([]);
    });

    test('put() stops reading once there is too much', async () => {
      const { content } = make();
      let sent = 0;
      const endless = new Readable({
        read() {
          sent += 65_536;
          this.push(Buffer.alloc(65_536));
        },
      });
      await expect(content.put(endless, expected(hello))).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
      expect(sent).toBeLessThan(2 ** 20);
      expect(endless.destroyed).toBe(true);
    });

    test('put() passes on the error of its source, and keeps nothing', async () => {
      const { content, leftovers } = make();
      const broken = new Readable({
        read() {
          this.push('hel');
          this.destroy(new Error('connection lost'));
        },
      });
      await expect(content.put(broken, expected(hello))).rejects.toThrow('connection lost');
      expect(content.info(digestOf(hello))).toBeUndefined();
      expect(leftovers()).toEqual([]);
    });

    test('ingest() hashes what is written, also when the buffer is used again', () => {
      const { content } = make();
      const ingest = content.ingest();
      const chunk = Buffer.from('hel');
      ingest.write(chunk);
      chunk.write('lo!');
      ingest.write(chunk.subarray(0, 2));
      expect(ingest.commit(digestOf(hello))).toEqual(expected(hello));
      expect(content.readAll(digestOf(hello))).toEqual(hello);
    });

    test('ingest() commits under the digest it is asked for, in that algorithm', () => {
      const { content } = make();
      const ingest = content.ingest();
      ingest.write(hello);
      const digest = `sha512:${createHash('sha512').update(hello).digest('hex')}` as Digest;
      expect(ingest.commit(digest).digest).toBe(digest);
      expect(content.readAll(digest)).toEqual(hello);
    });

    test('ingest() refuses the wrong digest, and then cannot be used any more', () => {
      const { content, leftovers } = make();
      const ingest = content.ingest();
      ingest.write(hello);
      expect(() => ingest.commit(missing)).toThrow(expect.objectContaining({ code: 'DIGEST_MISMATCH' }));
      expect(() => ingest.commit()).toThrow();
      expect(() => ingest.write(hello)).toThrow();
      expect([...content.list()]).toEqual([]);
      expect(leftovers()).toEqual([]);
    });

    test('ingest() takes what another thread wrote for what it says', async () => {
      const { content } = make();
      const ingest = content.ingest();
      await ingest.fill(async (fd) => {
        writeSync(fd, hello);
        return expected(hello);
      });
      expect(ingest.commit()).toEqual(expected(hello));
      expect(content.readAll(digestOf(hello))).toEqual(hello);
    });

    test('ingest() leaves nothing when aborted, twice too', () => {
      const { content, leftovers } = make();
      const ingest = content.ingest();
      ingest.write(hello);
      ingest.abort();
      ingest.abort();
      expect([...content.list()]).toEqual([]);
      expect(leftovers()).toEqual([]);
    });

    test('putBytes() is idempotent', () => {
      const { content } = make();
      expect(content.putBytes(hello)).toEqual(expected(hello));
      expect(content.putBytes(hello)).toEqual(expected(hello));
      expect([...content.list()]).toHaveLength(1);
    });

    test('info() is undefined, and reading throws NOT_FOUND, for what is not there', () => {
      const { content } = make();
      expect(content.info(missing)).toBeUndefined();
      expect(() => content.readAll(missing)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
      expect(() => content.read(missing)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
    });

    test('read() streams a large blob, from any offset', async () => {
      const { content } = make();
      const bytes = randomBytes(3_000_001);
      const { digest } = content.putBytes(bytes);
      expect((await buffer(content.read(digest))).equals(bytes)).toBe(true);
      expect((await buffer(content.read(digest, 2_999_990))).equals(bytes.subarray(2_999_990))).toBe(true);
      expect((await buffer(content.read(digest, 3_000_001))).length).toBe(0);
    });

    test('readAll() refuses more than the limit', () => {
      const { content } = make();
      const { digest } = content.putBytes(hello);
      expect(content.readAll(digest, 5)).toEqual(hello);
      expect(() => content.readAll(digest, 4)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    });

    test('reading finds damage', async () => {
      const { content, damage } = make();
      const { digest } = content.putBytes(hello);
      damage(digest);
      expect(() => content.readAll(digest)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
      await expect(buffer(content.read(digest))).rejects.toMatchObject({ code: 'CORRUPT' });
    });
  });
}
