import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { VolumeStore } from '../../../src/runtime/volumes.ts';
import { tempStore } from '../../support/temp-store.ts';

test('VolumeStore.ensure() makes a volume once that several want at the same time', async () => {
  const { store } = tempStore();
  let fills = 0;
  const fill = async (directory: string) => {
    fills++;
    await delay(20);
    mkdirSync(directory);
    return true;
  };
  const found = await Promise.all(
    Array.from({ length: 5 }, () => new VolumeStore(store).ensure('data', fill)),
  );
  expect(fills).toBe(1);
  expect(new Set(found.map(({ directory }) => directory)).size).toBe(1);
});

test('VolumeStore.remove() takes a volume that is deeper than any path', async () => {
  const { store, root } = tempStore();
  const volumes = new VolumeStore(store);
  const { name, directory } = await volumes.ensure(undefined, async () => false);
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
