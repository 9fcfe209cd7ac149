import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type Descriptor, type DiffId, digestOf, MediaType } from '../../layers/index.ts';
import { openBareStore, tempStore } from '../support/temp-store.ts';

const tar = Buffer.from('the tar of a layer, '.repeat(100_000));
const diffId = digestOf(tar) as string as DiffId;
const blob = gzipSync(tar);
const descriptor: Descriptor = {
  mediaType: MediaType.ociLayerGzip,
  digest: digestOf(blob),
  size: blob.length,
};

const mismatch = { code: 'DIGEST_MISMATCH' };

function inPieces(bytes: Buffer, size = 1000): Readable {
  return Readable.from(
    (function* () {
      for (let offset = 0; offset < bytes.length; offset += size) yield bytes.subarray(offset, offset + size);
    })(),
  );
}

function emptyStore() {
  const { root, store } = tempStore();
  const contents = () =>
    ['blobs/sha256', 'layers/sha256', 'active', 'ingest'].flatMap((area) =>
      readdirSync(join(root, area)).map((name) => `${area}/${name}`),
    );
  return { store, contents };
}

describe('Store.unpack()', () => {
  test('keeps the blob and makes the layer, in one pass', async () => {
    const { store, contents } = emptyStore();
    const layer = await store.unpack(descriptor, diffId, inPieces(blob));
    expect(readFileSync(join(layer.directory(), 'tar')).equals(tar)).toBe(true);
    expect(await layer.diff).toMatchObject({ diffId, size: tar.length });
    expect(store.content.readAll(descriptor.digest).equals(blob)).toBe(true);
    expect(contents()).toHaveLength(2);
  });

  test('remembers the blob that the layer came in, and keeps it with the layer', async () => {
    const { store } = emptyStore();
    await store.unpack(descriptor, diffId, inPieces(blob));
    expect(store.blobOf(diffId)).toEqual(descriptor);
    store.records.set('cache', 'step', { layers: [diffId], value: 1 });
    store.close();
    const later = openBareStore(store.root);
    expect((await later.gc()).blobs).toEqual([]);
    expect(later.blobOf(diffId)).toEqual(descriptor);
    expect(later.blobOf(digestOf('other') as string as DiffId)).toBeUndefined();
  });

  test('takes the blob from the store', async () => {
    const { store } = emptyStore();
    store.content.putBytes(blob);
    const layer = await store.unpack(descriptor, diffId);
    expect(await layer.diff).toMatchObject({ diffId, size: tar.length });
  });

  test('does not read a blob that is stored already', async () => {
    const { store } = emptyStore();
    store.content.putBytes(blob);
    const unused = new Readable({ read: () => expect.unreachable() });
    await store.unpack(descriptor, diffId, unused);
    expect(unused.destroyed).toBe(true);
  });

  test('does not unpack a layer that is there, but keeps another blob of it', async () => {
    const { store } = emptyStore();
    await store.unpack(descriptor, diffId, inPieces(blob));
    const other = gzipSync(tar, { level: 1 });
    const second = { ...descriptor, digest: digestOf(other), size: other.length };
    await store.unpack(second, diffId, inPieces(other));
    expect(store.content.info(second.digest)?.size).toBe(other.length);
    await store.unpack({ ...second, digest: digestOf('never stored') }, diffId);
  });

  test('reads no faster than it can unpack', async () => {
    const { store } = emptyStore();
    const noise = Buffer.alloc(32 << 20);
    const source = inPieces(noise, 65_536);
    let ahead = 0;
    const plain = { mediaType: MediaType.ociLayer, digest: digestOf(noise), size: noise.length };
    const slow = new PassThrough();
    source.on('data', (chunk: Buffer) => {
      ahead += chunk.length;
      if (!slow.write(chunk)) source.pause();
    });
    slow.on('drain', () => source.resume());
    source.on('end', () => slow.end());
    await store.unpack(plain, digestOf(noise) as string as DiffId, slow);
    expect(ahead).toBe(noise.length);
  });

  const changed = Buffer.from(blob);
  changed[blob.length >> 1]! ^= 0xff;
  const grown = Buffer.concat([blob, blob]);

  test.each<[string, Descriptor, DiffId, Buffer, object]>([
    ['another layer than the image says', descriptor, digestOf('other') as string as DiffId, blob, mismatch],
    ['a blob that is too short', descriptor, diffId, blob.subarray(0, -9), mismatch],
    ['a blob that is too long', descriptor, diffId, grown, mismatch],
    ['a blob with a damaged byte', descriptor, diffId, changed, mismatch],
    ['another, good blob of the same layer', descriptor, diffId, gzipSync(tar, { level: 1 }), mismatch],
    ['a wrong size', { ...descriptor, size: blob.length + 1 }, diffId, blob, mismatch],
    [
      'a bad archive that the image really names',
      { mediaType: MediaType.ociLayer, digest: digestOf('bad archive'), size: 11 },
      diffId,
      Buffer.from('bad archive'),
      { code: 'INVALID_ARCHIVE' },
    ],
  ])('refuses %s, and keeps nothing', async (_, wanted, wantedDiff, bytes, error) => {
    const { store, contents } = emptyStore();
    const source = inPieces(bytes);
    await expect(store.unpack(wanted, wantedDiff, source)).rejects.toMatchObject(error);
    expect(contents()).toEqual([]);
    expect(source.destroyed).toBe(true);
  });

  test('passes on the error of the transfer, and keeps nothing', async () => {
    const { store, contents } = emptyStore();
    const source = new PassThrough();
    source.write(blob.subarray(0, 1000));
    setTimeout(() => source.destroy(new Error('connection reset')), 5);
    await expect(store.unpack(descriptor, diffId, source)).rejects.toThrow('connection reset');
    expect(contents()).toEqual([]);
  });

  test('refuses a stored blob that makes another layer, and keeps the blob', async () => {
    const { store, contents } = emptyStore();
    store.content.putBytes(blob);
    await expect(store.unpack(descriptor, digestOf('other') as string as DiffId)).rejects.toMatchObject(
      mismatch,
    );
    expect(contents()).toHaveLength(1);
  });

  test('refuses a stored blob of another size than the image says', async () => {
    const { store, contents } = emptyStore();
    store.content.putBytes(blob);
    await expect(store.unpack({ ...descriptor, size: 1 }, diffId)).rejects.toMatchObject(mismatch);
    expect(contents()).toHaveLength(1);
  });

  test('throws NOT_FOUND for a blob that is nowhere', async () => {
    const { store } = emptyStore();
    await expect(store.unpack(descriptor, diffId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('makes one layer when asked twice at once', async () => {
    const { store, contents } = emptyStore();
    await Promise.all([
      store.unpack(descriptor, diffId, inPieces(blob)),
      store.unpack(descriptor, diffId, inPieces(blob)),
    ]);
    expect(contents()).toHaveLength(2);
  });
});

describe('Store.unpack() of a function', () => {
  const half = blob.length >> 1;
  const brokenOff = (end: number) => (offset: number) =>
    Readable.from(
      (function* () {
        yield blob.subarray(offset, end);
        throw new Error('cut');
      })(),
    );
  /** A blob large enough that its beginning is worth keeping. */
  const noise = Buffer.concat(
    Array.from({ length: 4000 }, (_, index) => createHash('sha512').update(`${index}`).digest()),
  );
  const plain = { mediaType: MediaType.ociLayer, digest: digestOf(noise), size: noise.length };
  const noiseId = digestOf(noise) as string as DiffId;
  const cutNoise = (offset: number) =>
    Readable.from(
      (function* () {
        yield noise.subarray(offset, 200_000);
        throw new Error('cut');
      })(),
    );

  test('goes on where an earlier call broke off', async () => {
    const { store, contents } = emptyStore();
    await expect(store.unpack(plain, noiseId, cutNoise)).rejects.toThrow('cut');
    expect(contents()).toEqual([`ingest/partial.sha256-${noiseId.slice(7)}`]);
    const offsets: number[] = [];
    await store.unpack(plain, noiseId, (offset) => {
      offsets.push(offset);
      return inPieces(noise.subarray(offset));
    });
    expect(offsets).toEqual([200_000]);
    expect(store.content.readAll(plain.digest).equals(noise)).toBe(true);
    expect(contents()).toHaveLength(2);
  });

  test('begins anew when what was kept is not the beginning of the blob', async () => {
    const { store, contents } = emptyStore();
    await expect(store.unpack(plain, noiseId, cutNoise)).rejects.toThrow('cut');
    writeFileSync(join(store.root, contents()[0]!), Buffer.alloc(200_000, 'zeros after a loss of power'));
    const offsets: number[] = [];
    await store.unpack(plain, noiseId, (offset) => {
      offsets.push(offset);
      return inPieces(noise.subarray(offset));
    });
    expect(offsets).toEqual([200_000, 0]);
    expect(store.content.readAll(plain.digest).equals(noise)).toBe(true);
    expect(contents()).toHaveLength(2);
  });

  test('asks for nothing when all of it was kept', async () => {
    const { store, contents } = emptyStore();
    await expect(store.unpack(plain, noiseId, cutNoise)).rejects.toThrow('cut');
    writeFileSync(join(store.root, contents()[0]!), noise);
    await store.unpack(plain, noiseId, () => expect.unreachable());
    expect(contents()).toHaveLength(2);
  });

  test('keeps nothing of little, nor of what turned out to be wrong', async () => {
    const { store, contents } = emptyStore();
    await expect(store.unpack(descriptor, diffId, brokenOff(half))).rejects.toThrow('cut');
    const wrong = Buffer.from(noise);
    wrong[100_000]! ^= 1;
    await expect(store.unpack(plain, noiseId, () => inPieces(wrong))).rejects.toMatchObject(mismatch);
    expect(contents()).toEqual([]);
  });

  test('is collected as garbage what nobody came back for', async () => {
    const { store, contents } = emptyStore();
    await expect(store.unpack(plain, noiseId, cutNoise)).rejects.toThrow('cut');
    expect((await store.gc()).reclaimed).toBe(200_000);
    expect(contents()).toEqual([]);
  });
});
