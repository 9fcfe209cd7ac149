import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Descriptor, digestOf, digestOfDiff, hexOf, MediaType } from '../../layers/index.ts';
import { makeLayer } from '../support/store-parts.ts';
import { tempStore } from '../support/temp-store.ts';

const NAME = 'docker.io/library/app:latest';
const FOREIGN = Buffer.from('the tar of a foreign layer');
const foreign: Descriptor = {
  mediaType: MediaType.ociLayer,
  digest: digestOf(FOREIGN),
  size: FOREIGN.length,
};
const foreignDiff = `sha256:${hexOf(foreign.digest)}`;

/** A store with an image of a layer from outside and one made here, and a record. */
async function fullStore() {
  const { root, store } = tempStore();
  const put = (mediaType: string, value: unknown): Descriptor => ({
    mediaType,
    ...store.content.putBytes(Buffer.from(JSON.stringify(value))),
  });
  store.content.putBytes(FOREIGN);
  const below = (await (await store.unpack(foreign, foreignDiff as never)).diff).diffId;
  const above = await makeLayer(store, 'the tar of a layer made here');
  const rootfs = { type: 'layers', diff_ids: [below, above] };
  const config = put(MediaType.ociConfig, { os: 'linux', architecture: 'amd64', rootfs });
  const layers = [store.blobOf(below), store.blobOf(above)];
  const manifest = put(MediaType.ociManifest, { schemaVersion: 2, config, layers });
  store.images.set(NAME, manifest);
  store.records.set('cache', 'step', { layers: [above], value: 1 });
  const blob = ({ digest }: Descriptor) => join(root, 'blobs/sha256', hexOf(digest));
  const home = (diffId: string) => join(root, 'layers/sha256', diffId.slice(7));
  return { root, store, put, config, manifest, blob, home, below, above };
}

describe('Store.check()', () => {
  test('finds nothing wrong with a good store', async () => {
    const { store } = await fullStore();
    expect(await store.check()).toEqual([]);
  });

  test('finds a changed and a cut blob', async () => {
    const { store, blob, config } = await fullStore();
    writeFileSync(blob(foreign), FOREIGN.toString().toUpperCase());
    expect(await store.check()).toEqual([
      { subject: foreign.digest, message: expect.stringContaining('integrity') },
    ]);
    writeFileSync(blob(foreign), FOREIGN);
    truncateSync(blob(config), 3);
    expect(await store.check()).toMatchObject([{ subject: config.digest }, { subject: NAME }]);
  });

  test('finds a changed layer that was made here', async () => {
    const { store, home, above } = await fullStore();
    writeFileSync(join(home(above), 'fs/tar'), 'something else');
    expect(await store.check()).toEqual([{ subject: above, message: expect.stringContaining('is damaged') }]);
  });

  test('finds a layer from outside whose blob is gone, or not known any more', async () => {
    const { store, blob, home, below } = await fullStore();
    rmSync(blob(foreign));
    expect(await store.check()).toEqual([
      { subject: below, message: expect.stringContaining('in which the layer came') },
    ]);
    expect(store.blobOf(below)).toBeUndefined();
    writeFileSync(join(home(below), 'blob.json'), '');
    expect(await store.check()).toEqual([
      { subject: below, message: expect.stringContaining('not known any more') },
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
    const { store, home, above } = await fullStore();
    rmSync(home(above), { recursive: true });
    expect(await store.check()).toEqual([
      { subject: NAME, message: `Layer ${digestOfDiff(above)} is not in the store` },
      { subject: 'cache/step', message: `The record names ${above}, which is not in the store` },
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
