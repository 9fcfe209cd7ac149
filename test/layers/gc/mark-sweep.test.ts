import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import {
  type Descriptor,
  type DiffId,
  type Digest,
  digestOf,
  digestOfDiff,
  MediaType,
  type Store,
} from '../../../layers/index.ts';
import { bundleScript, exitCode, nextMessage, start } from '../../support/child-process.ts';
import { makeLayer } from '../../support/store-parts.ts';
import { openBareStore, tempStore } from '../../support/temp-store.ts';

const NAME = 'docker.io/library/app:latest';

function put(store: Store, mediaType: string, value: unknown): Descriptor {
  const info = store.content.putBytes(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)));
  return { mediaType, ...info };
}

async function putLayer(store: Store, text: string): Promise<DiffId> {
  const digest = digestOf(text);
  const diffId = digest as string as DiffId;
  await store.unpack(
    { mediaType: MediaType.ociLayer, digest, size: Buffer.byteLength(text) },
    diffId,
    Readable.from([Buffer.from(text)]),
  );
  return diffId;
}

/** An image of one layer, whose blob is called for by the manifest and whose directory by the configuration. */
async function putImage(
  store: Store,
  text: string,
): Promise<{ readonly manifest: Descriptor; readonly all: readonly Digest[]; readonly diffId: DiffId }> {
  const diffId = await putLayer(store, text);
  const rootfs = { type: 'layers', diff_ids: [diffId] };
  const config = put(store, MediaType.ociConfig, { os: 'linux', architecture: 'amd64', rootfs });
  const layers = [{ mediaType: MediaType.ociLayer, digest: diffId, size: text.length }];
  const manifest = put(store, MediaType.ociManifest, {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config,
    layers,
  });
  return { manifest, all: [manifest.digest, config.digest, digestOfDiff(diffId)], diffId };
}

const blobsOf = (store: Store) => [...store.content.list()].map(({ digest }) => digest).sort();
const layersOf = (store: Store) => [...store.snapshots.list()].map(({ diffId }) => diffId).sort();
const reopen = (store: Store) => {
  store.close();
  return openBareStore(store.root);
};

