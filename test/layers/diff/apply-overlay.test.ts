import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { applyLayer } from '../../../layers/diff/apply.ts';
import { hashLayer } from '../../../layers/diff/hash-layer.ts';
import { openLayerTar } from '../../../layers/diff/layer-stream.ts';
import { directoryTree } from '../../../layers/snapshots/directory-tree.ts';
import { mountOverlay, whyNoOverlay } from '../../support/kernel-overlay.ts';
import { operationsOn, perform } from '../../support/random-operations.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { TarBuilder } from '../../support/tar-builder.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { outlineTree } from '../../support/tree.ts';
import { listTree } from '../../support/tree-listing.ts';

const reason = whyNoOverlay();
if (reason !== undefined) console.warn(`Skipping layers under a mounted overlay: ${reason}`);

/** What a process sees in the layers, bottom first. */
async function merged<T>(layers: readonly string[], look: (path: string) => T): Promise<T> {
  const mounted = await mountOverlay({ lower: layers }, join(tempFolder(), 'merged'));
  try {
    return look(mounted.path);
  } finally {
    await mounted.unmount();
  }
}

async function unpacked(tar: Buffer | Readable): Promise<string> {
  const directory = tempFolder();
  await applyLayer(tar instanceof Readable ? tar : Readable.from([tar]), directory);
  return directory;
}

test.skipIf(reason !== undefined)('overlayfs shows unpacked layers as their tars mean them', async () => {
  const lower = new TarBuilder()
    .file('deleted', '1')
    .file('replaced', '1')
    .directory('merged')
    .file('merged/lower', '1')
    .file('merged/deleted', '1')
    .directory('opaque')
    .file('opaque/lower', '1')
    .directory('again')
    .file('again/lower', '1')
    .file('again-file', '1')
    .directory('implied-again')
    .file('implied-again/lower', '1')
    .directory('to-file')
    .file('to-file/lower', '1')
    .file('to-directory', '1')
    .end();
  const upper = new TarBuilder()
    .file('.wh.deleted')
    .file('replaced', '2')
    .file('merged/upper', '2')
    .file('merged/.wh.deleted')
    .file('opaque/upper', '2')
    .file('opaque/.wh..wh..opq')
    .file('.wh.again')
    .directory('again')
    .file('again/upper', '2')
    .file('again-file', '2')
    .file('.wh.again-file')
    .file('.wh.implied-again')
    .file('implied-again/upper', '2')
    .file('to-file', '2')
    .directory('to-directory')
    .file('to-directory/upper', '2')
    .file('.wh.never-was')
    .end();
  const layers = [await unpacked(lower), await unpacked(upper)];
  expect(await merged(layers, outlineTree)).toEqual({
    again: 'directory',
    'again/upper': 'file 2',
    'again-file': 'file 2',
    'implied-again': 'directory',
    'implied-again/upper': 'file 2',
    merged: 'directory',
    'merged/lower': 'file 1',
    'merged/upper': 'file 2',
    opaque: 'directory',
    'opaque/upper': 'file 2',
    replaced: 'file 2',
    'to-directory': 'directory',
    'to-directory/upper': 'file 2',
    'to-file': 'file 2',
  });
});

test.skipIf(reason !== undefined).each([1, 2, 3, 4])(
  'what processes did in a mounted overlay is the same after a way through tars, for seed %d',
  async (seed) => {
    const base = tempFolder();
    const layers = [base];
    for (let step = 0; step < 3; step++) {
      const [upper, work] = [join(tempFolder(), 'upper'), join(tempFolder(), 'work')];
      // Upper and work directory have to be on one filesystem, and these are.
      mkdirSync(upper);
      mkdirSync(work);
      const mounted = await mountOverlay({ lower: layers, upper, work }, join(tempFolder(), 'merged'));
      const tree = directoryTree(mounted.path);
      for (const operation of operationsOn(tree, seededRandom(100 * seed + step), 30))
        perform(mounted.path, operation);
      tree.close();
      await mounted.unmount();
      layers.push(upper);
    }
    const copies: string[] = [];
    for (const layer of layers) copies.push(await unpacked(openLayerTar(layer)));
    const list = (path: string) => {
      const tree = directoryTree(path);
      const { '/': _, ...listing } = listTree(tree, { directoryTimes: true });
      tree.close();
      return listing;
    };
    expect(await merged(copies, list)).toEqual(await merged(layers, list));
    for (const [index, layer] of layers.entries())
      expect(await hashLayer(copies[index]!)).toEqual(await hashLayer(layer));
  },
);
