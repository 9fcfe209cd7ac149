import { Readable } from 'node:stream';
import {
  algorithmOf,
  chooseManifest,
  type Descriptor,
  type DiffId,
  digestOf,
  type ImageRecord,
  imageName,
  MAX_CONFIG_BYTES,
  type Manifest,
  MediaType,
  type Platform,
  parseConfigOf,
  parseImageDocument,
  type Reference,
  type Store,
  type StoredImage,
} from '../../layers/index.ts';
import type { Report } from '../progress/events.ts';
import { blobStream } from './blob-stream.ts';
import type { RegistryOptions } from './client.ts';
import { mapConcurrently } from './concurrency.ts';
import { openFetcher } from './open-fetcher.ts';
import { type Fetcher, RegistryError } from './registry.ts';
import { readBounded } from './transport.ts';

/** Layers on the wire at once: what Docker uses, and enough to fill a line. */
const PARALLEL_LAYERS = 3;

const LAYER_TYPES: readonly string[] = [
  MediaType.ociLayer,
  MediaType.ociLayerGzip,
  MediaType.ociLayerZstd,
  MediaType.dockerLayer,
  MediaType.dockerLayerGzip,
];

export interface PullOptions extends RegistryOptions {
  readonly report?: Report;
  /** The step that progress is reported for. */
  readonly vertex?: string;
  /** Told once the registry has said what the name means. */
  readonly onResolved?: () => void;
  /** Reports layers that are here already, too, when others are not. */
  readonly tellsPresent?: boolean;
}

export interface PulledImage extends StoredImage {
  readonly record: ImageRecord;
}

/**
 * Brings one platform of an image into the store: index, manifest, configuration, layers (each unpacked while it comes
 * in), and the name last, so that a name never points at half an image. What the store has is not fetched again.
 * Throws {@link RegistryError}, StoreError.
 */
export async function pullImage(
  store: Store,
  reference: Reference,
  platform: Platform,
  options: PullOptions = {},
): Promise<PulledImage> {
  const fetcher = await openFetcher(reference, options);
  try {
    const target = await fetcher.resolve(reference);
    options.onResolved?.();
    const image = await pullPlatform(store, fetcher, target, platform, options);
    const record = store.images.set(imageName(reference), target);
    return { ...image, record };
  } finally {
    fetcher.close();
  }
}

/** What an image is, without its layers and without a name in the store: enough to look at a Dockerfile. */
export async function fetchImage(
  store: Store,
  reference: Reference,
  platform: Platform,
  options: PullOptions = {},
): Promise<StoredImage & { readonly target: Descriptor }> {
  const fetcher = await openFetcher(reference, options);
  try {
    const target = await fetcher.resolve(reference);
    return { ...(await pullDescription(store, fetcher, target, platform, options)), target };
  } finally {
    fetcher.close();
  }
}

/** Brings the layers of what {@link fetchImage} gave, and then the name. */
export async function completeImage(
  store: Store,
  reference: Reference,
  image: StoredImage & { readonly target: Descriptor },
  options: PullOptions = {},
): Promise<ImageRecord> {
  const fetcher = await openFetcher(reference, options);
  try {
    await pullLayers(store, fetcher, image, options);
    return store.images.set(imageName(reference), image.target);
  } finally {
    fetcher.close();
  }
}

async function pullPlatform(
  store: Store,
  fetcher: Fetcher,
  target: Descriptor,
  platform: Platform,
  options: PullOptions,
): Promise<StoredImage> {
  const image = await pullDescription(store, fetcher, target, platform, options);
  await pullLayers(store, fetcher, image, options);
  return image;
}

async function pullLayers(
  store: Store,
  fetcher: Fetcher,
  { manifest, config }: StoredImage,
  options: PullOptions,
): Promise<void> {
  const diffIds = config.rootfs.diff_ids;
  if (options.tellsPresent) tellPresent(store, manifest, diffIds, options);
  await mapConcurrently(manifest.layers, PARALLEL_LAYERS, options.signal, (layer, index, signal) =>
    pullLayer(store, fetcher, layer, diffIds[index]!, { ...options, signal }),
  );
}

function tellPresent(store: Store, { layers }: Manifest, diffIds: readonly DiffId[], options: PullOptions) {
  const present = layers.filter((layer, index) => isHere(store, layer, diffIds[index]!));
  if (present.length === layers.length) return;
  const { report, vertex = '' } = options;
  const now = Date.now();
  for (const { digest: id, size } of present)
    report?.({
      kind: 'status',
      vertex,
      id,
      current: size,
      total: size,
      started: now,
      completed: now,
      outcome: 'Already exists',
    });
}

