import { describe, expect, test } from 'vitest';
import { layersOf, MediaType, parseImageConfig, parseIndex, parseManifest } from '../../../layers/index.ts';

const digest = `sha256:${'a'.repeat(64)}`;
const descriptor = { mediaType: MediaType.ociLayerGzip, digest, size: 7 };
const manifest = {
  schemaVersion: 2,
  mediaType: MediaType.ociManifest,
  config: { ...descriptor, mediaType: MediaType.ociConfig },
  layers: [descriptor],
};
const index = {
  schemaVersion: 2,
  mediaType: MediaType.ociIndex,
  manifests: [{ ...descriptor, mediaType: MediaType.ociManifest }],
};
const config = { architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest] } };

const bytes = (value: unknown) => Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));

describe('parseManifest()', () => {
  test('reads a manifest as it is', () => {
    expect(parseManifest(bytes(manifest))).toEqual(manifest);
    expect(parseManifest(bytes(manifest), MediaType.ociManifest)).toEqual(manifest);
  });

  test('takes the announced type where the document has none', () => {
    const { mediaType: _, ...untyped } = manifest;
    expect(parseManifest(bytes(untyped), MediaType.dockerManifest).mediaType).toBe(MediaType.dockerManifest);
    expect(parseManifest(bytes(untyped)).mediaType).toBe(MediaType.ociManifest);
  });

  test('reads a manifest without layers, and nulls as Go writes them', () => {
    expect(parseManifest(bytes({ ...manifest, layers: null, annotations: null })).layers).toEqual([]);
  });

  test('leaves behind what it does not know', () => {
    expect(
      parseManifest(
        bytes({ ...manifest, secret: { deep: 1 }, layers: [{ ...descriptor, urls: ['http://x'] }] }),
      ),
    ).toEqual(manifest);
  });

  test.each<[string, unknown]>([
    ['no JSON', '{'],
    ['a list', []],
    ['a number', 1],
    ['null', 'null'],
    ['bytes that are not UTF-8', JSON.stringify({ ...manifest, artifactType: '\xff' })],
    ['schema version 3', { ...manifest, schemaVersion: 3 }],
    ['a schema version as text', { ...manifest, schemaVersion: '2' }],
    ['an index', index],
    ['an index by its type alone', { ...manifest, mediaType: MediaType.ociIndex }],
    ['also manifests', { ...manifest, manifests: [] }],
    ['also manifests that are null', { ...manifest, manifests: null }],
    ['also schema 1 layers', { ...manifest, fsLayers: [] }],
    ['a field that Go would take for manifests', { ...manifest, Manifests: [] }],
    ['a field that Go would take for layers', { ...manifest, LAYERS: [] }],
    ['no configuration', { ...manifest, config: undefined }],
    ['layers that are no list', { ...manifest, layers: { length: 1, 0: descriptor } }],
    ['a digest that climbs', { ...manifest, layers: [{ ...descriptor, digest: 'sha256:../../x' }] }],
    ['an upper-case digest', { ...manifest, layers: [{ ...descriptor, digest: digest.toUpperCase() }] }],
    ['an unknown algorithm', { ...manifest, layers: [{ ...descriptor, digest: `md5:${'a'.repeat(32)}` }] }],
    ['a negative size', { ...manifest, layers: [{ ...descriptor, size: -1 }] }],
    ['a size beyond all numbers', bytes(manifest).toString().replace('"size":7', '"size":1e300')],
    ['a fraction of a byte', { ...manifest, layers: [{ ...descriptor, size: 1.5 }] }],
    ['a size as text', { ...manifest, layers: [{ ...descriptor, size: '7' }] }],
    ['a media type with a line break', { ...manifest, layers: [{ ...descriptor, mediaType: 'a/b\nc: d' }] }],
    ['an annotation that is no text', { ...manifest, annotations: { a: 1 } }],
    ['a descriptor inherited from Object', { ...manifest, config: 'toString' }],
  ])('refuses %s', (_, value) => {
    const document = typeof value === 'string' ? Buffer.from(value, 'latin1') : bytes(value);
    expect(() => parseManifest(document)).toThrow(expect.objectContaining({ code: 'INVALID_MANIFEST' }));
  });

  test('refuses the obsolete schema 1, and says so', () => {
    const old = { schemaVersion: 1, name: 'app', tag: 'latest', fsLayers: [], history: [] };
    expect(() => parseManifest(bytes(old))).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
    expect(() => parseManifest(bytes(old))).toThrow(/schema 1, which is obsolete/);
  });

  test('refuses a document that was announced as something else', () => {
    expect(() => parseManifest(bytes(manifest), MediaType.dockerManifest)).toThrow(/announced as/);
    expect(() => parseManifest(bytes(manifest), MediaType.ociIndex)).toThrow(/announced as/);
  });

  test('refuses more bytes or layers than anybody needs', () => {
    const large = Buffer.alloc((4 << 20) + 1, 0x20);
    expect(() => parseManifest(large)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    const many = { ...manifest, layers: Array.from({ length: 1025 }, () => descriptor) };
    expect(() => parseManifest(bytes(many))).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });

  test('survives deep nesting', () => {
    const deep = `{"x":${'['.repeat(500_000)}${']'.repeat(500_000)}}`;
    expect(() => parseManifest(bytes(deep))).toThrow(expect.objectContaining({ code: 'INVALID_MANIFEST' }));
  });

  test('takes __proto__ and constructor for names like others', () => {
    const text = JSON.stringify({ ...manifest, annotations: { a: 'b' } }).replace(
      '"a":"b"',
      '"__proto__":"p","constructor":"c","toString":"t"',
    );
    const { annotations } = parseManifest(bytes(text));
    expect(JSON.stringify(annotations)).toBe('{"__proto__":"p","constructor":"c","toString":"t"}');
    expect(annotations!.hasOwnProperty).toBeUndefined();
    expect(({} as Record<string, unknown>).p).toBeUndefined();
    const poisoned = `{"__proto__":${JSON.stringify(manifest)}}`;
    expect(() => parseManifest(bytes(poisoned))).toThrow(
      expect.objectContaining({ code: 'INVALID_MANIFEST' }),
    );
  });
});

describe('parseIndex()', () => {
  test('reads an index with platforms', () => {
    const platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
    const value = { ...index, manifests: [{ ...index.manifests[0], platform }] };
    expect(parseIndex(bytes(value), MediaType.ociIndex)).toEqual(value);
  });

  test('has no empty strings in a platform', () => {
    const platform = { os: 'linux', architecture: 'amd64', variant: '', 'os.version': '' };
    const value = { ...index, manifests: [{ ...index.manifests[0], platform }] };
    expect(parseIndex(bytes(value)).manifests[0]!.platform).toEqual({ os: 'linux', architecture: 'amd64' });
  });

  test.each<[string, unknown]>([
    ['a manifest', manifest],
    ['also layers', { ...index, layers: [] }],
    ['also a configuration', { ...index, config: descriptor }],
    ['no manifests', { ...index, manifests: undefined }],
    [
      'a platform without architecture',
      { ...index, manifests: [{ ...descriptor, platform: { os: 'linux' } }] },
    ],
  ])('refuses %s', (_, value) => {
    expect(() => parseIndex(bytes(value))).toThrow(expect.objectContaining({ code: 'INVALID_MANIFEST' }));
  });
});

describe('parseImageConfig()', () => {
  test('reads what Docker writes', () => {
    const container = {
      User: 'app',
      ExposedPorts: { '80/tcp': {} },
      Env: ['PATH=/bin'],
      Cmd: ['sh'],
      Volumes: { '/data': {} },
      WorkingDir: '/app',
      Labels: { a: 'b' },
      Healthcheck: { Test: ['CMD', 'true'], Interval: 1_000_000_000, Retries: 3 },
    };
    const value = {
      ...config,
      created: '2024-01-01T00:00:00Z',
      config: container,
      history: [{ created_by: 'x', empty_layer: true }],
    };
    const foreign = {
      ...container,
      Hostname: 'h',
      StopSignal: '',
      Entrypoint: null,
      OnBuild: null,
      Image: 'sha256:x',
    };
    expect(parseImageConfig(bytes({ ...value, container: 'c', config: foreign }))).toEqual(value);
  });

  test('keeps labels whatever they are called', () => {
    const text = JSON.stringify({ ...config, config: { Labels: { a: 'b' } } }).replace('"a"', '"__proto__"');
    expect(JSON.stringify(parseImageConfig(bytes(text)).config)).toBe('{"Labels":{"__proto__":"b"}}');
  });

  test.each<[string, unknown]>([
    ['no rootfs', { ...config, rootfs: undefined }],
    ['an unknown rootfs', { ...config, rootfs: { type: 'windows', diff_ids: [] } }],
    ['a bad diff ID', { ...config, rootfs: { type: 'layers', diff_ids: ['sha256:x'] } }],
    ['an environment that is no list', { ...config, config: { Env: { PATH: '/' } } }],
    ['a command of numbers', { ...config, config: { Cmd: [1] } }],
    ['a user that is a number', { ...config, config: { User: 0 } }],
  ])('refuses %s', (_, value) => {
    expect(() => parseImageConfig(bytes(value))).toThrow(
      expect.objectContaining({ code: 'INVALID_MANIFEST' }),
    );
  });
});

describe('layersOf()', () => {
  test('pairs blobs with diff IDs', () => {
    const pairs = layersOf(parseManifest(bytes(manifest)), parseImageConfig(bytes(config)));
    expect(pairs).toEqual([{ descriptor, diffId: digest }]);
  });

  test('refuses documents that do not agree', () => {
    const none = parseImageConfig(bytes({ ...config, rootfs: { type: 'layers', diff_ids: [] } }));
    expect(() => layersOf(parseManifest(bytes(manifest)), none)).toThrow(
      /has 1 entries, but the configuration has 0/,
    );
  });
});
