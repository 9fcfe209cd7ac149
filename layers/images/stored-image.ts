import type { ContentStore } from '../content/content-store.ts';
import { StoreError } from '../errors.ts';
import { CONFIG_LIMIT, parseImageConfig } from '../oci/config-document.ts';
import type { Descriptor, Manifest } from '../oci/descriptor.ts';
import { MANIFEST_LIMIT, parseDocument } from '../oci/documents.ts';
import type { ImageConfig } from '../oci/image-config.ts';
import { MediaType } from '../oci/media-types.ts';
import type { Platform } from '../oci/platform.ts';
import { choosePlatform, formatPlatform } from '../oci/platform-match.ts';
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
  const document = parseDocument(content.readAll(target.digest, MANIFEST_LIMIT), target.mediaType);
  if (document.kind === 'manifest') return withConfig(content, target, document.manifest);
  const chosen = chooseManifest(document.index.manifests, platform, target.digest);
  const inner = parseDocument(content.readAll(chosen.digest, MANIFEST_LIMIT), chosen.mediaType);
  if (inner.kind === 'index')
    throw new StoreError('UNSUPPORTED', chosen.digest, `Image index ${target.digest} holds another index`);
  return withConfig(content, chosen, inner.manifest);
}

/** {@link choosePlatform}, throwing `UNSUPPORTED` with the platforms there are. */
export function chooseManifest(
  manifests: readonly Descriptor[],
  platform: Platform,
  subject: string,
): Descriptor {
  const chosen = choosePlatform(manifests, platform);
  if (chosen !== undefined) return chosen;
  const offered = manifests.flatMap((entry) => (entry.platform ? [formatPlatform(entry.platform)] : []));
  const known = offered.filter((name) => name !== 'unknown/unknown').join(', ') || 'none';
  const wanted = formatPlatform(platform);
  throw new StoreError('UNSUPPORTED', subject, `No image for ${wanted} in ${subject}; it has: ${known}`);
}

/** The configuration of a manifest; checks that the two fit together. */
export function parseConfigOf(manifest: Manifest, bytes: Uint8Array): ImageConfig {
  const { config, layers } = manifest;
  if (!CONFIG_TYPES.includes(config.mediaType))
    throw new StoreError(
      'UNSUPPORTED',
      config.digest,
      `Not a container image: its type is "${config.mediaType}"`,
    );
  const parsed = parseImageConfig(bytes);
  const { length } = parsed.rootfs.diff_ids;
  if (length !== layers.length) {
    const message = `Image configuration ${config.digest} has ${length} layers, its manifest ${layers.length}`;
    throw new StoreError('INVALID_MANIFEST', config.digest, message);
  }
  return parsed;
}

/** The layers of an image, bottom first; those that are in the store only as blobs are unpacked. */
export async function unpackImage(store: Store, { manifest, config }: StoredImage): Promise<Layer[]> {
  const layers: Layer[] = [];
  for (const [index, diffId] of config.rootfs.diff_ids.entries()) {
    layers.push(store.snapshots.layer(diffId) ?? (await store.unpack(manifest.layers[index]!, diffId)));
  }
  return layers;
}

function withConfig(content: ContentStore, descriptor: Descriptor, manifest: Manifest): StoredImage {
  const config = parseConfigOf(manifest, content.readAll(manifest.config.digest, CONFIG_LIMIT));
  return { descriptor, manifest, config };
}
