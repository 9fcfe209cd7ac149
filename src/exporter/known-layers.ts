import {
  type ContentStore,
  type Descriptor,
  type DiffId,
  type Digest,
  MAX_MANIFEST_BYTES,
  type Manifest,
  parseConfigOf,
  parseImageDocument,
  StoreError,
} from '../../layers/index.ts';

/** Indexes within indexes that are looked into: nobody nests them deeper, and each is a call within a call. */
const MAX_DEPTH = 8;

/** A layer of an image in an archive. */
export interface KnownLayer {
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
}

/**
 * Follows an archive's index while its blobs come in: as soon as an image's manifest and configuration are there, its
 * layers are known with their diff IDs, and can be unpacked straight from the archive. Every document is read once.
 */
export class KnownLayers {
  private readonly layers = new Map<Digest, KnownLayer>();
  private readonly documents = new Map<Digest, { readonly descriptor: Descriptor; readonly depth: number }>();
  private readonly configs = new Map<Digest, Manifest[]>();

  constructor(
    private readonly content: ContentStore,
    entries: readonly Descriptor[],
  ) {
    for (const entry of entries) this.want(entry, 0);
  }

  get(digest: Digest): KnownLayer | undefined {
    return this.layers.get(digest);
  }

  /** To be called for every blob that was stored. */
  arrived(digest: Digest): void {
    const document = this.documents.get(digest);
    if (document !== undefined) this.read(document.descriptor, document.depth);
    for (const manifest of this.configs.get(digest) ?? []) this.learn(manifest);
    this.configs.delete(digest);
  }

  private want(descriptor: Descriptor, depth: number): void {
    if (depth > MAX_DEPTH || this.documents.has(descriptor.digest)) return;
    this.documents.set(descriptor.digest, { descriptor, depth });
    if (this.content.info(descriptor.digest) !== undefined) this.read(descriptor, depth);
  }

  private read({ digest, mediaType }: Descriptor, depth: number): void {
    const document = parseImageDocument(this.content.readAll(digest, MAX_MANIFEST_BYTES), mediaType);
    if (document.kind === 'index') {
      for (const entry of document.index.manifests) this.want(entry, depth + 1);
      return;
    }
    const { manifest } = document;
    const config = manifest.config.digest;
    if (this.content.info(config) !== undefined) this.learn(manifest);
    else this.configs.set(config, [...(this.configs.get(config) ?? []), manifest]);
  }

  private learn(manifest: Manifest): void {
    try {
      const diffIds = parseConfigOf(manifest, this.content.readAll(manifest.config.digest)).rootfs.diff_ids;
      for (const [index, descriptor] of manifest.layers.entries())
        this.layers.set(descriptor.digest, { descriptor, diffId: diffIds[index]! });
    } catch (error) {
      // An attestation has a manifest too, but is no container image: nothing to unpack.
      if (!(error instanceof StoreError) || error.code !== 'UNSUPPORTED') throw error;
    }
  }
}
