import { gzipSync } from 'node:zlib';
import { type Descriptor, digestOf, type Manifest, MediaType } from '../../layers/index.ts';
import { type TarFiles, tarOf } from './tar-files.ts';

/** An image as documents and blobs, ready to be put in a registry or an archive. */
export interface SampleImage {
  readonly manifest: Manifest;
  readonly manifestBytes: Buffer;
  readonly descriptor: Descriptor;
  readonly config: Buffer;
  readonly layers: readonly {
    readonly tar: Buffer;
    readonly blob: Buffer;
    readonly descriptor: Descriptor;
  }[];
}

export interface SampleOptions {
  readonly layers?: readonly TarFiles[];
  readonly architecture?: string;
  readonly config?: object;
  readonly gzip?: boolean;
}

export function sampleImage(options: SampleOptions = {}): SampleImage {
  const { architecture = 'amd64', gzip = true } = options;
  const contents = options.layers ?? [
    { 'bin/tool': '#!/bin/sh\n' },
    { 'etc/motd': 'hello\n', 'etc/empty': '' },
  ];
  const layers = contents.map((files) => {
    const tar = tarOf(files);
    const blob = gzip ? gzipSync(tar) : tar;
    const mediaType = gzip ? MediaType.ociLayerGzip : MediaType.ociLayer;
    return { tar, blob, descriptor: { mediaType, digest: digestOf(blob), size: blob.length } };
  });
  const config = Buffer.from(
    JSON.stringify({
      created: '2026-01-02T03:04:05Z',
      architecture,
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['/bin/tool'], ...options.config },
      rootfs: { type: 'layers', diff_ids: layers.map(({ tar }) => digestOf(tar)) },
      history: layers.map((_, index) => ({ created: '2026-01-02T03:04:05Z', created_by: `step ${index}` })),
    }),
  );
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: { mediaType: MediaType.ociConfig, digest: digestOf(config), size: config.length },
    layers: layers.map(({ descriptor }) => descriptor),
  };
  const manifestBytes = Buffer.from(JSON.stringify(manifest));
  const descriptor = {
    mediaType: manifest.mediaType,
    digest: digestOf(manifestBytes),
    size: manifestBytes.length,
    platform: { os: 'linux', architecture },
  };
  return { manifest, manifestBytes, descriptor, config, layers };
}
