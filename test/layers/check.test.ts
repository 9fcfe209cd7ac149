import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { type Descriptor, type DiffId, digestOf, hexOf, MediaType } from '../../layers/index.ts';
import { tempStore } from '../support/temp-store.ts';

const NAME = 'docker.io/library/app:latest';
const layerBytes = Buffer.from('the tar of a layer');
const layer: Descriptor = {
  mediaType: MediaType.ociLayer,
  digest: digestOf(layerBytes),
  size: layerBytes.length,
};
const diffId = layer.digest as string as DiffId;

/** A store with one image of one layer, and a record. */
async function fullStore() {
  const { root, store } = tempStore();
  await store.unpack(layer, diffId, Readable.from([layerBytes]));
  const put = (mediaType: string, value: unknown): Descriptor => ({
    mediaType,
    ...store.content.putBytes(Buffer.from(JSON.stringify(value))),
  });
  const rootfs = { type: 'layers', diff_ids: [diffId] };
  const config = put(MediaType.ociConfig, { os: 'linux', architecture: 'amd64', rootfs });
  const manifest = put(MediaType.ociManifest, {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config,
    layers: [layer],
  });
  store.images.set(NAME, manifest);
  store.records.set('cache', 'step', { layers: [diffId], value: 1 });
  const blob = ({ digest }: Descriptor) => join(root, 'blobs/sha256', hexOf(digest));
  return {
    root,
    store,
    put,
    config,
    manifest,
    blob,
    layerFile: join(root, 'layers/sha256', hexOf(diffId), 'fs/tar'),
  };
}

describe('Store.check()', () => {
  test('finds nothing wrong with a good store', async () => {
    const { store, blob } = await fullStore();
    expect(await store.check()).toEqual([]);
    rmSync(blob(layer)); // A layer made here has none.
    expect(await store.check()).toEqual([]);
  });

  test('finds a changed and a cut blob', async () => {
    const { store, blob } = await fullStore();
    writeFileSync(blob(layer), 'THE TAR OF A LAYER');
    expect(await store.check()).toEqual([
      { subject: layer.digest, message: expect.stringContaining('integrity') },
    ]);
    truncateSync(blob(layer), 3);
    expect(await store.check()).toMatchObject([{ subject: layer.digest }]);
  });

  test('finds a changed layer', async () => {
    const { store, layerFile } = await fullStore();
    writeFileSync(layerFile, 'something else');
    expect(await store.check()).toEqual([
      { subject: diffId, message: expect.stringContaining('is damaged') },
    ]);
  });

  test('finds an image without its configuration', async () => {
    const { store, blob, config } = await fullStore();
    rmSync(blob(config));
    expect(await store.check()).toEqual([
      { subject: NAME, message: `Blob ${config.digest} is not in the store` },
    ]);
  });

  test('finds an image and a record without their layer', async () => {
    const { root, store, blob } = await fullStore();
    rmSync(blob(layer));
    rmSync(join(root, 'layers/sha256', hexOf(diffId)), { recursive: true });
    expect(await store.check()).toEqual([
      { subject: NAME, message: `Layer ${layer.digest} is not in the store` },
      { subject: 'cache/step', message: `The record names ${diffId}, which is not in the store` },
    ]);
  });

  test('finds an index of which nothing is there, and a record that cannot be read', async () => {
    const { root, store, put } = await fullStore();
    const absent = { mediaType: MediaType.ociManifest, digest: digestOf('absent'), size: 6 };
    store.images.set(NAME, put(MediaType.ociIndex, { schemaVersion: 2, manifests: [absent] }));
    writeFileSync(join(root, 'records/cache/step.json'), '{');
    expect(await store.check()).toEqual([
      { subject: NAME, message: expect.stringContaining('"manifests" has none that is in the store') },
      { subject: 'cache/step', message: 'The record cannot be read' },
    ]);
  });

  test('follows what many indexes share only once', async () => {
    const { store, put, manifest } = await fullStore();
    let top = manifest;
    for (let depth = 0; depth < 60; depth++)
      top = put(MediaType.ociIndex, { schemaVersion: 2, manifests: [top, top] });
    store.images.set(NAME, top);
    expect(await store.check()).toEqual([]);
    expect((await store.gc()).blobs).toEqual([]);
  });
});
