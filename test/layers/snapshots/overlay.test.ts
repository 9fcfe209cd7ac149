import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hashLayer } from '../../../layers/diff/hash-layer.ts';
import { type OverlaySnapshotterOptions, overlaySnapshotter } from '../../../layers/snapshots/overlay.ts';
import { snapshotterContract } from '../../contract/snapshotter.ts';
import { fakeLease } from '../../support/fake-lease.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'snapshots-'));
});

afterEach(() => {
  rmSync(root, { recursive: true, force: true });
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
  expect(readdirSync(join(root, 'active'))).toEqual([]);
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
  const layer = snapshots.prepare([]).commit();
  expect(layer.directory()).toContain('/active/');
  expect(snapshots.prepare([layer]).root().lower).toEqual([layer.directory()]);
  release();
  await layer.diff;
  expect(layer.directory()).toContain('/layers/sha256/');
});

test('a damaged layer record counts as absent, and the next commit repairs it', async () => {
  const commit = async () => {
    const active = make().prepare([]);
    active.writer().file('/a', Buffer.from('text'), FILE);
    return await active.commit().diff;
  };
  const { diffId } = await commit();
  const record = join(root, 'layers', diffId.replace(':', '/'), 'layer.json');
  rmSync(record);
  expect(make().layer(diffId)).toBeUndefined();
  await commit();
  expect(make().layer(diffId)?.info.diffId).toBe(diffId);
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
