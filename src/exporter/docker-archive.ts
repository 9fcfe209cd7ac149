import { posix } from 'node:path';
import {
  type Descriptor,
  type Digest,
  detectArchive,
  MAX_CONFIG_BYTES,
  type Manifest,
  MediaType,
  parseImageConfig,
  type Store,
  StoreError,
} from '../../layers/index.ts';
import { type ArchiveImage, type DockerManifestEntry, normalised } from './archive-images.ts';
import type { ArchiveMember } from './archive-member.ts';

const LAYER_TYPES = {
  tar: MediaType.ociLayer,
  gzip: MediaType.ociLayerGzip,
  zstd: MediaType.ociLayerZstd,
} as const;

/**
 * The files of the older `docker save` format, which have names of their own: `HEX.json`, `ID/layer.tar`, `HEX.tar`.
 * They are stored under the digests they turn out to have, and the manifest that the format lacks is made.
 */
export class DockerFiles {
  private readonly digests = new Map<string, Digest>();
  private readonly links = new Map<string, string>();

  constructor(private readonly store: Store) {}

  /** Notes where a file that somebody else stored is. */
  found(path: string, digest: Digest): void {
    this.digests.set(path, digest);
  }

  /** Stores a file that may belong to an image; others are passed over. Throws `LIMIT_EXCEEDED` for a huge document. */
  async take(entry: ArchiveMember, path: string): Promise<void> {
    const { type, linkpath } = entry;
    // A layer that several images share is a link to its first place: in the archive, never on a disk.
    if (type === 'symlink') this.links.set(path, posix.join(posix.dirname(path), linkpath));
    else if (type === 'link') this.links.set(path, posix.normalize(linkpath));
    else if (type === 'file' && /\.(tar|json)$/.test(path)) {
      if (path.endsWith('.json') && entry.size > MAX_CONFIG_BYTES) throw tooLarge(path);
      this.digests.set(path, await this.ingest(entry));
    }
  }

  /** The image of an entry of manifest.json. Throws `INVALID_ARCHIVE` for files that are not in the archive. */
  async image({ config: configPath, repoTags, layers: paths }: DockerManifestEntry): Promise<ArchiveImage> {
    const { content } = this.store;
    const configDigest = this.digestOf(configPath);
    const configBytes = content.readAll(configDigest, MAX_CONFIG_BYTES);
    const { diff_ids: diffIds } = parseImageConfig(configBytes).rootfs;
    if (diffIds.length !== paths.length) {
      const message = `Cannot read the archive: ${configPath} has ${diffIds.length} layers, manifest.json ${paths.length}`;
      throw new StoreError('INVALID_ARCHIVE', configPath, message);
    }
    const layers: Descriptor[] = [];
    for (const path of paths) layers.push(await this.layer(this.digestOf(path)));
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config: { mediaType: MediaType.ociConfig, digest: configDigest, size: configBytes.length },
      layers,
    };
    const { digest, size } = content.putBytes(Buffer.from(JSON.stringify(manifest)));
    return { target: { mediaType: manifest.mediaType, digest, size }, names: repoTags.map(normalised) };
  }

  private async layer(digest: Digest): Promise<Descriptor> {
    const { size } = this.store.content.info(digest)!;
    const head = this.store.content.read(digest);
    const [first] = (await head.take(1).toArray()) as Buffer[];
    head.destroy();
    // An empty tar is nothing that can be told by its first bytes.
    const kind = detectArchive(first ?? Buffer.alloc(0)) ?? 'tar';
    if (kind in LAYER_TYPES)
      return { mediaType: LAYER_TYPES[kind as keyof typeof LAYER_TYPES], digest, size };
    throw new StoreError(
      'UNSUPPORTED',
      digest,
      `Cannot read the archive: a layer in it is compressed with ${kind}`,
    );
  }

  private digestOf(path: string): Digest {
    const digest = this.digests.get(path) ?? this.digests.get(this.links.get(path) ?? '');
    if (digest !== undefined) return digest;
    throw new StoreError(
      'INVALID_ARCHIVE',
      path,
      `Cannot read the archive: it lacks ${JSON.stringify(path)}`,
    );
  }

  private async ingest(entry: ArchiveMember): Promise<Digest> {
    const ingest = this.store.content.ingest();
    try {
      for await (const chunk of entry.body as AsyncIterable<Buffer>) ingest.write(chunk);
      return ingest.commit().digest;
    } catch (error) {
      ingest.abort();
      throw error;
    }
  }
}

function tooLarge(path: string): StoreError {
  const message = `Cannot read the archive: ${JSON.stringify(path)} has more than ${MAX_CONFIG_BYTES} bytes`;
  return new StoreError('LIMIT_EXCEEDED', path, message);
}
