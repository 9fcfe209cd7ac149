import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { applyLayer } from '../../../layers/diff/apply.ts';
import { hashLayer } from '../../../layers/diff/hash-layer.ts';
import { openLayerTar } from '../../../layers/diff/layer-stream.ts';
import { writeLayer } from '../../../layers/diff/write-layer.ts';
import { digestOf } from '../../../layers/oci/digest.ts';
import { makeRandomTree } from '../../support/random-tree.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { inspectTree } from '../../support/tree.ts';

function chunks(bytes: Buffer, size: number): Readable {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.subarray(at, at + size));
  return Readable.from(pieces);
}

async function tarOf(directory: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  await writeLayer(directory, (chunk, length) => {
    parts.push(Buffer.from(chunk.subarray(0, length)));
  });
  return Buffer.concat(parts);
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  'a random layer survives its tar unchanged, for seed %d',
  async (seed) => {
    const [original, copy] = [tempFolder(), tempFolder()];
    const random = seededRandom(seed);
    makeRandomTree(original, random, 150);
    const tar = await tarOf(original);
    const applied = await applyLayer(chunks(tar, [65_536, 512, 1000, tar.length][seed % 4]!), copy);

    const { '.': _, ...expected } = inspectTree(original);
    const { '.': __, ...found } = inspectTree(copy);
    expect(found).toEqual(expected);

    // The other way round: the tar of what was unpacked is the tar it was unpacked from.
    expect((await tarOf(copy)).equals(tar)).toBe(true);
    expect(applied).toEqual(await hashLayer(original));
    expect(applied.diffId).toBe(digestOf(tar));
    expect(applied.size).toBe(tar.length);
    expect((await buffer(openLayerTar(copy))).equals(tar)).toBe(true);
  },
);

test('a layer is the same whichever chunks its tar comes in', async () => {
  const original = tempFolder();
  makeRandomTree(original, seededRandom(99), 40);
  const tar = await tarOf(original);
  const { '.': _, ...expected } = inspectTree(original);
  for (const size of [1, 7, 511, 513, 4096]) {
    const copy = tempFolder();
    await applyLayer(chunks(tar, size), copy);
    const { '.': __, ...found } = inspectTree(copy);
    expect(found).toEqual(expected);
  }
});
