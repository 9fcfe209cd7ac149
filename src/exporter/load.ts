import { createReadStream, statSync } from 'node:fs';
import { addAbortSignal, type Readable } from 'node:stream';
import {
  choosePlatform,
  cleanEntryPath,
  type Descriptor,
  type Digest,
  hostPlatform,
  isIndexType,
  MAX_MANIFEST_BYTES,
  type Platform,
  parseDigest,
  parseImageDocument,
  plainTar,
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
import type { ArchiveMember } from './archive-member.ts';
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
  for await (const entry of membersOf(source, options.signal)) {
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

/**
 * Brings what an OCI layout directory holds into the store, without a name for any of it: gives the entries of its index.
 * What the store has already is not read again.
 */
export async function takeLayout(
  store: Store,
  directory: string,
  signal: AbortSignal | undefined,
): Promise<readonly Descriptor[]> {
  const files = new ArchiveFiles(store);
  for await (const entry of readLayoutDirectory(directory)) {
    signal?.throwIfAborted();
    await files.take(entry);
  }
  return files.entries();
}

async function* membersOf(source: string | Readable, signal?: AbortSignal): AsyncGenerator<ArchiveMember> {
  if (typeof source === 'string' && statSync(source).isDirectory()) {
    yield* readLayoutDirectory(source);
    return;
  }
  const options = { highWaterMark: 1 << 20, ...(signal && { signal }) };
  const bytes = typeof source === 'string' ? createReadStream(source, options) : source;
  if (signal !== undefined && typeof source !== 'string') addAbortSignal(signal, source);
  yield* readArchive(plainTar(bytes));
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

  async take(entry: ArchiveMember): Promise<void> {
    if (entry.type === 'directory') return;
    const path = cleanEntryPath(entry.path);
    if (path.startsWith('blobs/')) return this.takeBlob(entry, path);
    if (path === 'index.json') {
      this.indexJson = await wholeBody(entry);
      this.known = new KnownLayers(this.store.content, layoutEntries(this.indexJson));
    } else if (path === 'manifest.json') this.dockerEntries = parseDockerManifest(await wholeBody(entry));
    else await this.dockerFiles.take(entry, path);
  }

  async images(): Promise<ArchiveImage[]> {
    const { content } = this.store;
    if (this.indexJson !== undefined) return imagesOfLayout(content, this.indexJson, this.dockerEntries);
    return Promise.all(this.dockerEntries.map((entry) => this.dockerFiles.image(entry)));
  }

  /** Of an OCI layout's index. */
  entries(): readonly Descriptor[] {
    if (this.indexJson !== undefined) return layoutEntries(this.indexJson);
    throw new StoreError('INVALID_ARCHIVE', 'index.json', 'Cannot read the layout: it has no index.json');
  }

  private async takeBlob(entry: ArchiveMember, path: string): Promise<void> {
    const digest = blobDigest(entry, path);
    const { content, snapshots } = this.store;
    if (content.info(digest) === undefined) {
      const layer = this.known?.get(digest);
      const isNew = layer !== undefined && snapshots.layer(layer.diffId) === undefined;
      if (isNew) await this.store.unpack(layer.descriptor, layer.diffId, entry.body);
      else await content.put(entry.body, { digest, size: entry.size });
    }
    this.known?.arrived(digest);
    this.dockerFiles.found(path, digest);
  }
}

/** The layers of the platform, unpacked; of an image without that platform, nothing. */
async function unpackTarget(
  store: Store,
  target: Descriptor,
  platform: Platform,
): Promise<StoredImage | undefined> {
  try {
    const image = readPresent(store, target, platform);
    if (image !== undefined) await unpackImage(store, image);
    return image;
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'NOT_FOUND') throw error;
    const { subject } = error;
    throw new StoreError('INVALID_ARCHIVE', subject, `Cannot read the archive: it lacks the blob ${subject}`);
  }
}

function readPresent(store: Store, target: Descriptor, platform: Platform): StoredImage | undefined {
  if (isIndexType(target.mediaType)) {
    const document = parseImageDocument(
      store.content.readAll(target.digest, MAX_MANIFEST_BYTES),
      target.mediaType,
    );
    const entries = document.kind === 'index' ? document.index.manifests : [];
    const present = entries.filter(({ digest }) => store.content.info(digest) !== undefined);
    if (present.length === 0) {
      const message = `Cannot read the archive: it has none of the images in index ${target.digest}`;
      throw new StoreError('INVALID_ARCHIVE', target.digest, message);
    }
    const chosen = choosePlatform(platform, present, (entry) => entry.platform);
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
function blobDigest({ type }: ArchiveMember, path: string): Digest {
  const match = /^blobs\/(sha256|sha512)\/([0-9a-f]+)$/.exec(path);
  if (match === null || type !== 'file') {
    const shown = JSON.stringify(path);
    throw new StoreError('INVALID_ARCHIVE', path, `Cannot read the archive: ${shown} is not a blob`);
  }
  return parseDigest(`${match[1]}:${match[2]}`);
}

async function wholeBody(entry: ArchiveMember): Promise<Buffer> {
  if (entry.type !== 'file' || entry.size > MAX_MANIFEST_BYTES) {
    const message = `Cannot read the archive: ${entry.path} is no file of at most ${MAX_MANIFEST_BYTES} bytes`;
    throw new StoreError('INVALID_ARCHIVE', entry.path, message);
  }
  const chunks: Buffer[] = [];
  for await (const chunk of entry.body as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}
