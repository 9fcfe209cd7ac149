import { type Descriptor, digestOf, MediaType } from '../../layers/index.ts';
import type { SampleImage } from './sample-image.ts';

/** An image as an attacker writes it: layers byte by byte, a config of any shape. */
export interface RawImage {
  /** Plain tars, bottom first. */
  readonly layers: readonly Buffer[];
  /** Its `config`: `Env`, `User`, `Volumes`, … */
  readonly config?: object;
  /** Fields that replace those of the config document. */
  readonly document?: object;
}

export function rawImage({ layers, config = {}, document = {} }: RawImage): SampleImage {
  const made = layers.map((tar) => ({
    tar,
    blob: tar,
    descriptor: { mediaType: MediaType.ociLayer, digest: digestOf(tar), size: tar.length } as Descriptor,
  }));
  const bytes = Buffer.from(
    JSON.stringify({
      created: '2026-01-02T03:04:05Z',
      architecture: process.arch === 'x64' ? 'amd64' : process.arch,
      os: 'linux',
      config,
      rootfs: { type: 'layers', diff_ids: layers.map((tar) => digestOf(tar)) },
      history: layers.map((_, index) => ({ created_by: `layer ${index}` })),
      ...document,
    }),
  );
  const manifest = {
    schemaVersion: 2 as const,
    mediaType: MediaType.ociManifest,
    config: { mediaType: MediaType.ociConfig, digest: digestOf(bytes), size: bytes.length },
    layers: made.map(({ descriptor }) => descriptor),
  };
  const manifestBytes = Buffer.from(JSON.stringify(manifest));
  const descriptor = {
    mediaType: manifest.mediaType,
    digest: digestOf(manifestBytes),
    size: manifestBytes.length,
  };
  return { manifest, manifestBytes, descriptor, config: bytes, layers: made };
}
