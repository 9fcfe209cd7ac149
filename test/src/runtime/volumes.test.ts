import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type FillVolume, VolumeStore } from '../../../src/runtime/volumes.ts';
import { tempStore } from '../../support/temp-store.ts';

/** Fills with one file and a mode of its own, and counts. */
function filling(): { fills: number; fill: FillVolume } {
  const counter = {
    fills: 0,
    fill: async (directory: string) => {
      counter.fills++;
      await delay(20);
      mkdirSync(directory, { mode: 0o751 });
      chmodSync(directory, 0o751);
      writeFileSync(join(directory, 'file'), 'of the image');
      return true;
    },
  };
  return counter;
}

test('VolumeStore.ensure() makes and fills a volume once that several want at the same time', async () => {
  const { store } = tempStore();
  const counter = filling();
  const found = await Promise.all(
    Array.from({ length: 5 }, () => new VolumeStore(store).ensure({ name: 'data', fill: counter.fill })),
  );
  expect(counter.fills).toBe(1);
  expect(new Set(found.map(({ directory }) => directory)).size).toBe(1);
  const { directory } = found[0]!;
  expect(readdirSync(directory)).toEqual(['file']);
  expect(statSync(directory).mode & 0o7777).toBe(0o751);
  expect(readdirSync(dirname(directory)).sort()).toEqual(['_data', 'volume.json']);
});

test('VolumeStore.ensure() fills an empty volume without putting another directory in its place', async () => {
  const { store } = tempStore();
  const volumes = new VolumeStore(store);
  const { directory } = await volumes.ensure({ name: 'data' });
  const { ino } = statSync(directory);
  await volumes.ensure({ name: 'data', fill: filling().fill });
  expect(statSync(directory).ino).toBe(ino);
  expect(readdirSync(directory)).toEqual(['file']);
});

test('VolumeStore.ensure() leaves a volume alone that holds anything', async () => {
  const { store } = tempStore();
  const volumes = new VolumeStore(store);
  const { directory } = await volumes.ensure({ name: 'data' });
  writeFileSync(join(directory, 'own'), '');
  await volumes.ensure({ name: 'data', fill: filling().fill });
  expect(readdirSync(directory)).toEqual(['own']);
});

test.each(['', 'a', '.x', 'a/b', '../x', 'a b', '-x'])(
  'VolumeStore.ensure() refuses the name %j',
  async (name) => {
    const { store } = tempStore();
    await expect(new VolumeStore(store).ensure({ name })).rejects.toMatchObject({ code: 'BAD_OPTION' });
  },
);

test('VolumeStore.remove() takes a volume that is deeper than any path', async () => {
  const { store, root } = tempStore();
  const volumes = new VolumeStore(store);
  const { name, directory } = await volumes.ensure({});
  deepDirectory(directory);
  volumes.remove(name);
  expect(volumes.list()).toEqual([]);
  expect(readdirSync(join(root, 'volumes'))).toEqual([]);
});

function deepDirectory(path: string): void {
  const before = process.cwd();
  process.chdir(path);
  for (let depth = 0; depth < 300; depth++) {
    mkdirSync('a'.repeat(20));
    process.chdir('a'.repeat(20));
  }
  process.chdir(before);
}
