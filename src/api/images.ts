import {
  type Descriptor,
  type Digest,
  digestOfDiff,
  formatReference,
  hostPlatform,
  type ImageConfig,
  isIndexType,
  type Manifest,
  matchPlatform,
  type Platform,
  parseImageConfig,
  parseIndex,
  parseManifest,
  parseReference,
  type Store,
} from '../../layers/index.ts';
import type { Report } from '../progress/events.ts';
import type { ContainerImage } from '../runtime/container.ts';
import { ApiError } from './errors.ts';

/** An image of one platform, as the store has it. */
export interface FoundImage {
  /** Normalised name, or the id it was found by. */
  readonly name: string;
  /** What the name points at: a manifest or an index. */
  readonly target: Descriptor;
  /** The platform's manifest. */
  readonly manifest: Descriptor;
  readonly layers: Manifest['layers'];
  readonly config: ImageConfig;
  readonly configDigest: Digest;
}

export interface ResolveOptions {
  readonly pull: 'always' | 'missing' | 'never';
  readonly platform?: Platform;
  readonly report?: Report;
  readonly signal?: AbortSignal;
}

/** The image with its layers ready to be stacked; pulled when the policy says so. */
export async function resolveImage(
  store: Store,
  text: string,
  options: ResolveOptions,
): Promise<ContainerImage> {
  const found = await findOrPull(store, text, options);
  return {
    name: text,
    id: found.configDigest,
    config: found.config,
    layers: await unpackLayers(store, found),
  };
}

/** From the store, else from its registry. A name that is in the store needs no network unless `pull` is `always`. */
export async function findOrPull(store: Store, text: string, options: ResolveOptions): Promise<FoundImage> {
  const platform = options.platform ?? hostPlatform();
  const local = options.pull === 'always' && !isImageId(text) ? undefined : findImage(store, text, platform);
  if (local !== undefined) return local;
  if (options.pull === 'never' || isFullImageId(text)) {
    throw new ApiError('NO_SUCH_IMAGE', text, `No such image: ${text}`);
  }
  const { pullImage } = await import('../registry/pull.ts');
  await pullImage(store, parseReference(text), platform, {
    ...(options.report && { report: options.report }),
    ...(options.signal && { signal: options.signal }),
  });
  const pulled = findImage(store, text, platform);
  if (pulled === undefined) throw new ApiError('NO_SUCH_IMAGE', text, `No such image: ${text}`);
  return pulled;
}

/** By name, by `name@digest`, or by (a prefix of) its id; undefined when the store has no such image for the platform. */
export function findImage(store: Store, text: string, platform: Platform): FoundImage | undefined {
  return findByName(store, text, platform) ?? findById(store, text, platform);
}

function findByName(store: Store, text: string, platform: Platform): FoundImage | undefined {
  let name: string;
  try {
    name = formatReference(parseReference(text));
  } catch {
    return undefined;
  }
  const record = store.images.get(name);
  return record && openImage(store, name, record.target, platform);
}

function findById(store: Store, text: string, platform: Platform): FoundImage | undefined {
  if (!isImageId(text)) return undefined;
  const prefix = text.replace(/^sha256:/, '');
  for (const { name, target } of store.images.list()) {
    const image = openImage(store, name, target, platform);
    if (image === undefined) continue;
    const digests = [image.configDigest, image.target.digest, image.manifest.digest];
    if (digests.some((digest) => digest.startsWith(`sha256:${prefix}`))) return image;
  }
  return undefined;
}

/** Whether the text may be an image id or a prefix of one. */
function isImageId(text: string): boolean {
  return /^(sha256:)?[0-9a-f]{4,64}$/.test(text);
}

function isFullImageId(text: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(text);
}

/** The platform's manifest and config behind a descriptor; undefined when the index has none for the platform. */
export function openImage(
  store: Store,
  name: string,
  target: Descriptor,
  platform: Platform,
): FoundImage | undefined {
  const manifestDescriptor = isIndexType(target.mediaType)
    ? parseIndex(store.content.readAll(target.digest)).manifests.find(
        (entry) =>
          entry.platform !== undefined &&
          matchPlatform(entry.platform, platform) &&
          store.content.info(entry.digest) !== undefined,
      )
    : target;
  if (manifestDescriptor === undefined) return undefined;
  const manifest = parseManifest(store.content.readAll(manifestDescriptor.digest));
  const config = parseImageConfig(store.content.readAll(manifest.config.digest));
  return {
    name,
    target,
    manifest: manifestDescriptor,
    layers: manifest.layers,
    config,
    configDigest: manifest.config.digest,
  };
}

/** The layers of an image, bottom first, unpacked where they are not yet. */
export function unpackLayers(store: Store, image: FoundImage) {
  return Promise.all(
    image.config.rootfs.diff_ids.map((diffId, index) => {
      const known = store.snapshots.layer(diffId);
      if (known !== undefined) return known;
      const blob = image.layers[index] ?? { mediaType: '', digest: digestOfDiff(diffId), size: 0 };
      return store.unpack(blob, diffId);
    }),
  );
}
