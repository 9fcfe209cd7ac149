import { type Descriptor, hexOf, MediaType } from '../../layers/index.ts';
import type { SampleImage } from './sample-image.ts';
import type { TarFiles } from './tar-files.ts';

/** Files of an OCI layout with the images, each under the annotations given. */
export function layoutFiles(
  images: readonly SampleImage[],
  annotations: readonly Readonly<Record<string, string>>[],
  extra: TarFiles = {},
): TarFiles {
  const manifests = images.map(({ descriptor }, index) => ({
    ...descriptor,
    annotations: annotations[index] ?? {},
  }));
  return {
    'oci-layout': '{"imageLayoutVersion":"1.0.0"}',
    'index.json': JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }),
    ...Object.assign({}, ...images.map(blobFiles)),
    ...extra,
  };
}

export function blobFiles(image: SampleImage): Record<string, Buffer> {
  const entry = ({ digest }: Descriptor, bytes: Buffer) => [`blobs/sha256/${hexOf(digest)}`, bytes] as const;
  return Object.fromEntries([
    entry(image.descriptor, image.manifestBytes),
    entry(image.manifest.config, image.config),
    ...image.layers.map(({ descriptor, blob }) => entry(descriptor, blob)),
  ]);
}

/** Files of `docker save` before version 25. */
export function oldDockerFiles(image: SampleImage, tags: readonly string[]): TarFiles {
  const config = `${hexOf(image.manifest.config.digest)}.json`;
  const layers = image.layers.map((_, index) => `${String(index).repeat(64)}/layer.tar`);
  return {
    [config]: image.config,
    ...Object.fromEntries(layers.map((path, index) => [path, image.layers[index]!.tar])),
    'manifest.json': JSON.stringify([{ Config: config, RepoTags: tags, Layers: layers }]),
    repositories: '{}',
  };
}
