import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { hashLayer } from '../../../layers/diff/hash-layer.ts';
import { directoryTree } from '../../../layers/snapshots/directory-tree.ts';
import {
  type OverlaySnapshotter,
  type OverlaySnapshotterOptions,
  overlaySnapshotter,
} from '../../../layers/snapshots/overlay.ts';
import type { ActiveSnapshot, Layer } from '../../../layers/snapshots/snapshotter.ts';
import { snapshotterContract } from '../../contract/snapshotter.ts';
import { fakeLease } from '../../support/fake-lease.ts';
import { mountOverlay, whyNoOverlay } from '../../support/kernel-overlay.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { listTree } from '../../support/tree-listing.ts';

let root: string;

beforeEach(() => {
  root = tempFolder();
});

const make = (options: Partial<OverlaySnapshotterOptions> = {}) =>
  overlaySnapshotter({ root, lease: fakeLease(), ...options });

const FILE = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n } as const;

snapshotterContract('overlaySnapshotter', () => make());

test('commit() publishes the directory with a record beside it, and holds it', async () => {
  const lease = fakeLease();
  const active = make({ lease }).prepare([]);
  active.writer().file('/a', Buffer.from('text'), FILE);
  const { diffId, size } = await active.commit().diff;
  const home = join(root, 'layers', diffId.replace(':', '/'));
  expect(readdirSync(home).sort()).toEqual(['fs', 'layer.json']);
  expect(JSON.parse(readFileSync(join(home, 'layer.json'), 'utf8'))).toMatchObject({
    version: 1,
    diffId,
    size,
    entries: 1,
    disk: 4096,
  });
  expect([...lease.held]).toEqual([`layer ${diffId}`]);
});

test('commit() rejects diff and leaves nothing when hashing fails', async () => {
  const snapshots = make({ hash: () => Promise.reject(new Error('no hash')) });
  const layer = snapshots.prepare([]).commit();
  await expect(layer.diff).rejects.toThrow('no hash');
  expect(() => layer.directory()).toThrow(/could not be hashed/);
  expect(readdirSync(join(root, 'active'))).toEqual([]);
  expect([...snapshots.list()]).toEqual([]);
});

test('directory() moves from the private place to the published one when diff resolves', async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  const snapshots = make({ hash: (...args) => gate.then(() => hashLayer(...args)) });
  const active = snapshots.prepare([]);
  active.writer().file('/a', Buffer.from('text'), FILE);
  const layer = active.commit();
  const before = layer.directory();
  expect(before).toContain('/active/');
  expect(snapshots.prepare([layer]).root().lower).toEqual([before]);
  release();
  await layer.diff;
  expect(layer.directory()).toContain('/layers/sha256/');
  // Who was told the old path may still be on the way to mount it.
  expect(realpathSync(before)).toBe(realpathSync(layer.directory()));
});

test.each(['nothing', 'a symlink to nowhere', 'an empty directory'])(
  '%s in the place of a layer counts as absent, and the next commit repairs it',
  async (what) => {
    const commit = async () => {
      const active = make().prepare([]);
      active.writer().file('/a', Buffer.from('text'), FILE);
      return await active.commit().diff;
    };
    const { diffId } = await commit();
    const home = join(root, 'layers', diffId.replace(':', '/'));
    rmSync(home, { recursive: true });
    if (what === 'a symlink to nowhere') symlinkSync('nowhere', home);
    if (what === 'an empty directory') mkdirSync(home);
    expect(make().layer(diffId)).toBeUndefined();
    expect([...make().list()]).toEqual([]);
    await commit();
    expect(make().layer(diffId)?.info.diffId).toBe(diffId);
  },
);

