import { readdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type DiffId, digestOf, hexOf } from '../../../layers/index.ts';
import { bundleScript, exitCode, killHard, nextMessage, start } from '../../support/child-process.ts';
import { openBareStore, tempStore } from '../../support/temp-store.ts';

describe('LocalRecordStore', () => {
  test('get() yields what set() stored, the last writer winning', () => {
    const { store } = tempStore();
    store.records.set('cache', 'a.b_c-1', { value: { x: [1, null, 'ü'] } });
    expect(store.records.get('cache', 'a.b_c-1')).toEqual({
      layers: [],
      blobs: [],
      value: { x: [1, null, 'ü'] },
    });
    store.records.set('cache', 'a.b_c-1', { value: 2 });
    expect(store.records.get('cache', 'a.b_c-1')?.value).toBe(2);
    expect(store.records.get('cache', 'other')).toBeUndefined();
    expect(store.records.get('other', 'a.b_c-1')).toBeUndefined();
  });

  test('get() is undefined once something that the record roots is gone', () => {
    const { root, store } = tempStore();
    const { digest } = store.content.putBytes(Buffer.from('x'));
    store.records.set('cache', 'blob', { blobs: [digest], value: 1 });
    store.records.set('cache', 'layer', { layers: [digestOf('never') as string as DiffId], value: 1 });
    expect(store.records.get('cache', 'blob')).toBeDefined();
    expect(store.records.get('cache', 'layer')).toBeUndefined();
    rmSync(join(root, 'blobs/sha256', hexOf(digest)));
    expect(store.records.get('cache', 'blob')).toBeUndefined();
  });

  test('get() leases what the record roots', async () => {
    const { root, store } = tempStore();
    const { digest } = store.content.putBytes(Buffer.from('x'));
    store.records.set('cache', 'blob', { blobs: [digest], value: 1 });
    store.close();
    const later = openBareStore(root);
    expect(later.records.get('cache', 'blob')).toBeDefined();
    expect(later.records.delete('cache', 'blob')).toBe(true);
    expect(later.records.delete('cache', 'blob')).toBe(false);
    const other = openBareStore(root);
    expect((await other.gc()).blobs).toEqual([]);
    later.close();
    expect((await other.gc()).blobs).toEqual([digest]);
  });

  test.each(['', '{', '[]', 'null', '{"layers":[],"blobs":["sha256:x"],"value":1}'])(
    'get() is undefined for a file that holds %j',
    (text) => {
      const { root, store } = tempStore();
      store.records.set('cache', 'key', { value: 1 });
      writeFileSync(join(root, 'records/cache/key.json'), text);
      expect(store.records.get('cache', 'key')).toBeUndefined();
      expect([...store.records.list('cache')]).toEqual([]);
    },
  );

  test('get() notes the time of use, to the hour', () => {
    const { root, store } = tempStore();
    const path = join(root, 'records/cache/key.json');
    store.records.set('cache', 'key', { value: 1 });
    const minutesAgo = new Date(Date.now() - 30 * 60_000);
    utimesSync(path, minutesAgo, minutesAgo);
    store.records.get('cache', 'key');
    expect(statSync(path).mtimeMs).toBeCloseTo(minutesAgo.getTime(), -1);
    const hoursAgo = new Date(Date.now() - 3 * 3_600_000);
    utimesSync(path, hoursAgo, hoursAgo);
    store.records.get('cache', 'key');
    expect(Date.now() - [...store.records.list('cache')][0]!.usedAt.getTime()).toBeLessThan(60_000);
  });

  test.each([
    ['cache', '../x'],
    ['cache', ''],
    ['cache', 'A'],
    ['cache', 'a'.repeat(201)],
    ['../cache', 'a'],
    ['', 'a'],
  ])('refuses the space %j with the key %j', (space, key) => {
    const { store } = tempStore();
    expect(() => store.records.set(space, key, { value: 1 })).toThrow(/Invalid record name/);
    expect(() => store.records.get(space, key)).toThrow(/Invalid record name/);
    expect(() => store.records.exclusive(space, key, async () => 1)).toThrow(/Invalid record name/);
  });

  test('takes the key ".." for a name like others', () => {
    const { root, store } = tempStore();
    store.records.set('cache', '..', { value: 1 });
    expect(readdirSync(join(root, 'records/cache'))).toEqual(['...json']);
    expect([...store.records.list('cache')].map(({ key }) => key)).toEqual(['..']);
  });

  test('exclusive() lets one caller of this process in at a time, also when bodies fail', async () => {
    const { root, store } = tempStore();
    let inside = 0;
    const run = (index: number) =>
      store.records.exclusive('cache', 'key', async () => {
        expect(++inside).toBe(1);
        await new Promise((resolve) => setTimeout(resolve, 2));
        inside--;
        if (index % 2 === 1) throw new Error('odd');
        return index;
      });
    const results = await Promise.allSettled(Array.from({ length: 10 }, (_, index) => run(index)));
    expect(results.map(({ status }) => status)).toEqual(
      results.map((_, index) => (index % 2 === 0 ? 'fulfilled' : 'rejected')),
    );
    expect(readdirSync(join(root, 'locks'))).toEqual([]);
  });

  test('tryHold() gives a key that nobody has, until it is given back, and leaves no lock file', async () => {
    const { root, store } = tempStore();
    const release = store.records.tryHold('cache', 'key')!;
    expect(store.records.tryHold('cache', 'key')).toBeUndefined();
    expect(store.records.tryHold('cache', 'other')).toBeTypeOf('function');
    release();
    await store.records.exclusive('cache', 'key', async () => {
      expect(store.records.tryHold('cache', 'key')).toBeUndefined();
    });
    expect(() => store.records.tryHold('cache', '../key')).toThrow(/Invalid record name/);
    expect(readdirSync(join(root, 'locks'))).toEqual(['cache.other']);
  });

  test('exclusive() lets different keys in at once', async () => {
    const { store } = tempStore();
    const reached = await store.records.exclusive('cache', 'a', () =>
      store.records.exclusive('cache', 'b', async () => 'both'),
    );
    expect(reached).toBe('both');
  });

  test('exclusive() lets one process in at a time, and leaves no lock files', async () => {
    const { root } = tempStore();
    const script = bundleScript('test/support/store-process.ts');
    const turns = Array.from({ length: 5 }, () => exitCode(start(script, 'takeTurns', root)));
    expect(await Promise.all(turns)).toEqual([0, 0, 0, 0, 0]);
    expect(readdirSync(join(root, 'locks'))).toEqual([]);
  });

  test('exclusive() goes on after the process inside was killed', async () => {
    const { root, store } = tempStore();
    const child = start(bundleScript('test/support/store-process.ts'), 'takeTurns', root);
    expect(await nextMessage(child)).toBe('in');
    await killHard(child);
    expect(await store.records.exclusive('cache', 'turn', async () => 'mine')).toBe('mine');
    expect(readdirSync(join(root, 'locks'))).toEqual([]);
  });
});
