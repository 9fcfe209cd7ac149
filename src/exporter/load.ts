import { createReadStream, statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import {
  type ArchiveEntry,
  choosePlatform,
  type Descriptor,
  type Digest,
  decompressed,
  hostPlatform,
  isIndexType,
  MANIFEST_LIMIT,
  type Platform,
  parseDigest,
  parseDocument,
  readArchive,
  readImage,
  type Store,
  type StoredImage,
  StoreError,
  unpackImage,
} from '../../layers/index.ts';
import {
  type ArchiveImage,
  type DockerManifestEntry,
  imagesOfLayout,
  layoutEntries,
  parseDockerManifest,
} from './archive-images.ts';
import { DockerFiles } from './docker-archive.ts';
import { KnownLayers } from './known-layers.ts';
import { readLayoutDirectory } from './layout-directory.ts';

export interface LoadedImage {
  /** Normalised; undefined for an image without a name, which is kept under its digest. */
  readonly name?: string;
  /** Manifest or index. */
  readonly target: Descriptor;
  /** Digest of the configuration of this machine's platform, or of the only one; undefined when there is none. */
  readonly imageId?: Digest;
  /** What the name meant until now, if that was something else. */
  readonly replaced?: Descriptor;
}

export interface LoadOptions {
  /** Whose layers are unpacked at once. Default: this machine's. */
  readonly platform?: Platform;
  readonly signal?: AbortSignal;
}

/**
 * Brings the images of an archive into the store: `docker save`'s (either format), an OCI layout in a tar, plain or
 * compressed, or an OCI layout directory. Everything is verified by digest, nothing is written outside the store, names
 * are set last. A name that pointed elsewhere before is told in `replaced`. Throws StoreError (`INVALID_ARCHIVE`, …).
 */
export async function loadArchive(
  store: Store,
  source: string | Readable,
  options: LoadOptions = {},
): Promise<LoadedImage[]> {
  const files = new ArchiveFiles(store);
  for await (const entry of entriesOf(source, options.signal)) {
    options.signal?.throwIfAborted();
    await files.take(entry);
  }
  const images = await files.images();
  if (images.length === 0) throw new StoreError('INVALID_ARCHIVE', 'archive', 'No image in the archive');
  const platform = options.platform ?? hostPlatform();
  const unpacked: (StoredImage | undefined)[] = [];
  for (const { target } of images) unpacked.push(await unpackTarget(store, target, platform));
  return images.flatMap((image, index) => setNames(store, image, unpacked[index]));
}

async function* entriesOf(source: string | Readable, signal?: AbortSignal): AsyncGenerator<ArchiveEntry> {
  if (typeof source !== 'string') yield* readArchive(await decompressed(source));
  else if (statSync(source).isDirectory()) yield* readLayoutDirectory(source);
  else {
    const stream = createReadStream(source, { highWaterMark: 1 << 20, ...(signal && { signal }) });
    yield* readArchive(await decompressed(stream));
  }
}

/** Takes the files of an archive in whatever order they come. */
class ArchiveFiles {
  private indexJson: Buffer | undefined;
  private dockerEntries: readonly DockerManifestEntry[] = [];
  private readonly dockerFiles: DockerFiles;
  private known: KnownLayers | undefined;

  constructor(private readonly store: Store) {
    this.dockerFiles = new DockerFiles(store);
  }

  async take(entry: ArchiveEntry): Promise<void> {
    const { path } = entry;
    if (entry.type === 'directory') return;
    if (path.startsWith('blobs/')) return this.takeBlob(entry);
    if (path === 'index.json') {
      this.indexJson = await wholeBody(entry);
      this.known = new KnownLayers(this.store.content, layoutEntries(this.indexJson));
    } else if (path === 'manifest.json') this.dockerEntries = parseDockerManifest(await wholeBody(entry));
    else await this.dockerFiles.take(entry);
  }

  async images(): Promise<ArchiveImage[]> {
    const { content } = this.store;
    if (this.indexJson !== undefined) return imagesOfLayout(content, this.indexJson, this.dockerEntries);
    return Promise.all(this.dockerEntries.map((entry) => this.dockerFiles.image(entry)));
  }

  private async takeBlob(entry: ArchiveEntry): Promise<void> {
    const digest = blobDigest(entry);
    const { content, snapshots } = this.store;
    if (content.info(digest) === undefined) {
      const layer = this.known?.get(digest);
      const isNew = layer !== undefined && snapshots.layer(layer.diffId) === undefined;
      if (isNew) await this.store.unpack(layer.descriptor, layer.diffId, entry.body());
      else await content.put(entry.body(), { digest, size: entry.size });
    }
    this.known?.arrived(digest);
    this.dockerFiles.found(entry.path, digest);
  }
}

/** The layers of the platform, unpacked; of an image without that platform, nothing. */
async function unpackTarget(
  store: Store,
  target: Descriptor,
  platform: Platform,
): Promise<StoredImage | undefined> {
  const image = readPresent(store, target, platform);
  if (image !== undefined) await unpackImage(store, image);
  return image;
}

function readPresent(store: Store, target: Descriptor, platform: Platform): StoredImage | undefined {
  if (isIndexType(target.mediaType)) {
    const document = parseDocument(store.content.readAll(target.digest, MANIFEST_LIMIT), target.mediaType);
    const entries = document.kind === 'index' ? document.index.manifests : [];
    const present = entries.filter(({ digest }) => store.content.info(digest) !== undefined);
    if (present.length === 0) {
      const message = `Cannot read the archive: it has none of the images in index ${target.digest}`;
      throw new StoreError('INVALID_ARCHIVE', target.digest, message);
    }
    const chosen = choosePlatform(present, platform);
    return chosen && readImage(store.content, chosen, platform);
  }
  return readImage(store.content, target, platform);
}

function setNames(
  store: Store,
  { target, names }: ArchiveImage,
  image: StoredImage | undefined,
): LoadedImage[] {
  const id = image && { imageId: image.manifest.config.digest };
  if (names.length === 0) {
    store.images.set(target.digest, target);
    return [{ target, ...id }];
  }
  return names.map((name) => {
    const before = store.images.get(name)?.target;
    store.images.set(name, target);
    const replaced = before !== undefined && before.digest !== target.digest ? { replaced: before } : {};
    return { name, target, ...id, ...replaced };
  });
}

/** The digest that a blob's path states. Links are refused: what they point at is not in the archive. */
function blobDigest({ path, type }: ArchiveEntry): Digest {
  const match = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(path);
  if (match === null || type !== 'file') {
    const shown = JSON.stringify(path);
    throw new StoreError('INVALID_ARCHIVE', path, `Cannot read the archive: ${shown} is not a blob`);
  }
  return parseDigest(`${match[1]}:${match[2]}`);
}

async function wholeBody(entry: ArchiveEntry): Promise<Buffer> {
  if (entry.type !== 'file' || entry.size > MANIFEST_LIMIT) {
    const message = `Cannot read the archive: ${entry.path} is no file of at most ${MANIFEST_LIMIT} bytes`;
    throw new StoreError('INVALID_ARCHIVE', entry.path, message);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of entry.body() as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
