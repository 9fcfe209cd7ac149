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

/** What a reference means, in the registry's own bytes. */
export interface RemoteImage {
  readonly mediaType: string;
  readonly bytes: Buffer;
  /** One, or all of an index. */
  readonly manifests: readonly RemoteManifest[];
}

/** Reads what a reference means, without its layers. */
export async function remoteImage(reference: Reference, options: RegistryOptions = {}): Promise<RemoteImage> {
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
    const manifests = found.map((entry) => ({ descriptor: entry, source: { domain, path } }));
    return { mediaType: descriptor.mediaType, bytes, manifests };
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
 * Puts a document, an index as a rule, under the tag of a reference. What the repository lacks of the manifests that it
 * names is brought there: mounted within a registry, streamed from one to another. Gives its descriptor.
 */
export async function pushRemote(
  { manifests, mediaType, bytes }: RemoteImage,
  target: Reference,
  options: RegistryOptions = {},
): Promise<Descriptor> {
  const pusher = await openPusher(target, options);
  try {
    for (const { descriptor, source } of manifests)
      await copyManifest(descriptor, source, target, pusher, options);
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    await pusher.manifest(bytes, descriptor, target.tag);
    return descriptor;
  } finally {
    pusher.close();
  }
}

/** A new index of manifests; in Docker's type when all that it names is. The bytes are those that buildx makes. */
export function remoteIndex(
  manifests: readonly RemoteManifest[],
  annotations?: Readonly<Record<string, string>>,
): RemoteImage {
  const entries = manifests.map(({ descriptor: { platform, ...entry } }) => ({
    ...entry,
    ...(platform && { platform: inOrder(platform) }),
  }));
  const isDocker = entries.every((entry) => entry.mediaType === MediaType.dockerManifest);
  const mediaType = isDocker && annotations === undefined ? MediaType.dockerIndex : MediaType.ociIndex;
  const index: Index = {
    schemaVersion: 2,
    mediaType,
    manifests: entries,
    ...(annotations && { annotations }),
  };
  return { mediaType, bytes: Buffer.from(JSON.stringify(index, undefined, 2)), manifests };
}

function inOrder({ architecture, os, ...more }: Platform): Platform {
  return { architecture, os, ...more };
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
