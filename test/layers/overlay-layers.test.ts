import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test } from 'vitest';
import { bytePath, type DiffId, digestOf, digestOfDiff, MediaType, openStore } from '../../layers/index.ts';
import { bundleScript, exitCode, killHard, nextMessage, start } from '../support/child-process.ts';
import { tempFolder } from '../support/temp-folder.ts';

function overlayStore() {
  const root = join(tempFolder(), 'store');
  const open = () => {
    const store = openStore(root);
    onTestFinished(() => store.close());
    return store;
  };
  return { root, store: open(), open };
}

/** A layer blob as GNU tar and gzip make it. */
function layerBlob() {
  const folder = tempFolder();
  mkdirSync(join(folder, 'etc'));
  writeFileSync(join(folder, 'etc/motd'), 'hello');
  symlinkSync('motd', join(folder, 'etc/issue'));
  const blob = join(tempFolder(), 'layer.tar.gz');
  execFileSync('tar', ['-C', folder, '-czf', blob, 'etc']);
  const bytes = readFileSync(blob);
  const descriptor = { mediaType: MediaType.ociLayerGzip, digest: digestOf(bytes), size: bytes.length };
  return { blob, descriptor, diffId: digestOf(gunzipSync(bytes)) as string as DiffId };
}

const attributes = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n };

describe('openStore() with overlay layers', () => {
  test('unpacks a foreign layer, and finds nothing wrong with it', async () => {
    const { root, store, open } = overlayStore();
    const { blob, descriptor, diffId } = layerBlob();
    const layer = await store.unpack(descriptor, diffId, createReadStream(blob));
    expect(readFileSync(join(layer.directory(), 'etc/motd'), 'utf8')).toBe('hello');
    const tree = store.snapshots.view([layer]);
    expect(tree.lookup(bytePath('/etc/issue'), { follow: true })?.path).toBe('/etc/motd');
    // Other bytes than ours would be: its blob stays.
    expect(store.content.info(descriptor.digest)).toEqual({
      digest: descriptor.digest,
      size: descriptor.size,
    });
    expect(store.blobOf(diffId)).toEqual(descriptor);
    expect(await store.check()).toEqual([]);
    store.close();
    for (const area of ['active', 'ingest', 'leases', 'trash'])
      expect(readdirSync(join(root, area))).toEqual([]);
    const later = open();
    expect(later.snapshots.layer(diffId)?.info.diffId).toBe(diffId);
  });

  test('commits a layer whose tar can be read as its blob', async () => {
    const { store } = overlayStore();
    const snapshot = store.snapshots.prepare([]);
    snapshot.writer().file(bytePath('/greeting'), Buffer.from('hello'), attributes);
    const { diffId, size } = await snapshot.commit().diff;
    const digest = digestOfDiff(diffId);
    expect(store.content.info(digest)).toEqual({ digest, size });
    expect(store.blobOf(diffId)).toEqual({ mediaType: MediaType.ociLayer, digest, size });
    const tar = await buffer(store.content.read(digest));
    expect(`sha256:${createHash('sha256').update(tar).digest('hex')}`).toBe(digest);
    expect(tar.includes('greeting')).toBe(true);
    expect((await buffer(store.content.read(digest, 512))).equals(tar.subarray(512))).toBe(true);
    expect(await store.check()).toEqual([]);
  });

  test('collects a layer once the record that roots it is dropped', async () => {
    const { root, store, open } = overlayStore();
    const snapshot = store.snapshots.prepare([]);
    snapshot.writer().file(bytePath('/greeting'), Buffer.from('hello'), attributes);
    const { diffId } = await snapshot.commit().diff;
    store.records.set('cache', 'step', { layers: [diffId], value: 1 });
    store.close();
    const later = open();
    expect(await later.gc()).toEqual({ blobs: [], layers: [], records: [], reclaimed: 0 });
    const report = await later.gc({ dropRecords: () => true });
    expect(report).toMatchObject({ layers: [diffId], records: ['cache/step'] });
    expect(report.reclaimed).toBeGreaterThan(0);
    expect(readdirSync(join(root, 'layers/sha256'))).toEqual([]);
    expect(later.records.get('cache', 'step')).toBeUndefined();
  });

  test('a record whose layer was damaged counts as absent', async () => {
    const { root, store, open } = overlayStore();
    const { blob, descriptor, diffId } = layerBlob();
    await store.unpack(descriptor, diffId, createReadStream(blob));
    store.records.set('cache', 'step', { layers: [diffId], value: 1 });
    store.close();
    const later = open();
    writeFileSync(join(root, 'layers/sha256', diffId.slice(7), 'layer.json'), '');
    expect(later.records.get('cache', 'step')).toBeUndefined();
    // And it can be made again in its place.
    const layer = await later.unpack(descriptor, diffId);
    expect(existsSync(join(layer.directory(), 'etc/motd'))).toBe(true);
    expect(later.records.get('cache', 'step')).toBeDefined();
  });

  test('after a kill -9 in the middle of a snapshot, the next command leaves nothing of it', async () => {
    const { root, store, open } = overlayStore();
    store.close();
    const script = bundleScript('test/support/store-process.ts');
    for (let round = 0; round < 3; round++) {
      const child = start(script, 'commitForever', root);
      expect(await nextMessage(child)).toBe('busy');
      await killHard(child);
      expect(readdirSync(join(root, 'active')).length).toBeGreaterThan(3);
      open().close();
      for (const area of ['leases', 'active', 'ingest']) expect(readdirSync(join(root, area))).toEqual([]);
    }
    const later = open();
    expect([...later.snapshots.list()].length).toBeGreaterThan(3);
    expect(await later.check()).toEqual([]);
  });

  test('10 processes unpack the same layer at once, and all get it', async () => {
    const { root, open } = overlayStore();
    const tar = join(tempFolder(), 'layer.tar');
    writeFileSync(tar, gunzipSync(readFileSync(layerBlob().blob)));
    const script = bundleScript('test/support/store-process.ts');
    const codes = Array.from({ length: 10 }, () => exitCode(start(script, 'unpackTogether', root, tar)));
    expect(await Promise.all(codes)).toEqual(codes.map(() => 0));
    expect(readdirSync(join(root, 'layers/sha256'))).toHaveLength(1);
    expect(await open().check()).toEqual([]);
  });
});
