import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { describe, expect, test } from 'vitest';
import { hashLayer, hashLayerSync } from '../../../layers/diff/hash-layer.ts';
import { openLayerTar } from '../../../layers/diff/layer-stream.ts';
import * as inode from '../../../layers/linux/inode.ts';
import { digestOf } from '../../../layers/oci/digest.ts';
import { bundleModules } from '../../support/bundled-modules.ts';
import { makeRandomTree } from '../../support/random-tree.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { tempFolder } from '../../support/temp-folder.ts';

type HashModule = typeof import('../../../layers/diff/hash-layer.ts');

/** The module as the commands have it: bundled, with the worker's bundle beside it. */
async function bundled(): Promise<HashModule> {
  const outdir = tempFolder();
  await bundleModules(outdir, 'layers/diff/hash-layer.ts', 'layers/diff/diff-worker.ts');
  return createRequire(import.meta.url)(join(outdir, 'hash-layer.cjs')) as HashModule;
}

/** More than is hashed at once. */
function largeLayer(files: number, size: number): string {
  const directory = tempFolder();
  for (let index = 0; index < files; index++) {
    if (index % 100 === 0) mkdirSync(join(directory, `d${index / 100}`));
    writeFileSync(join(directory, `d${Math.floor(index / 100)}`, `f${index}`), Buffer.alloc(size, index));
  }
  return directory;
}

test('hashLayer() gives what hashing the tar gives', async () => {
  const directory = tempFolder();
  makeRandomTree(directory, seededRandom(3), 100);
  const tar = await buffer(openLayerTar(directory));
  expect(await hashLayer(directory)).toMatchObject({ diffId: digestOf(tar), size: tar.length });
});

test('hashLayer() gives the same every time, and something else after any change', async () => {
  const directory = largeLayer(10, 100);
  const first = await hashLayer(directory);
  expect(await hashLayer(directory)).toEqual(first);
  const root = inode.openAt(inode.AT_FDCWD, directory, inode.O.DIRECTORY);
  const seen = new Set<string>([first.diffId]);
  const changes: (() => void)[] = [
    () => inode.setTimesAt(root, 'd0/f3', 1n),
    () => inode.chmodAt(root, 'd0/f3', 0o600),
    () => inode.chownAt(root, 'd0/f3', 1, 0),
    () => inode.chownAt(root, 'd0/f3', 1, 1),
    () => inode.setXattr(root, 'd0/f3', 'user.a', Buffer.from('1')),
    () => inode.setXattr(root, 'd0/f3', 'user.a', Buffer.from('2')),
    () => inode.renameAt(root, 'd0/f3', root, 'd0/f3x'),
    () => inode.linkAt(root, 'd0/f3x', root, 'd0/f3y'),
    () => inode.makeNodeAt(root, 'gone', 'char', 0, 0, 0),
    () => inode.setXattr(root, 'd0', 'trusted.overlay.opaque', Buffer.from('y')),
  ];
  for (const change of changes) {
    change();
    const { diffId } = await hashLayer(directory);
    expect(seen).not.toContain(diffId);
    seen.add(diffId);
  }
  inode.close(root);
});

test('hashLayer() counts entries, and blocks on disk', async () => {
  const directory = largeLayer(3, 5000);
  expect(await hashLayer(directory)).toMatchObject({ entries: 4, disk: 3 * 8192 + 4096 });
});

test('hashLayer() hashes a small layer before it returns', async () => {
  const directory = largeLayer(2, 100);
  const hashed = hashLayer(directory);
  rmSync(directory, { recursive: true });
  expect(await hashed).toMatchObject({ entries: 3 });
});

test('hashLayer() rejects when the directory is not there', async () => {
  await expect(hashLayer(join(tempFolder(), 'missing'))).rejects.toThrow(/ENOENT/);
});

describe('hashLayer(), bundled', () => {
  test.each([
    ['many entries', 3000, 1],
    ['many bytes', 12, 1 << 20],
  ])('hashes a layer of %s in a worker, beside this thread', async (_, files, size) => {
    const { hashLayer: hashBundled } = await bundled();
    const directory = largeLayer(files, size);
    const expected = hashLayerSync(directory, {});
    let turns = 0;
    const ticking = setInterval(() => turns++, 1);
    const found = await Promise.all([hashBundled(directory), hashBundled(directory), hashBundled(directory)]);
    clearInterval(ticking);
    expect(found).toEqual([expected, expected, expected]);
    expect(turns).toBeGreaterThan(0);
  });

  test('tells of a failure in the worker as on this thread', async () => {
    const { hashLayer: hashBundled } = await bundled();
    const directory = largeLayer(3000, 1);
    mkdirSync(join(directory, 'z/.wh.x'), { recursive: true });
    const failing = hashBundled(directory);
    await expect(failing).rejects.toMatchObject({
      name: 'StoreError',
      code: 'UNSUPPORTED',
      subject: 'z/.wh.x',
    });
    // The worker goes on working.
    rmSync(join(directory, 'z'), { recursive: true });
    expect(await hashBundled(directory)).toEqual(hashLayerSync(directory, {}));
  });
});

test('openLayerTar() makes no more than is read, and lets go when it is destroyed', async () => {
  const directory = largeLayer(40, 1 << 20);
  const stream = openLayerTar(directory);
  stream.read(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(stream.readableLength).toBeLessThan(4 << 20);
  stream.destroy();
  await new Promise((resolve) => stream.once('close', resolve));
  expect((await buffer(openLayerTar(directory))).length).toBe(hashLayerSync(directory, {})?.size);
});
