import { expect, test } from 'vitest';
import { StoreError } from '../../../layers/errors.ts';
import { digestOf } from '../../../layers/oci/digest.ts';
import { parseImageConfig } from '../../../layers/oci/image-config.ts';
import { parseImageDocument } from '../../../layers/oci/image-document.ts';
import { layersOf, parseIndex, parseManifest } from '../../../layers/oci/manifest.ts';
import { MediaType } from '../../../layers/oci/media-types.ts';
import { mutated } from '../../support/mutated.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const digest = digestOf('x');
const descriptor = { mediaType: MediaType.ociLayer, digest, size: 5, annotations: { a: 'b' } };
const platform = { os: 'linux', architecture: 'arm', variant: 'v7', 'os.features': ['f'] };

const MANIFEST = {
  schemaVersion: 2,
  mediaType: MediaType.ociManifest,
  config: { ...descriptor, mediaType: MediaType.ociConfig },
  layers: [descriptor, descriptor],
  annotations: { a: 'b' },
};

const INDEX = {
  schemaVersion: 2,
  mediaType: MediaType.ociIndex,
  manifests: [{ ...descriptor, mediaType: MediaType.ociManifest, platform }],
};

const CONFIG = {
  created: '2026-01-02T03:04:05Z',
  author: 'a',
  architecture: 'amd64',
  os: 'linux',
  config: {
    User: 'u',
    ExposedPorts: { '80/tcp': {} },
    Env: ['A=1'],
    Entrypoint: ['a'],
    Cmd: ['b'],
    Volumes: { '/v': {} },
    WorkingDir: '/w',
    Labels: { l: 'm' },
    StopSignal: 'SIGTERM',
    Healthcheck: { Test: ['CMD', 'x'], Interval: 5, Retries: 3 },
    OnBuild: ['RUN x'],
    Shell: ['/bin/sh'],
  },
  rootfs: { type: 'layers', diff_ids: [digest, digest] },
  history: [{ created: '2026-01-02T03:04:05Z', created_by: 'x', empty_layer: true }],
};

test.each<[string, object, (bytes: Buffer) => unknown]>([
  ['parseManifest()', MANIFEST, (bytes) => parseManifest(bytes)],
  ['parseIndex()', INDEX, (bytes) => parseIndex(bytes)],
  ['parseImageDocument()', MANIFEST, (bytes) => parseImageDocument(bytes)],
  [
    'parseImageConfig()',
    CONFIG,
    (bytes) => layersOf(parseManifest(Buffer.from(JSON.stringify(MANIFEST))), parseImageConfig(bytes)),
  ],
])(
  '%s throws nothing but StoreError, and pollutes nothing, whatever the document (B04)',
  (_, document, parse) => {
    let accepted = 0;
    let refused = 0;
    for (const text of mutated(document, seededRandom(4), 8)) {
      try {
        parse(Buffer.from(text));
        accepted++;
      } catch (error) {
        expect(error, text.slice(0, 500)).toBeInstanceOf(StoreError);
        expect((error as Error).message.length).toBeLessThan(2000);
        refused++;
      }
    }
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    // Both happen: else the variants are no longer about the parser.
    expect(accepted).toBeGreaterThan(10);
    expect(refused).toBeGreaterThan(50);
  },
);
