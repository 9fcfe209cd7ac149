import {
  type Digest,
  digestOfDiff,
  MAX_CONFIG_BYTES,
  type Manifest,
  parseConfigOf,
  parseImageDocument,
  type Reference,
  StoreError,
} from '../../layers/index.ts';
import type { RegistryOptions } from '../registry/client.ts';
import { openFetcher } from '../registry/open-fetcher.ts';
import { type Fetcher, RegistryError } from '../registry/registry.ts';
import { readBounded } from '../registry/transport.ts';

/** Platforms of an index that are looked at. */
const MAX_PLATFORMS = 8;

/**
 * The layers, by the digests of their tars, of the image that a tag means in the registry before it is pushed: likely
 * those of which the repository has the blobs. Only a hint, so that whatever goes wrong means none.
 */
export async function remoteLayers(
  { domain, path, tag = 'latest' }: Reference,
  options: RegistryOptions,
): Promise<ReadonlySet<Digest>> {
  const reference = { domain, path, tag };
  try {
    const fetcher = await openFetcher(reference, { ...options, retryDelay: 1 });
    try {
      const { digest } = await fetcher.resolve(reference);
      const manifests = await manifestsOf(fetcher, digest);
      const found = await Promise.all(manifests.map((manifest) => layersOf(fetcher, manifest)));
      return new Set(found.flat());
    } finally {
      fetcher.close();
    }
  } catch (error) {
    if (error instanceof RegistryError || error instanceof StoreError) return new Set();
    throw error;
  }
}

async function manifestsOf(fetcher: Fetcher, digest: Digest): Promise<Manifest[]> {
  const { bytes, descriptor } = await fetcher.manifest(digest);
  const document = parseImageDocument(bytes, descriptor.mediaType);
  if (document.kind === 'manifest') return [document.manifest];
  const images = document.index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
  const read = await Promise.all(
    images.slice(0, MAX_PLATFORMS).map(async (entry) => {
      const inner = await fetcher.manifest(entry.digest);
      return parseImageDocument(inner.bytes, inner.descriptor.mediaType);
    }),
  );
  return read.flatMap((inner) => (inner.kind === 'manifest' ? [inner.manifest] : []));
}

async function layersOf(fetcher: Fetcher, manifest: Manifest): Promise<Digest[]> {
  const { digest } = manifest.config;
  const bytes = await readBounded(await fetcher.blob(manifest.config), MAX_CONFIG_BYTES, digest);
  return parseConfigOf(manifest, bytes).rootfs.diff_ids.map(digestOfDiff);
}
