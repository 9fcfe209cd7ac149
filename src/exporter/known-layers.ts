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
  private readonly documents = new Map<Digest, Descriptor>();
  private readonly configs = new Map<Digest, Manifest[]>();

  constructor(
    private readonly content: ContentStore,
    entries: readonly Descriptor[],
  ) {
    for (const entry of entries) this.want(entry);
  }

  get(digest: Digest): KnownLayer | undefined {
    return this.layers.get(digest);
  }

  /** To be called for every blob that was stored. */
  arrived(digest: Digest): void {
    const document = this.documents.get(digest);
    if (document !== undefined) this.read(document);
    for (const manifest of this.configs.get(digest) ?? []) this.learn(manifest);
    this.configs.delete(digest);
  }

  private want(document: Descriptor): void {
    if (this.documents.has(document.digest)) return;
    this.documents.set(document.digest, document);
    if (this.content.info(document.digest) !== undefined) this.read(document);
  }

  private read({ digest, mediaType }: Descriptor): void {
    const document = parseImageDocument(this.content.readAll(digest, MAX_MANIFEST_BYTES), mediaType);
    if (document.kind === 'index') {
      for (const entry of document.index.manifests) this.want(entry);
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
