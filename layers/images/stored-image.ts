import type { ContentStore } from '../content/content-store.ts';
import { StoreError } from '../errors.ts';
import type { Descriptor, Manifest } from '../oci/descriptor.ts';
import { type ImageConfig, MAX_CONFIG_BYTES, parseImageConfig } from '../oci/image-config.ts';
import { parseImageDocument } from '../oci/image-document.ts';
import { layersOf, MAX_MANIFEST_BYTES } from '../oci/manifest.ts';
import { MediaType } from '../oci/media-types.ts';
import { choosePlatform, formatPlatform, type Platform } from '../oci/platform.ts';
import type { Layer } from '../snapshots/snapshotter.ts';
import type { Store } from '../store.ts';
import { formatReference, type Reference } from './reference.ts';

/** One platform of an image as the store has it. */
export interface StoredImage {
  /** Of the platform's manifest. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
}

const CONFIG_TYPES: readonly string[] = [MediaType.ociConfig, MediaType.dockerConfig];

/** The name under which the store keeps what a reference names: a digest makes the tag beside it meaningless. */
export function imageName({ domain, path, tag, digest }: Reference): string {
  return formatReference(
    digest === undefined ? { domain, path, tag: tag ?? 'latest' } : { domain, path, digest },
  );
}

/**
 * Reads the image that a name points at. Throws `NOT_FOUND` when something is not in the store, `UNSUPPORTED` when the
 * image is not there for the platform, or is no container image at all.
 */
export function readImage(content: ContentStore, target: Descriptor, platform: Platform): StoredImage {
  const document = parseImageDocument(content.readAll(target.digest, MAX_MANIFEST_BYTES), target.mediaType);
  if (document.kind === 'manifest') return withConfig(content, target, document.manifest);
  const chosen = chooseManifest(document.index.manifests, platform, target.digest);
  const inner = parseImageDocument(content.readAll(chosen.digest, MAX_MANIFEST_BYTES), chosen.mediaType);
  if (inner.kind === 'index')
    throw new StoreError('UNSUPPORTED', chosen.digest, `Image index ${target.digest} holds another index`);
  return withConfig(content, chosen, inner.manifest);
}

/**
 * The entry of an index for a platform. An entry that does not say its platform is the last choice; attestations
 * (`unknown/unknown`) never fit. Throws `UNSUPPORTED` with the platforms there are.
 */
export function chooseManifest(
  manifests: readonly Descriptor[],
  platform: Platform,
  subject: string,
): Descriptor {
  const exact = choosePlatform(platform, manifests, (entry) => entry.platform);
  const chosen = exact ?? manifests.find((entry) => entry.platform === undefined);
  if (chosen !== undefined) return chosen;
  const offered = manifests.flatMap((entry) => (entry.platform ? [formatPlatform(entry.platform)] : []));
  const known = offered.filter((name) => name !== 'unknown/unknown').join(', ') || 'none';
  const wanted = formatPlatform(platform);
  throw new StoreError('UNSUPPORTED', subject, `No image for ${wanted} in ${subject}; it has: ${known}`);
}

/** The configuration of a manifest; checks that the two fit together. */
export function parseConfigOf(manifest: Manifest, bytes: Uint8Array): ImageConfig {
  const { config } = manifest;
  if (!CONFIG_TYPES.includes(config.mediaType))
    throw new StoreError(
      'UNSUPPORTED',
      config.digest,
      `Not a container image: its type is "${config.mediaType}"`,
    );
  const parsed = parseImageConfig(bytes);
  layersOf(manifest, parsed);
  return parsed;
}

/** The layers of an image, bottom first; those that are in the store only as blobs are unpacked. */
export async function unpackImage(store: Store, { manifest, config }: StoredImage): Promise<Layer[]> {
  const layers: Layer[] = [];
  for (const { descriptor, diffId } of layersOf(manifest, config)) {
    layers.push(store.snapshots.layer(diffId) ?? (await store.unpack(descriptor, diffId)));
  }
  return layers;
}

function withConfig(content: ContentStore, descriptor: Descriptor, manifest: Manifest): StoredImage {
  const config = parseConfigOf(manifest, content.readAll(manifest.config.digest, MAX_CONFIG_BYTES));
  return { descriptor, manifest, config };
}
