import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import {
  digestOf,
  digestOfDiff,
  type Layer,
  MediaType,
  parseDiffId,
  parseImageConfig,
  type Store,
} from '../../../layers/index.ts';
import { type BuiltImage, commitImage, commitIndex, nameImage } from '../../../src/exporter/image.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { tarOf } from '../../support/tar-files.ts';
import { tempStore } from '../../support/temp-store.ts';

const created = '2026-05-06T07:08:09Z';
const built: BuiltImage = {
  os: 'linux',
  architecture: 'amd64',
  config: { Env: ['PATH=/bin'], Cmd: ['sh'], WorkingDir: '/' },
  history: [{ created_by: 'RUN x' }],
};

async function layerIn(store: Store, files: Record<string, string>): Promise<Layer> {
  const tar = tarOf(files);
  const digest = digestOf(tar);
  const layer = { mediaType: MediaType.ociLayer, digest, size: tar.length };
  return await store.unpack(layer, parseDiffId(digest), Readable.from([tar]));
}

describe('commitImage()', () => {
  test('describes a layer made here by its plain tar', async () => {
    const store = tempStore().store;
    const layer = await layerIn(store, { a: 'b' });
    const { diffId, size } = await layer.diff;
    const { manifest, config, descriptor, configDigest } = await commitImage(store, built, [layer], {
      created,
    });
    expect(manifest.layers).toEqual([{ mediaType: MediaType.ociLayer, digest: digestOfDiff(diffId), size }]);
    expect(config.history).toEqual([{ created, created_by: 'RUN x' }]);
    expect(descriptor.platform).toEqual({ os: 'linux', architecture: 'amd64' });
    expect(JSON.parse(store.content.readAll(descriptor.digest).toString())).toEqual(manifest);
    expect(parseImageConfig(store.content.readAll(configDigest))).toEqual(config);
  });

  test('keeps the blobs of its base, with Docker types named as in OCI', async () => {
    const store = tempStore().store;
    const base = sampleImage();
    const layers = [];
    for (const [index, { blob, tar }] of base.layers.entries()) {
      store.content.putBytes(blob);
      layers.push(await store.unpack(base.manifest.layers[index]!, parseDiffId(digestOf(tar))));
    }
    store.content.putBytes(base.config);
    const dockerTyped = {
      ...base.manifest,
      mediaType: MediaType.dockerManifest,
      layers: base.manifest.layers.map((layer) => ({ ...layer, mediaType: MediaType.dockerLayerGzip })),
    };
    const manifestDigest = store.content.putBytes(Buffer.from(JSON.stringify(dockerTyped))).digest;
    const own = await layerIn(store, { own: 'x' });
    const history = [{ created_by: 'base 1' }, { created_by: 'base 2' }, { created_by: 'RUN x' }];
    const { manifest } = await commitImage(
      store,
      { ...built, base: { manifest: manifestDigest }, history },
      [...layers, own],
      { created },
    );
    expect(manifest.layers.slice(0, 2)).toEqual(base.manifest.layers);
    expect(manifest.layers[2]!.mediaType).toBe(MediaType.ociLayer);
  });

  test('writes the configuration as BuildKit does: order, omissions, escapes', async () => {
    const store = tempStore().store;
    const image: BuiltImage = {
      ...built,
      config: {
        Shell: ['/bin/bash', '-c'],
        Labels: { b: '1', a: '<&>' },
        Cmd: ['sh'],
        Entrypoint: [],
        User: '',
        WorkingDir: '/w',
        Env: ['A=b'],
        ExposedPorts: { '80/tcp': {}, '443/tcp': {} },
        Healthcheck: { Retries: 0, Interval: 5e9, Test: ['CMD-SHELL', 'true'] },
      },
      history: [{ empty_layer: true, comment: 'c', created_by: 'ENV A=b', created: '2026-01-01T00:00:00Z' }],
    };
    const { configDigest } = await commitImage(store, image, [], { created });
    expect(store.content.readAll(configDigest).toString()).toBe(
      '{"architecture":"amd64","config":{"ExposedPorts":{"443/tcp":{},"80/tcp":{}},"Env":["A=b"],"Cmd":["sh"],' +
        '"WorkingDir":"/w","Labels":{"a":"\\u003c\\u0026\\u003e","b":"1"},"Healthcheck":{"Test":["CMD-SHELL","true"],' +
        '"Interval":5000000000},"Shell":["/bin/bash","-c"]},"created":"2026-05-06T07:08:09Z","history":' +
        '[{"created":"2026-01-01T00:00:00Z","created_by":"ENV A=b","comment":"c","empty_layer":true}],"os":"linux",' +
        '"rootfs":{"type":"layers","diff_ids":[]}}',
    );
  });

  test('keeps labels named like prototypes (N11)', async () => {
    const store = tempStore().store;
    const Labels = JSON.parse('{"__proto__":"x","constructor":"y"}') as Record<string, string>;
    const { configDigest } = await commitImage(store, { ...built, config: { Labels }, history: [] }, [], {
      created,
    });
    const read = parseImageConfig(store.content.readAll(configDigest)).config?.Labels;
    expect(Object.entries(read ?? {})).toEqual([
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
  });

  test('refuses a history that does not fit the layers', async () => {
    await expect(commitImage(tempStore().store, built, [], { created })).rejects.toMatchObject({
      code: 'INVALID_MANIFEST',
    });
  });
});

test('commitIndex() and nameImage() make one image of several platforms', async () => {
  const store = tempStore().store;
  const descriptors = [];
  for (const architecture of ['amd64', 'arm64']) {
    const image = { ...built, architecture, history: [] };
    descriptors.push((await commitImage(store, image, [], { created })).descriptor);
  }
  const index = commitIndex(store, descriptors, { note: 'n' });
  expect(JSON.parse(store.content.readAll(index.digest).toString())).toMatchObject({
    manifests: [{ platform: { architecture: 'amd64' } }, { platform: { architecture: 'arm64' } }],
    annotations: { note: 'n' },
  });
  nameImage(store, ['docker.io/library/a:1'], index);
  nameImage(store, [], descriptors[0]!);
  expect(store.images.list().map(({ name }) => name)).toEqual([
    'docker.io/library/a:1',
    descriptors[0]!.digest,
  ]);
});
