import {
  type Descriptor,
  type Digest,
  familiarName,
  type ImageRecord,
  type Platform,
  parseReference,
  readImage,
  type Store,
  type StoredImage,
  StoreError,
} from '../../layers/index.ts';
import { imageGraph } from './image-graph.ts';

/** An image of the store with everything it is called. */
export interface ListedImage {
  /** Digest of the configuration. */
  readonly id: Digest;
  /** What the names point at. */
  readonly target: Descriptor;
  readonly image: StoredImage;
  /** Short names with a tag (`busybox:latest`), sorted. */
  readonly tags: readonly string[];
  /** Short names with a digest (`busybox@sha256:…`), sorted. */
  readonly digests: readonly string[];
  /** Bytes; see {@link imageSize}. */
  readonly size: number;
}

/** One line of `docker images`. */
export interface ImageRow {
  /** `<none>` without a name. */
  readonly repository: string;
  readonly tag: string;
  readonly digest: Digest;
  readonly id: Digest;
  /** RFC 3339; undefined when the image does not say. */
  readonly created?: string;
  readonly size: number;
  readonly labels: Readonly<Record<string, string>>;
}

const NONE = '<none>';

/** Every image that the names of the store point at, newest first. Names of half an image (blobs are gone) are left out. */
export function listImages(store: Store, platform: Platform): ListedImage[] {
  const byTarget = new Map<Digest, ImageRecord[]>();
  for (const record of store.images.list()) {
    const { digest } = record.target;
    byTarget.set(digest, [...(byTarget.get(digest) ?? []), record]);
  }
  const images = [...byTarget.values()].flatMap((records) => listed(store, records, platform) ?? []);
  return images.sort((one, other) => createdAt(other) - createdAt(one));
}

/** The rows of `docker images`: one per tag, or one for an image without. */
export function imageRows(images: readonly ListedImage[]): ImageRow[] {
  return images.flatMap(({ id, target, image, tags, digests, size }) => {
    const { created, config } = image.config;
    const labels = config?.Labels ?? {};
    const fields = { digest: target.digest, id, size, labels, ...(created !== undefined && { created }) };
    if (tags.length > 0) return tags.map((name) => ({ ...splitTag(name), ...fields }));
    const repository = digests[0]?.split('@')[0] ?? NONE;
    return [{ repository, tag: NONE, ...fields }];
  });
}

/**
 * What an image weighs: the sum of its layers' tars before compression, as far as they are unpacked, else of their
 * blobs. Layers that images share count in each.
 */
export function imageSize(store: Store, { manifest, config }: StoredImage): number {
  return layerSizes(store, { manifest, config }).reduce((sum, size) => sum + size, 0);
}

/** Bytes of each layer, bottom first. */
export function layerSizes(
  store: Store,
  { manifest, config }: Pick<StoredImage, 'manifest' | 'config'>,
): number[] {
  return config.rootfs.diff_ids.map((diffId, index) => {
    return store.snapshots.layer(diffId)?.info.size ?? manifest.layers[index]?.size ?? 0;
  });
}

function listed(store: Store, records: readonly ImageRecord[], platform: Platform): ListedImage | undefined {
  const { target } = records[0]!;
  const image = readAny(store, target, platform);
  if (image === undefined) return undefined;
  const references = records
    .filter(({ name, target: { digest } }) => name !== digest)
    .map(({ name }) => parseReference(name));
  const tags = references.filter(({ tag }) => tag !== undefined).map(familiarName);
  const digests = references.map(({ domain, path }) => familiarName({ domain, path, digest: target.digest }));
  return {
    id: image.manifest.config.digest,
    target,
    image,
    tags: tags.sort(),
    digests: [...new Set(digests)].sort(),
    size: imageSize(store, image),
  };
}

/** The platform asked for, else whichever is here: an image of another platform is an image all the same. */
function readAny(store: Store, target: Descriptor, platform: Platform): StoredImage | undefined {
  try {
    return readImage(store.content, target, platform);
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
  }
  try {
    const [first] = imageGraph(store.content, target).platforms;
    return first && readImage(store.content, first.descriptor, platform);
  } catch (error) {
    if (error instanceof StoreError) return undefined;
    throw error;
  }
}

function splitTag(name: string): { readonly repository: string; readonly tag: string } {
  const colon = name.lastIndexOf(':');
  return { repository: name.slice(0, colon), tag: name.slice(colon + 1) };
}

function createdAt({ image }: ListedImage): number {
  return Date.parse(image.config.created ?? '') || 0;
}
