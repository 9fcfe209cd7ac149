import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { expect, test } from 'vitest';
import { hexOf } from '../../../layers/index.ts';
import { imageHistory, inspectImage } from '../../../src/exporter/inspect.ts';
import { imageRows, listImages } from '../../../src/exporter/listing.ts';
import { loadArchive } from '../../../src/exporter/load.ts';
import { layoutFiles } from '../../support/archives.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { tarOf } from '../../support/tar-files.ts';
import { tempStore } from '../../support/temp-store.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };

async function storeWith(...images: [ReturnType<typeof sampleImage>, string | undefined][]) {
  const store = tempStore().store;
  const names = images.map(([, name]) => (name === undefined ? {} : { 'io.containerd.image.name': name }));
  await loadArchive(
    store,
    Readable.from([
      tarOf(
        layoutFiles(
          images.map(([image]) => image),
          names as never,
        ),
      ),
    ]),
  );
  return store;
}

const named = sampleImage({ config: { User: 'app', Labels: { a: 'b' } } });
const bare = sampleImage({ layers: [{ bare: 'x' }] });

test('listImages() and imageRows() list an image once per tag, and one without a name', async () => {
  const store = await storeWith([named, 'docker.io/library/app:1'], [bare, undefined]);
  store.images.set('quay.io/x/app:2', named.descriptor);
  store.images.set(`docker.io/library/app@${named.descriptor.digest}`, named.descriptor);
  const images = listImages(store, amd64);
  expect(images.map(({ tags, digests }) => ({ tags, digests }))).toEqual([
    {
      tags: ['app:1', 'quay.io/x/app:2'],
      digests: [`app@${named.descriptor.digest}`, `quay.io/x/app@${named.descriptor.digest}`],
    },
    { tags: [], digests: [] },
  ]);
  const size = named.layers[0]!.tar.length + named.layers[1]!.tar.length;
  const fields = {
    digest: named.descriptor.digest,
    id: named.manifest.config.digest,
    size,
    created: '2026-01-02T03:04:05Z',
    labels: { a: 'b' },
  };
  expect(imageRows(images)).toEqual([
    { repository: 'app', tag: '1', ...fields },
    { repository: 'quay.io/x/app', tag: '2', ...fields },
    expect.objectContaining({ repository: '<none>', tag: '<none>', id: bare.manifest.config.digest }),
  ]);
});

test('listImages() shows an image of another platform, and none of which blobs are gone', async () => {
  const arm = sampleImage({ architecture: 'arm64', layers: [{ arm: 'x' }] });
  const store = await storeWith([arm, 'docker.io/library/arm:1'], [bare, 'docker.io/library/bare:1']);
  rmSync(join(store.root, 'blobs/sha256', hexOf(bare.manifest.config.digest)));
  expect(listImages(store, amd64).map(({ tags }) => tags)).toEqual([['arm:1']]);
});

test('inspectImage() has what clients of Docker read', async () => {
  const store = await storeWith([named, 'docker.io/library/app:1']);
  const [image] = listImages(store, amd64);
  expect(inspectImage(store, image!)).toMatchObject({
    Id: named.manifest.config.digest,
    RepoTags: ['app:1'],
    RepoDigests: [`app@${named.descriptor.digest}`],
    Created: '2026-01-02T03:04:05Z',
    Architecture: 'amd64',
    Os: 'linux',
    Config: {
      User: 'app',
      Cmd: ['/bin/tool'],
      Entrypoint: null,
      Env: ['PATH=/bin'],
      Labels: { a: 'b' },
      Volumes: null,
      WorkingDir: '',
    },
    RootFS: {
      Type: 'layers',
      Layers: [expect.stringMatching(/^sha256:/), expect.stringMatching(/^sha256:/)],
    },
    GraphDriver: { Name: 'overlay2', Data: { LowerDir: expect.any(String), UpperDir: expect.any(String) } },
  });
});

test('imageHistory() tells the newest step first, with the size of its layer', async () => {
  const store = await storeWith([named, 'docker.io/library/app:1']);
  const [image] = listImages(store, amd64);
  expect(imageHistory(store, image!)).toEqual([
    {
      id: named.manifest.config.digest,
      created: '2026-01-02T03:04:05Z',
      createdBy: 'step 1',
      size: named.layers[1]!.tar.length,
      comment: '',
    },
    expect.objectContaining({ id: '<missing>', createdBy: 'step 0', size: named.layers[0]!.tar.length }),
  ]);
});
