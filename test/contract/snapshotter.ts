import { describe, expect, test } from 'vitest';
import type { DiffId, DiffInfo, Layer, Snapshotter } from '../../layers/index.ts';
import { contentOf, listTree } from '../support/tree-listing.ts';

type Publish = (
  fill: (directory: string) => Promise<DiffInfo>,
) => Promise<Layer & { readonly info: DiffInfo }>;

const FILE = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_000_000_001n } as const;
const DIRECTORY = { ...FILE, mode: 0o755 } as const;

/** What every {@link Snapshotter} must do. `make` opens one on an empty store; the caller cleans up. */
export function snapshotterContract(
  name: string,
  make: () => Snapshotter & { readonly publish: Publish },
): void {
  /** A committed layer with one file on top of `parents`. */
  function layerWith(
    snapshots: Snapshotter,
    path: string,
    text: string,
    parents: readonly Layer[] = [],
  ): Layer {
    const active = snapshots.prepare(parents);
    const writer = active.writer();
    writer.file(path, Buffer.from(text), FILE);
    writer.finish();
    return active.commit();
  }

  describe(`${name}: the contract of snapshotters`, () => {
    test('prepare() shows the parents, and writing does not change them', () => {
      const snapshots = make();
      const base = layerWith(snapshots, '/a', 'one');
      const active = snapshots.prepare([base]);
      expect(active.parents).toEqual([base]);
      active.writer().file('/a', Buffer.from('two'), FILE);
      const tree = active.tree();
      expect(contentOf(tree, tree.lookup('/a')!)).toBe('two');
      const below = snapshots.view([base]);
      expect(contentOf(below, below.lookup('/a')!)).toBe('one');
      active.abort();
    });

    test('commit() answers with a layer that can be stacked before it is hashed', async () => {
      const snapshots = make();
      const base = layerWith(snapshots, '/a', 'one');
      const next = layerWith(snapshots, '/b', 'two', [base]);
      expect(Object.keys(listTree(snapshots.view([base, next])))).toEqual(['/', '/a', '/b']);
      await Promise.all([base.diff, next.diff]);
      expect(Object.keys(listTree(snapshots.view([base, next])))).toEqual(['/', '/a', '/b']);
    });

    test('commit() gives equal changes the same diff ID and one place', async () => {
      const snapshots = make();
      const layers = [layerWith(snapshots, '/a', 'one'), layerWith(snapshots, '/a', 'one')];
      const [first, second] = await Promise.all(layers.map(({ diff }) => diff));
      expect(first).toEqual(second);
      expect(first!.diffId).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(layers[0]!.directory()).toBe(layers[1]!.directory());
      const other = await layerWith(snapshots, '/a', 'two').diff;
      expect(other.diffId).not.toBe(first!.diffId);
    });

    test('commit() keeps a view alive that was opened before the diff was known', async () => {
      const snapshots = make();
      const first = layerWith(snapshots, '/a', 'one');
      const twin = layerWith(snapshots, '/a', 'one');
      const view = snapshots.view([twin]);
      const node = view.lookup('/a')!;
      await Promise.all([first.diff, twin.diff]);
      expect(contentOf(view, node)).toBe('one');
    });

    test('layer() finds what was committed, by diff ID, and nothing else', async () => {
      const snapshots = make();
      const { diffId, size } = await layerWith(snapshots, '/a', 'one').diff;
      const found = snapshots.layer(diffId)!;
      expect(found.info).toMatchObject({ diffId, size });
      await expect(found.diff).resolves.toMatchObject({ diffId });
      expect(Object.keys(listTree(snapshots.view([found])))).toEqual(['/', '/a']);
      expect(snapshots.layer(`sha256:${'0'.repeat(64)}` as DiffId)).toBeUndefined();
    });

    test('list() names every layer with its sizes', async () => {
      const snapshots = make();
      expect([...snapshots.list()]).toEqual([]);
      const layers = [layerWith(snapshots, '/a', 'one'), layerWith(snapshots, '/b', 'x'.repeat(10_000))];
      const infos = await Promise.all(layers.map(({ diff }) => diff));
      const listed = [...snapshots.list()];
      expect(listed.map(({ diffId }) => diffId).sort()).toEqual(infos.map(({ diffId }) => diffId).sort());
      for (const { diffId, size, disk, directory } of listed) {
        expect(size).toBe(infos.find((info) => info.diffId === diffId)!.size);
        expect(disk).toBeGreaterThan(0);
        expect(directory).toBe(snapshots.layer(diffId)!.directory());
      }
    });

    test('abort() takes the changes away, at any time and more than once', async () => {
      const snapshots = make();
      const active = snapshots.prepare([]);
      active.writer().mkdir('/a', DIRECTORY);
      active.abort();
      active.abort();
      expect(() => active.writer()).toThrow(/committed or thrown away/);
      const committed = snapshots.prepare([]);
      committed.writer().mkdir('/a', DIRECTORY);
      const layer = committed.commit();
      committed.abort();
      const { diffId } = await layer.diff;
      expect(Object.keys(listTree(snapshots.view([snapshots.layer(diffId)!])))).toEqual(['/', '/a']);
    });

    test('commit() leaves out stubs of mounts that are still empty, and keeps those that are not', async () => {
      const snapshots = make();
      const base = layerWith(snapshots, '/etc-hosts', '');
      const active = snapshots.prepare([base]);
      const writer = active.writer();
      for (const path of ['/run', '/run/secrets', '/used']) writer.mkdir(path, DIRECTORY);
      for (const path of ['/stub', '/run/secrets/one', '/used/file', '/written'])
        writer.file(path, Buffer.from(path === '/written' ? 'text' : ''), FILE);
      writer.symlink('/link', '/etc-hosts', FILE);
      const ignore = ['/run', '/run/secrets', '/run/secrets/one', '/stub', '/used', '/written', '/link'];
      const layer = active.commit({ ignore: [...ignore, '/etc-hosts', '/nowhere/at/all', '/', '/link/x'] });
      expect(Object.keys(listTree(snapshots.view([base, layer])))).toEqual([
        '/',
        '/etc-hosts',
        '/link',
        '/used',
        '/used/file',
        '/written',
      ]);
      await layer.diff;
    });

    test('commit() of a snapshot with stubs alone is an empty layer', async () => {
      const snapshots = make();
      const empty = await snapshots.prepare([]).commit().diff;
      const active = snapshots.prepare([layerWithDirectory(snapshots, '/etc')]);
      active.writer().file('/etc/resolv.conf', Buffer.alloc(0), FILE);
      expect(await active.commit({ ignore: ['/etc/resolv.conf'] }).diff).toEqual(empty);
    });

    test('commit() makes nothing newer than it is told, links and directories included', async () => {
      const snapshots = make();
      const active = snapshots.prepare([]);
      const writer = active.writer();
      writer.mkdir('/new', DIRECTORY);
      writer.mkdir('/new/directory', { ...DIRECTORY, mtimeNs: 9_000_000_000n });
      writer.file('/new/old', Buffer.from(''), FILE);
      writer.symlink('/new/link', '/etc', { ...FILE, mtimeNs: 9_000_000_000n });
      writer.file('/new/new', Buffer.from(''), { ...FILE, mtimeNs: 9_000_000_000n });
      const layer = active.commit({ newestNs: 2_000_000_000n });
      expect(timesOf(snapshots, layer)).toEqual({
        '/': 2_000_000_000n,
        '/new': DIRECTORY.mtimeNs,
        '/new/directory': 2_000_000_000n,
        '/new/link': 2_000_000_000n,
        '/new/new': 2_000_000_000n,
        '/new/old': FILE.mtimeNs,
      });
      await layer.diff;
    });

    test('notNewerThan() makes another layer of one that has newer files, and of no other', async () => {
      const snapshots = make();
      const layer = layerWith(snapshots, '/a', 'one');
      const limit = BigInt(Date.now() + 60_000) * 1_000_000n;
      expect(await snapshots.notNewerThan(layer, limit)).toBe(layer);
      const older = await snapshots.notNewerThan(layer, 1_000_000_000n);
      expect(timesOf(snapshots, older)).toMatchObject({ '/a': 1_000_000_000n });
      expect(timesOf(snapshots, layer)['/a']).toBe(FILE.mtimeNs);
      expect((await older.diff).diffId).not.toBe((await layer.diff).diffId);
      expect(await snapshots.notNewerThan(older, 1_000_000_000n)).toBe(older);
    });

    test('view() of no layers is an empty directory', () => {
      const tree = make().view([]);
      expect(tree.lookup('/')).toMatchObject({ stat: { type: 'directory', mode: 0o755 } });
      expect(tree.children(tree.lookup('/')!)).toEqual([]);
      expect(tree.xattrs(tree.lookup('/')!)).toEqual([]);
      expect(tree.lookup('/a')).toBeUndefined();
    });

    test('publish() brings in a layer; a second one with the same diff ID is the first', async () => {
      const snapshots = make();
      const info = await layerWith(snapshots, '/a', 'one').diff;
      const published = await snapshots.publish(async () => info);
      expect(published.info.diffId).toBe(info.diffId);
      expect(published.directory()).toBe(snapshots.layer(info.diffId)!.directory());
      expect(Object.keys(listTree(snapshots.view([published])))).toEqual(['/', '/a']);
    });

    test('publish() leaves nothing when filling fails', async () => {
      const snapshots = make();
      await expect(snapshots.publish(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
      expect([...snapshots.list()]).toEqual([]);
    });
  });

  function timesOf(snapshots: Snapshotter, layer: Layer): Readonly<Record<string, bigint>> {
    const tree = snapshots.view([layer]);
    const paths = Object.keys(listTree(tree)).sort();
    return Object.fromEntries(paths.map((path) => [path, tree.lookup(path)!.stat.mtimeNs]));
  }

  function layerWithDirectory(snapshots: Snapshotter, path: string): Layer {
    const active = snapshots.prepare([]);
    active.writer().mkdir(path, DIRECTORY);
    return active.commit();
  }
}
