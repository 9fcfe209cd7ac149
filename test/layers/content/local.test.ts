import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { type DiffId, type Digest, digestOf, digestOfDiff, MediaType } from '../../../layers/index.ts';
import { contentStoreContract } from '../../contract/content-store.ts';
import { makeLayer } from '../../support/store-parts.ts';
import { tempStore } from '../../support/temp-store.ts';

function localContent() {
  const { store, root } = tempStore();
  const pathOf = (digest: Digest) => join(root, 'blobs', digest.replace(':', '/'));
  return {
    root,
    store,
    content: store.content,
    pathOf,
    damage(digest: Digest) {
      const bytes = readFileSync(pathOf(digest));
      bytes[0]! ^= 1;
      writeFileSync(pathOf(digest), bytes);
    },
    leftovers: () => readdirSync(join(root, 'ingest')),
  };
}

contentStoreContract('LocalContentStore', localContent);

describe('LocalContentStore', () => {
  test('keeps blobs from everybody else', () => {
    const { content, pathOf } = localContent();
    const { digest } = content.putBytes(Buffer.from('x'));
    expect(statSync(pathOf(digest)).mode & 0o077).toBe(0);
  });

  test('refuses a blob that is a symbolic link, a pipe or a directory', () => {
    const { content, pathOf } = localContent();
    const outside = digestOf('secret of the host');
    const make: readonly ((path: string) => void)[] = [
      (path) => symlinkSync('/etc/passwd', path),
      (path) => execFileSync('mkfifo', [path]),
      (path) => mkdirSync(path),
    ];
    for (const put of make) {
      put(pathOf(outside));
      expect(() => content.readAll(outside)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
      expect(() => content.read(outside)).toThrow(expect.objectContaining({ code: 'CORRUPT' }));
      expect(content.info(outside)).toBeUndefined();
      expect([...content.list()]).toEqual([]);
      rmSync(pathOf(outside), { recursive: true });
    }
  });

  test('replaces a blob that a loss of power cut short', async () => {
    const { content, pathOf } = localContent();
    const bytes = Buffer.from('hello');
    const { digest } = content.putBytes(bytes);
    truncateSync(pathOf(digest), 0);
    content.putBytes(bytes);
    expect(content.readAll(digest)).toEqual(bytes);
    truncateSync(pathOf(digest), 2);
    await content.put(Readable.from([bytes]), { digest, size: 5 });
    expect(content.readAll(digest)).toEqual(bytes);
  });

  test('answers for the tar of a layer that was made here and has no blob', async () => {
    const { store, content } = localContent();
    const bytes = Buffer.from('the tar of a layer');
    const digest = digestOfDiff(await makeLayer(store, bytes.toString()));
    expect(content.info(digest)).toEqual({ digest, size: bytes.length });
    expect(await buffer(content.read(digest))).toEqual(bytes);
    expect(await buffer(content.read(digest, 4))).toEqual(bytes.subarray(4));
    expect([...content.list()]).toEqual([]);
  });

  test('does not answer for the tar of a layer from outside, whose bytes nobody here knows', async () => {
    const { store, content } = localContent();
    const tar = Buffer.from('the tar of a layer');
    const blob = content.putBytes(gzipSync(tar));
    const diffId = digestOf(tar) as string as DiffId;
    await store.unpack({ mediaType: MediaType.ociLayerGzip, ...blob }, diffId);
    expect(content.info(digestOfDiff(diffId))).toBeUndefined();
    expect(() => content.read(digestOfDiff(diffId))).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  });
});