describe('collect()', () => {
  test('keeps what images lead to, and removes the rest', async () => {
    const { store } = tempStore();
    const kept = await putImage(store, 'kept');
    const lost = await putImage(store, 'lost');
    store.images.set(NAME, kept.manifest);
    const later = reopen(store);
    const report = await later.gc();
    expect([...report.blobs].sort()).toEqual([...lost.all].sort());
    expect(report.layers).toEqual([lost.diffId]);
    expect(report.reclaimed).toBeGreaterThan(100);
    expect(blobsOf(later)).toEqual([...kept.all].sort());
    expect(layersOf(later)).toEqual([kept.diffId]);
    expect(readdirSync(join(later.root, 'trash'))).toEqual([]);
    expect(await later.check()).toEqual([]);
  });

  test('follows an index to the platforms that are there', async () => {
    const { store } = tempStore();
    const image = await putImage(store, 'kept');
    const absent = { mediaType: MediaType.ociManifest, digest: digestOf('absent'), size: 6 };
    const index = put(store, MediaType.ociIndex, {
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [image.manifest, absent],
    });
    store.images.set(NAME, index);
    const later = reopen(store);
    expect((await later.gc()).blobs).toEqual([]);
    expect(blobsOf(later)).toEqual([...image.all, index.digest].sort());
    expect(await later.check()).toEqual([]);
  });

  test('keeps what records root, until they are dropped', async () => {
    const { store } = tempStore();
    const diffId = await putLayer(store, 'cached');
    const blob = store.content.putBytes(Buffer.from('blob')).digest;
    store.records.set('cache', 'step', { layers: [diffId], blobs: [blob], value: 1 });
    const later = reopen(store);
    expect(await later.gc()).toEqual({ blobs: [], layers: [], records: [], reclaimed: 0 });
    const seen: unknown[] = [];
    const dropRecords = (space: string, key: string, usedAt: Date) => {
      seen.push([space, key, Date.now() - usedAt.getTime() < 60_000]);
      return true;
    };
    const dry = await later.gc({ dropRecords, dryRun: true });
    expect({ ...dry, blobs: [...dry.blobs].sort() }).toMatchObject({
      blobs: [blob, digestOfDiff(diffId)].sort(),
      layers: [diffId],
      records: ['cache/step'],
    });
    expect(later.records.list('cache')).toSatisfy((list: Iterable<unknown>) => [...list].length === 1);
    expect(await later.gc({ dropRecords })).toEqual(dry);
    expect(seen).toEqual([
      ['cache', 'step', true],
      ['cache', 'step', true],
    ]);
    expect([blobsOf(later), layersOf(later)]).toEqual([[], []]);
  });

  test('keeps a layer that was made here and is named by the digest of its tar', async () => {
    const { store } = tempStore();
    const diffId = await makeLayer(store, 'local');
    store.records.set('cache', 'step', { blobs: [digestOfDiff(diffId)], value: 1 });
    const later = reopen(store);
    expect((await later.gc()).layers).toEqual([]);
    expect(later.records.get('cache', 'step')).toBeDefined();
  });

  test('removes records that cannot be read', async () => {
    const { store } = tempStore();
    store.records.set('cache', 'good', { value: 1 });
    writeFileSync(join(store.root, 'records/cache/bad.json'), '{"layers":');
    expect(store.records.get('cache', 'bad')).toBeUndefined();
    expect((await store.gc()).records).toEqual(['cache/bad']);
    expect(existsSync(join(store.root, 'records/cache/bad.json'))).toBe(false);
  });

  test('keeps what this process has found or written', async () => {
    const { store } = tempStore();
    const image = await putImage(store, 'mine');
    expect(await store.gc()).toMatchObject({ blobs: [], layers: [] });
    const later = reopen(store);
    // Only the manifest is looked at: what it leads to stays too.
    expect(later.content.info(image.manifest.digest)).toBeDefined();
    expect(await later.gc()).toMatchObject({ blobs: [], layers: [] });
  });

  test('keeps what another living process has found, and takes it when that is killed', async () => {
    const { store } = tempStore();
    const { digest } = store.content.putBytes(Buffer.from('shared'));
    const child = start(bundleScript('test/support/store-process.ts'), 'holdBlob', store.root, digest);
    expect(await nextMessage(child)).toBe(true);
    const later = reopen(store);
    expect((await later.gc()).blobs).toEqual([]);
    child.kill('SIGKILL');
    await exitCode(child);
    expect((await later.gc()).blobs).toEqual([digest]);
    expect(readdirSync(join(later.root, 'leases'))).toHaveLength(1);
  });

  test('reclaims private files that no lease answers for, and abandoned locks', async () => {
    const { root, store } = tempStore();
    writeFileSync(join(root, 'ingest/0123456789abcdef.7'), '');
    mkdirSync(join(root, 'active/0123456789abcdef.0/fs'), { recursive: true });
    writeFileSync(join(root, 'locks/cache.key'), '');
    await store.gc();
    for (const area of ['ingest', 'active', 'locks', 'trash'])
      expect(readdirSync(join(root, area))).toEqual([]);
  });

  test('is not led astray by documents that are no images', async () => {
    const { store } = tempStore();
    const odd = [
      '{',
      '{}',
      '{"layers":7,"config":null,"rootfs":[]}',
      '{"manifests":[null,{"digest":"sha256:../x"}]}',
      '[1]',
    ];
    const blobs = odd.map((text) => store.content.putBytes(Buffer.from(text)).digest);
    store.records.set('cache', 'odd', { blobs, value: 1 });
    const later = reopen(store);
    expect((await later.gc()).blobs).toEqual([]);
  });

  test('never takes what somebody holds, with many processes that use, root and lose blobs', async () => {
    const { root, store } = tempStore();
    const script = bundleScript('test/support/store-process.ts');
    const users = Array.from({ length: 6 }, () => start(script, 'useAndLoseBlobs', root, '4000'));
    const collectors = Array.from({ length: 2 }, () => start(script, 'collectForever', root, '4000'));
    const done = [...users, ...collectors].map(async (child) => {
      const [count, code] = await Promise.all([nextMessage(child), exitCode(child)]);
      return { count: count as number, code };
    });
    const results = await Promise.all(done);
    expect(results.map(({ code }) => code)).toEqual(results.map(() => 0));
    // It was a race: blobs were found as well as collected.
    expect(results.slice(0, 6).some(({ count }) => count > 0)).toBe(true);
    expect(results.slice(6).some(({ count }) => count > 0)).toBe(true);
    expect(await store.check()).toEqual([]);
  });
});
