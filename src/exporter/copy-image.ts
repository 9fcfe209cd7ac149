import {
  type Descriptor,
  digestOf,
  formatReference,
  type Index,
  isIndexType,
  MAX_CONFIG_BYTES,
  type Manifest,
  MediaType,
  type Platform,
  parseConfigOf,
  parseImageDocument,
  type Reference,
  StoreError,
} from '../../layers/index.ts';
import { blobStream } from '../registry/blob-stream.ts';
import type { RegistryOptions } from '../registry/client.ts';
import { mapConcurrently } from '../registry/concurrency.ts';
import { openFetcher } from '../registry/open-fetcher.ts';
import { openPusher, type Pusher } from '../registry/pusher.ts';
import type { Fetcher } from '../registry/registry.ts';
import { readBounded } from '../registry/transport.ts';

/** Blobs on the wire at once. */
const PARALLEL_BLOBS = 4;

/** An image manifest in a registry. */
export interface RemoteManifest {
  /** With its platform, as an index names it. */
  readonly descriptor: Descriptor;
  /** Where it is. */
  readonly source: Pick<Reference, 'domain' | 'path'>;
}

/** The manifests that a reference means: one, or all of an index. */
export async function remoteManifests(
  reference: Reference,
  options: RegistryOptions = {},
): Promise<readonly RemoteManifest[]> {
  const { domain, path } = reference;
  const fetcher = await openFetcher(reference, options);
  try {
    const target = await fetcher.resolve(reference);
    const { bytes, descriptor } = await fetcher.manifest(target.digest);
    const document = parseImageDocument(bytes, descriptor.mediaType);
    const found =
      document.kind === 'index'
        ? document.index.manifests
        : [{ ...descriptor, ...(await platformOf(fetcher, document.manifest)) }];
    return found.map((entry) => ({ descriptor: entry, source: { domain, path } }));
  } finally {
    fetcher.close();
  }
}

/** An artifact that is no image has none. */
async function platformOf(fetcher: Fetcher, manifest: Manifest): Promise<{ readonly platform?: Platform }> {
  try {
    const stream = blobStream(fetcher, manifest.config);
    const bytes = await readBounded(stream, MAX_CONFIG_BYTES, manifest.config.digest);
    const { os, architecture, variant, 'os.version': version } = parseConfigOf(manifest, bytes);
    return {
      platform: { os, architecture, ...(variant && { variant }), ...(version && { 'os.version': version }) },
    };
  } catch (error) {
    if (error instanceof StoreError && error.code === 'UNSUPPORTED') return {};
    throw error;
  }
}

/**
 * Puts an index of manifests under the tag of a reference. What its repository lacks is brought there: mounted within a
 * registry, streamed from one to another. Gives the index' descriptor.
 */
export async function pushIndex(
  manifests: readonly RemoteManifest[],
  target: Reference,
  options: RegistryOptions & { readonly annotations?: Readonly<Record<string, string>> } = {},
): Promise<Descriptor> {
  const pusher = await openPusher(target, options);
  try {
    for (const { descriptor, source } of manifests)
      await copyManifest(descriptor, source, target, pusher, options);
    const { index, text } = indexBytes(
      manifests.map(({ descriptor }) => descriptor),
      options.annotations,
    );
    const descriptor = { mediaType: index.mediaType, digest: digestOf(text), size: text.length };
    await pusher.manifest(text, descriptor, target.tag);
    return descriptor;
  } finally {
    pusher.close();
  }
}

/** In Docker's type when all that it names is. */
export function indexBytes(
  manifests: readonly Descriptor[],
  annotations?: Readonly<Record<string, string>>,
): { readonly index: Index; readonly text: Buffer } {
  const isDocker = manifests.every(({ mediaType }) => mediaType === MediaType.dockerManifest);
  const mediaType = isDocker && annotations === undefined ? MediaType.dockerIndex : MediaType.ociIndex;
  const index: Index = { schemaVersion: 2, mediaType, manifests, ...(annotations && { annotations }) };
  return { index, text: Buffer.from(JSON.stringify(index)) };
}

async function copyManifest(
  descriptor: Descriptor,
  source: RemoteManifest['source'],
  target: Reference,
  pusher: Pusher,
  options: RegistryOptions,
): Promise<void> {
  if (isIndexType(descriptor.mediaType))
    throw new StoreError(
      'UNSUPPORTED',
      descriptor.digest,
      `Cannot put index ${descriptor.digest} into an index`,
    );
  if (await pusher.hasManifest(descriptor.digest)) return;
  const reference = { ...source, digest: descriptor.digest };
  const fetcher = await openFetcher(reference, options);
  try {
    const { bytes } = await fetcher.manifest(descriptor.digest);
    const document = parseImageDocument(bytes, descriptor.mediaType);
    if (document.kind === 'index')
      throw new StoreError(
        'INVALID_MANIFEST',
        formatReference(reference),
        'An index was named as a manifest',
      );
    const { config, layers } = document.manifest;
    const lender = source.domain === target.domain && source.path !== target.path ? source.path : undefined;
    await mapConcurrently([...layers, config], PARALLEL_BLOBS, options.signal, async (blob) => {
      await pusher.blob(blob, (offset) => blobStream(fetcher, blob, { ...options, offset }), lender);
    });
    await pusher.manifest(bytes, descriptor);
  } finally {
    fetcher.close();
  }
}
