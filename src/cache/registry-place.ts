import type { Readable } from 'node:stream';
import {
  algorithmOf,
  type Descriptor,
  digestOf,
  formatReference,
  MAX_CONFIG_BYTES,
  type Manifest,
  MediaType,
  parseImageDocument,
  parseReference,
  type Reference,
  StoreError,
} from '../../layers/index.ts';
import { blobStream } from '../registry/blob-stream.ts';
import type { RegistryOptions } from '../registry/client.ts';
import { openFetcher } from '../registry/open-fetcher.ts';
import { openPusher, type Pusher } from '../registry/pusher.ts';
import { type Fetcher, RegistryError } from '../registry/registry.ts';
import { readBounded } from '../registry/transport.ts';
import {
  CACHE_CONFIG_TYPE,
  type CacheContents,
  type LayerBlob,
  parseContents,
  parseInline,
} from './contents.ts';
import type { CacheReader, CacheWriter } from './place.ts';

/** Platforms of an image that are looked at for an inline cache. */
const MAX_PLATFORMS = 8;
const IMAGE_CONFIGS: ReadonlySet<string> = new Set([MediaType.ociConfig, MediaType.dockerConfig]);

/** A cache in a registry: its own manifest, or an image that carries one inline. */
export async function openRegistryCache(ref: string, options: RegistryOptions): Promise<CacheReader> {
  const reference = parseReference(ref);
  return new RegistryReader(reference, await openFetcher(reference, options), options);
}

class RegistryReader implements CacheReader {
  readonly label: string;

  constructor(
    readonly reference: Reference,
    readonly fetcher: Fetcher,
    readonly options: RegistryOptions,
  ) {
    this.label = formatReference(reference);
  }

  get repository(): Reference {
    return this.reference;
  }

  async contents(): Promise<readonly CacheContents[]> {
    let target: Descriptor;
    try {
      target = await this.fetcher.resolve(this.reference);
    } catch (error) {
      if (error instanceof RegistryError && error.code === 'NOT_FOUND') return [];
      throw error;
    }
    const manifests = await this.#manifests(target);
    const found = await Promise.all(manifests.map((manifest) => this.#read(manifest)));
    const contents = found.filter((one) => one !== undefined);
    if (contents.length > 0) return contents;
    throw new StoreError('UNSUPPORTED', this.label, 'it holds no cache of this builder');
  }

  open(blob: LayerBlob, offset: number): Readable {
    return blobStream(this.fetcher, blob, { ...this.options, offset });
  }

  close(): void {
    this.fetcher.close();
  }

  async #manifests({ digest }: Descriptor): Promise<readonly Manifest[]> {
    const { bytes, descriptor } = await this.fetcher.manifest(digest);
    const document = parseImageDocument(bytes, descriptor.mediaType);
    if (document.kind === 'manifest') return [document.manifest];
    const images = document.index.manifests.filter(({ platform }) => platform?.os !== 'unknown');
    const inner = await Promise.all(
      images.slice(0, MAX_PLATFORMS).map((entry) => this.fetcher.manifest(entry.digest)),
    );
    return inner.flatMap(({ bytes: text, descriptor: { mediaType } }) => {
      const one = parseImageDocument(text, mediaType);
      return one.kind === 'manifest' ? [one.manifest] : [];
    });
  }

  async #read(manifest: Manifest): Promise<CacheContents | undefined> {
    const { config } = manifest;
    const isImage = IMAGE_CONFIGS.has(config.mediaType);
    if (!isImage && config.mediaType !== CACHE_CONFIG_TYPE) return undefined;
    const bytes = await readBounded(
      blobStream(this.fetcher, config, this.options),
      MAX_CONFIG_BYTES,
      this.label,
    );
    if (digestOf(bytes, algorithmOf(config.digest)) !== config.digest)
      throw new StoreError(
        'DIGEST_MISMATCH',
        config.digest,
        `Registry sent something else for ${config.digest}`,
      );
    return isImage ? parseInline(manifest, bytes) : parseContents(manifest, bytes);
  }
}

/** Where a cache is put in a registry: under the tag of the reference. */
export async function openRegistryTarget(ref: string, options: RegistryOptions): Promise<CacheWriter> {
  const reference = parseReference(ref);
  return new RegistryWriter(reference, await openPusher(reference, options), options);
}

class RegistryWriter implements CacheWriter {
  readonly label: string;

  constructor(
    readonly reference: Reference,
    readonly pusher: Pusher,
    readonly options: RegistryOptions,
  ) {
    this.label = formatReference(reference);
  }

  /** What cannot be read is replaced like anything else. */
  async current(): Promise<CacheContents | undefined> {
    const reader = await openRegistryCache(this.label, this.options);
    try {
      return (await reader.contents())[0];
    } catch (error) {
      if (
        error instanceof StoreError ||
        (error instanceof RegistryError && error.code === 'INVALID_RESPONSE')
      )
        return undefined;
      throw error;
    } finally {
      reader.close();
    }
  }

  has(digest: Parameters<CacheWriter['has']>[0]): Promise<boolean> {
    return this.pusher.hasBlob(digest);
  }

  async put(blob: LayerBlob, open: (offset: number) => Readable): Promise<void> {
    await this.pusher.blob(blob, open);
  }

  async finish(bytes: Buffer, _manifest: Manifest, descriptor: Descriptor): Promise<void> {
    await this.pusher.manifest(bytes, descriptor, this.reference.tag ?? 'latest');
  }

  close(): void {
    this.pusher.close();
  }
}
