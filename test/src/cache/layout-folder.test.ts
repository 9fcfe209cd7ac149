import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { digestOf } from '../../../layers/index.ts';
import { LayoutFolder } from '../../../src/cache/layout-folder.ts';
import { openLayoutCache, openLayoutTarget } from '../../../src/cache/layout-place.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const BYTES = Buffer.from('bytes');
const DIGEST = digestOf(BYTES);
const bytes = () => Readable.from([BYTES], { objectMode: false });

describe('LayoutFolder', () => {
  test('writes a blob under its digest, and reads it from any place', async () => {
    const folder = new LayoutFolder(join(tempFolder(), 'a/b'), { create: true });
    await folder.writeBlob(DIGEST, bytes());
    expect(folder.blobSize(DIGEST)).toBe(5);
    expect(await text(folder.openBlob(DIGEST, 2))).toBe('tes');
    expect(folder.blobSize(digestOf('other'))).toBeUndefined();
    folder.close();
  });

  test.each(['blobs', 'blobs/sha256'])('does not write through a link in the place of %s', async (name) => {
    const [path, elsewhere] = [tempFolder(), tempFolder()];
    if (name === 'blobs/sha256') mkdirSync(join(path, 'blobs'));
    symlinkSync(elsewhere, join(path, name));
    const folder = new LayoutFolder(path);
    await expect(folder.writeBlob(DIGEST, bytes())).rejects.toThrow('is no plain file or folder');
    expect(readdirSync(elsewhere)).toEqual([]);
    folder.close();
  });

  test('reads no link to a file of the host (N07)', () => {
    const path = tempFolder();
    const secret = join(tempFolder(), 'secret');
    writeFileSync(secret, BYTES);
    mkdirSync(join(path, 'blobs/sha256'), { recursive: true });
    symlinkSync(secret, join(path, 'blobs/sha256', DIGEST.slice(7)));
    symlinkSync(secret, join(path, 'index.json'));
    const folder = new LayoutFolder(path);
    expect(() => folder.openBlob(DIGEST, 0)).toThrow('is no plain file or folder');
    expect(() => folder.readText('index.json', 100)).toThrow('is no plain file or folder');
    folder.close();
  });

  test('reads no more than it is asked for (N06)', async () => {
    const folder = new LayoutFolder(tempFolder());
    await folder.writeBlob(DIGEST, bytes());
    expect(() => folder.readBlob(DIGEST, 4)).toThrow('has more than 4 bytes');
    folder.close();
  });
});

describe('openLayoutTarget()', () => {
  test('leaves no blob that is not what it is called (N10)', async () => {
    const path = tempFolder();
    const writer = openLayoutTarget({ path, tag: 'latest' });
    const blob = { mediaType: 'x/y', digest: DIGEST, size: 5 };
    await expect(writer.put(blob, () => Readable.from([Buffer.from('other')]))).rejects.toThrow(
      'something else',
    );
    expect(readdirSync(join(path, 'blobs/sha256'))).toEqual([]);
    await writer.put(blob, bytes);
    expect(readFileSync(join(path, 'blobs/sha256', DIGEST.slice(7)))).toEqual(BYTES);
    writer.close();
  });
});

test('openLayoutCache() finds nothing where nothing is', async () => {
  const reader = openLayoutCache({ path: join(tempFolder(), 'none'), tag: 'latest' });
  expect(await reader.contents()).toEqual([]);
  reader.close();
});
