import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { bytePath, type Store } from '../../../layers/index.ts';
import type { ExecMount } from '../../../src/llb/op.ts';
import {
  CACHE_MOUNT_SPACE,
  type CacheSeed,
  cacheMountKey,
  cacheName,
  holdCacheMount,
  pruneCacheMounts,
} from '../../../src/ops/cache-mounts.ts';
import { layerStore } from '../../support/layer-store.ts';

type CacheMount = Extract<ExecMount, { type: 'cache' }>;

let store: Store;

beforeEach(() => {
  store = layerStore();
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
  copy: async () => {
    const snapshot = store.snapshots.prepare([]);
    const writer = snapshot.writer();
    writer.file(bytePath(`/${identity}`), Buffer.alloc(0), { mode: 0o644, uid: 0, gid: 0 });
    writer.finish();
    return snapshot;
  },
});

async function directoryOf(mount: CacheMount, seed?: CacheSeed): Promise<string> {
  const held = await holdCacheMount(store, mount, seed && { seed });
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
  const again = { ...seedOf('seed'), copy: () => Promise.reject(new Error('filled twice')) };
  expect(await directoryOf(mountOf(), again)).toBe(directory);
});

test('holdCacheMount() leaves nothing when filling fails, and fills at the next time', async () => {
  const failing = { ...seedOf('seed'), copy: () => Promise.reject(new Error('no space')) };
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

test('holdCacheMount() gives a private mount a copy of its own while another build holds it', async () => {
  const mount = mountOf({ sharing: 'private' });
  // As another process does: nothing in this one knows of it but the lock.
  const release = store.records.tryHold('cachemount', cacheMountKey(mount))!;
  const held = await holdCacheMount(store, mount);
  expect(basename(held.directory)).not.toBe(cacheMountKey(mount));
  held.release();
  release();
  expect(basename(await directoryOf(mount))).toBe(cacheMountKey(mount));
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

test('holdCacheMount() stops waiting for a locked mount when it is told to', async () => {
  const mount = mountOf({ sharing: 'locked' });
  const first = await holdCacheMount(store, mount);
  const abort = new AbortController();
  const second = holdCacheMount(store, mount, { signal: abort.signal });
  setTimeout(() => abort.abort(), 20);
  await expect(second).rejects.toMatchObject({ name: 'AbortError' });
  first.release();
});

test('pruneCacheMounts() throws away what has no record and is not in use', async () => {
  const [used, unused, recorded] = await Promise.all(
    ['used', 'unused', 'recorded'].map((id) => holdCacheMount(store, mountOf({ id }))),
  );
  unused!.release();
  recorded!.release();
  for (const { directory } of [used!, unused!]) store.records.delete(CACHE_MOUNT_SPACE, basename(directory));
  pruneCacheMounts(store);
  const left = () => readdirSync(join(store.root, 'cache-mounts')).toSorted();
  expect(left()).toEqual([used!, recorded!].map(({ directory }) => basename(directory)).toSorted());
  // It is in use again, by the next step too.
  const again = await holdCacheMount(store, mountOf({ id: 'used' }));
  expect(again.directory).toBe(used!.directory);
  used!.release();
  again.release();
  pruneCacheMounts(store);
  expect(left()).toHaveLength(2);
  const made = await holdCacheMount(store, mountOf({ id: 'unused' }));
  expect(existsSync(made.directory)).toBe(true);
  made.release();
});

test('holdCacheMount() begins anew with a directory that is stale, if it is made with an owner or a mode', async () => {
  const asked: string[] = [];
  const isStale = (key: string) => {
    asked.push(key);
    return true;
  };
  for (const [changes, isKept] of [
    [{}, true],
    [{ uid: 10 }, false],
    [{ mode: 0o700 }, false],
  ] as const) {
    const mount = mountOf(changes);
    const first = await holdCacheMount(store, mount);
    writeFileSync(join(first.directory, 'old'), '');
    const second = await holdCacheMount(store, mount, { isStale });
    expect(existsSync(join(second.directory, 'old'))).toBe(isKept);
    first.release();
    second.release();
  }
  expect(asked).toHaveLength(2);
});
