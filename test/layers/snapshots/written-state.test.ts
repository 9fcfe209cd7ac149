import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { AT_FDCWD, close, O, openAt, setXattr } from '../../../layers/linux/inode.ts';
import { type OverlaySnapshotter, overlaySnapshotter } from '../../../layers/snapshots/overlay.ts';
import type { Layer } from '../../../layers/snapshots/snapshotter.ts';
import { fakeLease } from '../../support/fake-lease.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { contentOf, listTree } from '../../support/tree-listing.ts';

const FILE = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n } as const;
const DIRECTORY = { ...FILE, mode: 0o755 } as const;

let snapshots: OverlaySnapshotter;
let base: Layer;
let upper: string;

beforeEach(() => {
  const root = tempFolder();
  snapshots = overlaySnapshotter({ root, lease: fakeLease() });
  const active = snapshots.prepare([]);
  const writer = active.writer();
  for (const path of ['/etc', '/data', '/data/sub']) writer.mkdir(path, DIRECTORY);
  for (const path of ['/etc/hosts', '/data/a', '/data/b', '/data/sub/c'])
    writer.file(path, Buffer.from(path), FILE);
  writer.finish();
  base = active.commit();
  upper = join(root, 'upper');
  mkdirSync(upper, { mode: 0o755 });
  chmodSync(upper, 0o755);
});

const changes = (ignore: readonly string[] = []) =>
  snapshots
    .written([base], upper)
    .changes(ignore)
    .map(({ kind, path }) => `${kind[0]!.toUpperCase()} ${path}`);

function makeOpaque(path: string): void {
  const fd = openAt(AT_FDCWD, path, O.RDONLY | O.DIRECTORY);
  setXattr(fd, '', `${snapshots.space}opaque`, Buffer.from('y'));
  close(fd);
}

describe('written()', () => {
  test('changes() tells what was added, changed and deleted, directories before what is in them', () => {
    const writer = snapshots.written([base], upper).writer();
    writer.file('/new', Buffer.from('new'), FILE);
    writer.file('/data/a', Buffer.from('other'), FILE);
    writer.remove('/data/b');
    writer.mkdirAll('/data/sub/x/y', DIRECTORY);
    writer.finish();
    expect(changes()).toEqual([
      'C /data',
      'C /data/a',
      'D /data/b',
      'C /data/sub',
      'A /data/sub/x',
      'A /data/sub/x/y',
      'A /new',
    ]);
  });

  test('changes() tells what a directory that was made anew hides', () => {
    mkdirSync(join(upper, 'data'), { mode: 0o755 });
    makeOpaque(join(upper, 'data'));
    writeFileSync(join(upper, 'data/a'), 'again');
    expect(changes()).toEqual(['C /data', 'C /data/a', 'D /data/b', 'D /data/sub']);
  });

  test('changes() passes over places for mounts, unless there is something in them', () => {
    for (const path of ['etc', 'proc', 'run/x'])
      mkdirSync(join(upper, path), { recursive: true, mode: 0o755 });
    for (const path of ['etc/resolv.conf', '.marker']) writeFileSync(join(upper, path), '');
    const stubs = ['/etc/resolv.conf', '/.marker', '/proc', '/run/x'];
    expect(changes(stubs)).toEqual(['A /run']);
    writeFileSync(join(upper, 'etc/resolv.conf'), 'written');
    writeFileSync(join(upper, 'proc/file'), '');
    expect(changes(stubs)).toEqual(['C /etc', 'A /etc/resolv.conf', 'A /proc', 'A /proc/file', 'A /run']);
    expect(changes()).toContain('A /.marker');
  });

  test('tree() shows the layers under what was written, as it is now', () => {
    const tree = snapshots.written([base], upper).tree();
    expect(contentOf(tree, tree.lookup('/data/a')!)).toBe('/data/a');
    mkdirSync(join(upper, 'data'));
    writeFileSync(join(upper, 'data/a'), 'changed');
    expect(contentOf(tree, tree.lookup('/data/a')!)).toBe('changed');
    tree.close();
  });

  test('copy() is a snapshot of its own that commits to the same layer', async () => {
    const written = snapshots.written([base], upper);
    const writer = written.writer();
    writer.file('/data/a', Buffer.alloc(200_000, 'x'), { ...FILE, mode: 0o4711, uid: 3 });
    writer.link('/data/twin', '/data/a');
    writer.remove('/data/b');
    writer.symlink('/link', '/data', FILE);
    writer.mknod('/pipe', { type: 'fifo', major: 0, minor: 0 }, FILE);
    writer.finish();
    mkdirSync(join(upper, 'etc'), { mode: 0o755 });
    makeOpaque(join(upper, 'etc'));
    const expected = listTree(written.tree());
    const copy = written.copy();
    writeFileSync(join(upper, 'later'), '');
    const layer = copy.commit();
    await layer.diff;
    expect(listTree(snapshots.view([base, layer]))).toEqual(expected);
    expect(Object.keys(expected)).toContain('/data/twin');
    expect(Object.keys(expected)).not.toContain('/etc/hosts');
    expect(expected['/data/twin']).toContain('file 4711 3 0 2 ');
  });
});
