import { readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { Store } from '../../../layers/index.ts';
import type { ExecMount } from '../../../src/llb/op.ts';
import { type CacheSeed, cacheName, holdCacheMount } from '../../../src/ops/cache-mounts.ts';
import { tempStore } from '../../support/temp-store.ts';

type CacheMount = Extract<ExecMount, { type: 'cache' }>;

let store: Store;

beforeEach(() => {
  store = tempStore().store;
});

const mountOf = (changes: Partial<CacheMount> = {}): CacheMount => ({
  type: 'cache',
  id: 'id',
  target: '/cache',
  source: '/',
  readonly: false,
  sharing: 'shared',
  ...changes,
});

const seedOf = (identity: string): CacheSeed => ({
  identity,
  fill: async (directory) => writeFileSync(join(directory, identity), ''),
});

async function directoryOf(mount: CacheMount, seed?: CacheSeed): Promise<string> {
  const held = await holdCacheMount(store, mount, seed);
  held.release();
  return held.directory;
}

test.each<readonly [changes: Partial<CacheMount>, other: Partial<CacheMount>, same: boolean]>([
  [{}, {}, true],
  [{}, { id: 'other' }, false],
  [{}, { sharing: 'locked' }, true],
  [{}, { sharing: 'private' }, true],
  [{}, { target: '/elsewhere' }, true],
  [{}, { uid: 0 }, false],
  [{ uid: 0 }, { gid: 0 }, true],
  [{ uid: 0 }, { mode: 0o755 }, true],
  [{ uid: 0 }, { uid: 10 }, false],
  [{ mode: 0o700 }, { mode: 0o755 }, false],
])('cacheName() of %j and of %j is the same: %s', (changes, other, same) => {
  expect(cacheName(mountOf(changes)) === cacheName(mountOf(other))).toBe(same);
});

test('cacheName() goes by what a cache begins with rather than by its owner', () => {
  const [one, other] = [seedOf('one'), seedOf('other')];
  expect(cacheName(mountOf({ uid: 5 }), one)).toBe(cacheName(mountOf(), one));
  expect(cacheName(mountOf(), one)).not.toBe(cacheName(mountOf(), other));
  expect(cacheName(mountOf(), one)).not.toBe(cacheName(mountOf()));
});

test('holdCacheMount() makes a directory with the mode and owner asked for, once', async () => {
  const directory = await directoryOf(mountOf({ mode: 0o1777, uid: 5, gid: 6 }));
  expect(statSync(directory)).toMatchObject({ mode: 0o41777, uid: 5, gid: 6 });
  writeFileSync(join(directory, 'kept'), '');
  expect(await directoryOf(mountOf({ mode: 0o1777, uid: 5, gid: 6 }))).toBe(directory);
  expect(readdirSync(directory)).toEqual(['kept']);
});

test('holdCacheMount() fills a new directory, and only then', async () => {
  const directory = await directoryOf(mountOf(), seedOf('seed'));
  expect(readdirSync(directory)).toEqual(['seed']);
  const again = { ...seedOf('seed'), fill: () => Promise.reject(new Error('filled twice')) };
  expect(await directoryOf(mountOf(), again)).toBe(directory);
});

test('holdCacheMount() leaves nothing when filling fails, and fills at the next time', async () => {
  const failing = { ...seedOf('seed'), fill: () => Promise.reject(new Error('no space')) };
  await expect(directoryOf(mountOf(), failing)).rejects.toThrow('no space');
  expect(readdirSync(join(store.root, 'cache-mounts'))).toEqual([]);
  expect(readdirSync(await directoryOf(mountOf(), seedOf('seed')))).toEqual(['seed']);
});

test('holdCacheMount() gives a private mount a copy of its own while another is held', async () => {
  const mount = mountOf({ sharing: 'private' });
  const first = await holdCacheMount(store, mount);
  const second = await holdCacheMount(store, mount);
  expect(second.directory).not.toBe(first.directory);
  first.release();
  await Promise.resolve();
  second.release();
});

test('holdCacheMount() makes a locked mount wait for the one before', async () => {
  const mount = mountOf({ sharing: 'locked' });
  const first = await holdCacheMount(store, mount);
  const events: string[] = [];
  const second = holdCacheMount(store, mount).then((held) => {
    events.push('second');
    return held;
  });
  await new Promise((resolve) => setTimeout(resolve, 50));
  events.push('released');
  first.release();
  (await second).release();
  expect(events).toEqual(['released', 'second']);
});