async function pullDescription(
  store: Store,
  fetcher: Fetcher,
  target: Descriptor,
  platform: Platform,
  options: PullOptions,
): Promise<StoredImage> {
  const { descriptor, manifest } = await pullManifest(store, fetcher, target, platform);
  return {
    descriptor,
    manifest,
    config: parseConfigOf(manifest, await pullConfig(store, fetcher, manifest, options)),
  };
}

async function pullManifest(
  store: Store,
  fetcher: Fetcher,
  target: Descriptor,
  platform: Platform,
): Promise<{ descriptor: Descriptor; manifest: Manifest }> {
  const document = parseImageDocument(await pullDocument(store, fetcher, target), target.mediaType);
  if (document.kind === 'manifest') return { descriptor: target, manifest: document.manifest };
  const descriptor = chooseManifest(document.index.manifests, platform, target.digest);
  const inner = parseImageDocument(await pullDocument(store, fetcher, descriptor), descriptor.mediaType);
  if (inner.kind === 'manifest') return { descriptor, manifest: inner.manifest };
  const { digest } = descriptor;
  throw new RegistryError(
    'INVALID_RESPONSE',
    digest,
    `Image index ${target.digest} holds another index ${digest}`,
  );
}

async function pullDocument(
  store: Store,
  fetcher: Fetcher,
  { digest, size }: Descriptor,
): Promise<Uint8Array> {
  const isStored = store.content.info(digest) !== undefined;
  const bytes = isStored ? store.content.readAll(digest) : (await fetcher.manifest(digest)).bytes;
  if (bytes.length !== size)
    throw new RegistryError(
      'INVALID_RESPONSE',
      digest,
      `Registry gives ${digest} a size of ${size} bytes, and it has ${bytes.length}`,
    );
  if (!isStored) await store.content.put(Readable.from([bytes], { objectMode: false }), { digest, size });
  return bytes;
}

async function pullConfig(
  store: Store,
  fetcher: Fetcher,
  { config }: Manifest,
  options: PullOptions,
): Promise<Uint8Array> {
  if (store.content.info(config.digest) !== undefined) return store.content.readAll(config.digest);
  if (config.size > MAX_CONFIG_BYTES)
    throw new RegistryError(
      'LIMIT_EXCEEDED',
      config.digest,
      `Image configuration is larger than ${MAX_CONFIG_BYTES} bytes`,
    );
  const bytes = await readBounded(blobStream(fetcher, config, options), MAX_CONFIG_BYTES, config.digest);
  if (digestOf(bytes, algorithmOf(config.digest)) !== config.digest)
    throw new RegistryError(
      'INVALID_RESPONSE',
      config.digest,
      `Registry sent something else for ${config.digest}`,
    );
  await store.content.put(Readable.from([bytes], { objectMode: false }), config);
  return bytes;
}

async function pullLayer(
  store: Store,
  fetcher: Fetcher,
  layer: Descriptor,
  diffId: DiffId,
  options: PullOptions,
): Promise<void> {
  if (!LAYER_TYPES.includes(layer.mediaType)) {
    throw new RegistryError('INVALID_RESPONSE', layer.digest, `Unsupported layer type "${layer.mediaType}"`);
  }
  if (isHere(store, layer, diffId)) return;
  const open = (offset: number) => reportedBlob(fetcher, layer, offset, options);
  // Where the files are here from elsewhere, the blob alone is stored: an image is pushed with what its manifest names.
  const unpack = async () => {
    if (isHere(store, layer, diffId)) return;
    const isStored = store.content.info(layer.digest) !== undefined;
    await store.unpack(layer, diffId, isStored ? undefined : open);
  };
  // What another process is fetching is waited for, not fetched twice.
  await store.records.exclusive('pull', layer.digest.replace(':', '.'), unpack, options.signal);
}

function isHere(store: Store, { digest }: Descriptor, diffId: DiffId): boolean {
  return store.content.info(digest) !== undefined && store.snapshots.layer(diffId) !== undefined;
}

/** The blob's bytes, with a status event at the start, at the end and at every hundredth part. */
function reportedBlob(fetcher: Fetcher, layer: Descriptor, offset: number, options: PullOptions): Readable {
  const { report, vertex = '' } = options;
  const started = Date.now();
  let next = 0;
  const progress = (current: number) => {
    if (report === undefined || (current < next && current < layer.size)) return;
    next = current + layer.size / 100;
    const done = current >= layer.size;
    report({
      kind: 'status',
      vertex,
      id: layer.digest,
      current,
      total: layer.size,
      started,
      ...(done && { completed: Date.now() }),
    });
  };
  progress(offset);
  return blobStream(fetcher, layer, { ...options, progress, offset });
}