test('publish() leaves nothing private behind, whether the layer was new or there already', async () => {
  const snapshots = make();
  for (const _ of [1, 2]) {
    const { info } = await snapshots.publish(async (directory) => {
      writeFileSync(join(directory, 'a'), 'text');
      utimesSync(join(directory, 'a'), 0, 0);
      return await hashLayer(directory);
    });
    expect(snapshots.layer(info.diffId)?.info.diffId).toBe(info.diffId);
  }
  await expect(snapshots.publish(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  expect(readdirSync(join(root, 'active'))).toEqual([]);
  expect([...snapshots.list()]).toHaveLength(1);
});

test('root() names lower layers bottom first and an empty work directory each time', () => {
  const snapshots = make();
  const layers = [snapshots.prepare([]).commit(), snapshots.prepare([]).commit()];
  const active = snapshots.prepare(layers);
  const first = active.root();
  expect(first).toMatchObject({ lower: layers.map((layer) => layer.directory()), volatile: true });
  expect(readdirSync(first.work!)).toEqual([]);
  expect(active.root()).toEqual(first);
});

test('prepare() gives the root the owner, mode and time that it has below', async () => {
  const snapshots = make();
  const base = snapshots.prepare([]);
  base.writer().setAttributes('/', { mode: 0o555, uid: 7, gid: 8, mtimeNs: 123_456_789n });
  const active = snapshots.prepare([base.commit()]);
  const { mode, uid, gid, mtimeNs } = active.tree().lookup('/')!.stat;
  expect({ mode, uid, gid, mtimeNs }).toEqual({ mode: 0o555, uid: 7, gid: 8, mtimeNs: 123_456_789n });
});

test('everything is made in directories that only their owner can enter', async () => {
  const before = process.umask(0);
  try {
    await make().prepare([]).commit().diff;
    const active = make().prepare([]);
    active.root();
  } finally {
    process.umask(before);
  }
  for (const name of ['active', 'layers', 'layers/sha256', 'trash'])
    expect(statSync(join(root, name)).mode & 0o777, name).toBe(0o700);
  for (const parent of ['active', 'layers/sha256'])
    for (const name of readdirSync(join(root, parent)))
      expect(statSync(join(root, parent, name)).mode & 0o777, name).toBe(0o700);
});

const reason = whyNoOverlay();
if (reason !== undefined) console.warn(`Skipping what needs mounted snapshots: ${reason}`);

describe.skipIf(reason !== undefined)('snapshots that were mounted', () => {
  const DIRECTORY = { ...FILE, mode: 0o755 } as const;

  /** Lets `body` work in the mounted snapshot, with plain system calls. */
  async function inMounted(active: ActiveSnapshot, body: (path: string) => void): Promise<void> {
    const mounted = await mountOverlay(active.root(), join(root, 'merged'));
    body(mounted.path);
    await mounted.unmount();
  }

  function base(snapshots: OverlaySnapshotter): Layer {
    const active = snapshots.prepare([]);
    const writer = active.writer();
    for (const path of ['/etc', '/usr', '/usr/lib']) writer.mkdir(path, DIRECTORY);
    for (const path of ['/etc/passwd', '/init']) writer.file(path, Buffer.from('root'), FILE);
    writer.finish();
    return active.commit();
  }

  test('commit() gives the same diff ID for the same changes, whether a process or a writer made them', async () => {
    const snapshots = make();
    const parent = base(snapshots);
    const written = snapshots.prepare([parent]);
    const writer = written.writer();
    for (const path of ['/a', '/a/b', '/usr/lib/c']) writer.mkdir(path, DIRECTORY);
    writer.file('/a/b/file', Buffer.from('text'), FILE);
    writer.remove('/etc');
    writer.mkdir('/etc', DIRECTORY);
    writer.remove('/init');
    writer.mkdir('/init', DIRECTORY);
    writer.finish();
    const made = snapshots.prepare([parent]);
    await inMounted(made, (path) => {
      for (const name of ['b', 'a', 'usr/lib/c']) mkdirSync(join(path, name), { mode: 0o755 });
      writeFileSync(join(path, 'b/file'), 'text', { mode: 0o644 });
      renameSync(join(path, 'b'), join(path, 'a/b'));
      rmSync(join(path, 'etc'), { recursive: true });
      mkdirSync(join(path, 'etc'), { mode: 0o755 });
      rmSync(join(path, 'init'));
      mkdirSync(join(path, 'init'), { mode: 0o755 });
      for (const name of ['a/b/file', 'a/b', 'a', 'usr/lib/c', 'usr/lib', 'etc', 'init'])
        utimesSync(join(path, name), 0, 0);
    });
    expect((await made.commit().diff).diffId).toBe((await written.commit().diff).diffId);
  });

  test('commit() of a process that changed nothing but met mount points is the empty layer', async () => {
    const snapshots = make();
    const parent = base(snapshots);
    const empty = await snapshots.prepare([]).commit().diff;
    const active = snapshots.prepare([parent]);
    await inMounted(active, (path) => {
      mkdirSync(join(path, 'run/secrets'), { recursive: true });
      writeFileSync(join(path, 'run/secrets/key'), '');
      writeFileSync(join(path, 'etc/resolv.conf'), '');
    });
    const ignore = ['/run/secrets/key', '/run/secrets', '/run', '/etc/resolv.conf'];
    expect(await active.commit({ ignore }).diff).toEqual(empty);
  });

  test('commit() keeps what a process did beside a mount point', async () => {
    const snapshots = make();
    const parent = base(snapshots);
    const active = snapshots.prepare([parent]);
    await inMounted(active, (path) => {
      writeFileSync(join(path, 'etc/resolv.conf'), '');
      writeFileSync(join(path, 'etc/hosts'), '');
      chmodSync(join(path, 'usr'), 0o700);
      mkdirSync(join(path, 'usr/stub'));
      chmodSync(join(path, 'usr/lib'), 0o700);
      writeFileSync(join(path, 'etc/passwd'), '');
    });
    const layer = active.commit({ ignore: ['/etc/resolv.conf', '/usr/stub', '/etc/passwd', '/usr/lib'] });
    const listing = listTree(directoryTree(layer.directory()));
    expect(Object.keys(listing)).toEqual(['/', '/etc', '/etc/hosts', '/etc/passwd', '/usr', '/usr/lib']);
    expect(listing['/usr']).toMatch(/^directory 700/);
    await layer.diff;
  });

  test.each(['directory', 'file'])(
    'commit() touches nothing outside when a process puts a symlink where a %s mount point was',
    async (kind) => {
      const canary = join(root, 'canary');
      mkdirSync(join(canary, 'b'), { recursive: true });
      writeFileSync(join(canary, 'file'), '');
      const snapshots = make();
      const active = snapshots.prepare([base(snapshots)]);
      await inMounted(active, (path) => {
        if (kind === 'directory') symlinkSync(canary, join(path, 'a'));
        else mkdirSync(join(path, 'a'));
        if (kind === 'file') symlinkSync(join(canary, 'file'), join(path, 'a/file'));
      });
      const layer = active.commit({ ignore: ['/a/b', '/a/file', '/a', '/a/../../canary/file'] });
      expect(readdirSync(canary).sort()).toEqual(['b', 'file']);
      const expected = kind === 'directory' ? ['/', '/a'] : ['/', '/a', '/a/file'];
      expect(Object.keys(listTree(directoryTree(layer.directory())))).toEqual(expected);
      await layer.diff;
    },
  );

  test('root() can be mounted again after a process, and shows what it left', async () => {
    const snapshots = make();
    const active = snapshots.prepare([base(snapshots)]);
    await inMounted(active, (path) => writeFileSync(join(path, 'one'), ''));
    active.writer().file('/two', Buffer.alloc(0), FILE);
    await inMounted(active, (path) =>
      expect(readdirSync(path)).toEqual(['etc', 'init', 'one', 'two', 'usr']),
    );
    expect(active.tree().lookup('/one')?.stat.type).toBe('file');
    const { upper } = active.root();
    active.abort();
    expect(existsSync(upper!)).toBe(false);
  });

  test('a mount over a layer outlives its publication under another name', async () => {
    const snapshots = make();
    const twin = base(snapshots);
    const layer = base(snapshots);
    const mounted = await mountOverlay(snapshots.prepare([layer]).root(), join(root, 'merged'));
    await Promise.all([twin.diff, layer.diff]);
    expect(layer.directory()).toBe(twin.directory());
    expect(readFileSync(join(mounted.path, 'etc/passwd'), 'utf8')).toBe('root');
    await mounted.unmount();
  });
});
