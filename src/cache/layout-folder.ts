import {
  closeSync,
  constants,
  createReadStream,
  createWriteStream,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
} from 'node:fs';
import { resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  algorithmOf,
  type Digest,
  hexOf,
  makeDirectories,
  StoreError,
  WholeFile,
} from '../../layers/index.ts';

const { O_RDONLY, O_NOFOLLOW, O_DIRECTORY, O_NONBLOCK } = constants;

/**
 * The files of an OCI layout directory (image-spec image-layout.md), one at a time. It may come from anywhere, so every
 * component below the directory itself is opened without following links.
 */
export class LayoutFolder {
  readonly #root: number;

  /** With `create` it is made where it is missing. */
  constructor(
    readonly path: string,
    { create = false }: { readonly create?: boolean } = {},
  ) {
    if (create) makeDirectories(path);
    this.#root = openSync(resolve(path), O_RDONLY | O_DIRECTORY);
  }

  /** Undefined when there is none. */
  readText(name: string, limit: number): Buffer | undefined {
    return withFd(openBelow(this.#root, name, O_NONBLOCK), (fd) => bounded(fd, name, limit));
  }

  readBlob(digest: Digest, limit: number): Buffer | undefined {
    return this.#inBlobs(digest, false, (folder) =>
      withFd(openBelow(folder, hexOf(digest), O_NONBLOCK), (fd) => bounded(fd, digest, limit)),
    );
  }

  /** Bytes of a blob, or undefined. */
  blobSize(digest: Digest): number | undefined {
    return this.#inBlobs(digest, false, (folder) =>
      withFd(openBelow(folder, hexOf(digest), O_NONBLOCK), (fd) => requireFile(fd, digest).size),
    );
  }

  openBlob(digest: Digest, offset: number): Readable {
    const fd = this.#inBlobs(digest, false, (folder) => openBelow(folder, hexOf(digest), O_NONBLOCK));
    if (fd === undefined) throw new StoreError('NOT_FOUND', digest, `"${this.path}" has no blob ${digest}`);
    try {
      requireFile(fd, digest);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return createReadStream('', { fd, start: offset, highWaterMark: 1 << 20 });
  }

  /** It appears when it is whole. */
  async writeBlob(digest: Digest, bytes: Readable): Promise<void> {
    const folder = this.#inBlobs(digest, true, (fd) =>
      openSync(`/proc/self/fd/${fd}`, O_RDONLY | O_DIRECTORY),
    )!;
    try {
      await writeWhole(folder, hexOf(digest), bytes);
    } finally {
      closeSync(folder);
    }
  }

  writeText(name: string, text: Buffer): Promise<void> {
    return writeWhole(this.#root, name, Readable.from([text], { objectMode: false }));
  }

  close(): void {
    closeSync(this.#root);
  }

  #inBlobs<T>(digest: Digest, create: boolean, body: (folder: number) => T | undefined): T | undefined {
    return withFd(folderBelow(this.#root, 'blobs', create), (blobs) =>
      withFd(folderBelow(blobs, algorithmOf(digest), create), body),
    );
  }
}

async function writeWhole(folder: number, name: string, bytes: Readable): Promise<void> {
  const file = new WholeFile(folder, 0o644);
  try {
    // A descriptor of the stream's own: a pipeline that fails closes it, at whatever time.
    await pipeline(bytes, createWriteStream(`/proc/self/fd/${file.fd}`));
    file.appearAs(name);
  } finally {
    file.close();
  }
}

function withFd<T>(fd: number | undefined, body: (fd: number) => T | undefined): T | undefined {
  if (fd === undefined) return undefined;
  try {
    return body(fd);
  } finally {
    closeSync(fd);
  }
}

function folderBelow(folder: number, name: string, create: boolean): number | undefined {
  const fd = openBelow(folder, name, O_DIRECTORY);
  if (fd !== undefined || !create) return fd;
  mkdirSync(`/proc/self/fd/${folder}/${name}`);
  return openBelow(folder, name, O_DIRECTORY);
}

/** Undefined when there is no such entry. */
function openBelow(folder: number, name: string, flags: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${folder}/${name}`, O_RDONLY | O_NOFOLLOW | flags);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP' || code === 'ENOTDIR') throw refused(name);
    throw error;
  }
}

function requireFile(fd: number, name: string) {
  const stat = fstatSync(fd);
  if (!stat.isFile()) throw refused(name);
  return stat;
}

function bounded(fd: number, name: string, limit: number): Buffer {
  if (requireFile(fd, name).size > limit)
    throw new StoreError('LIMIT_EXCEEDED', name, `"${name}" has more than ${limit} bytes`);
  return readFileSync(fd);
}

function refused(name: string): StoreError {
  return new StoreError(
    'INVALID_ARCHIVE',
    name,
    `Cannot use the image layout: "${name}" is no plain file or folder`,
  );
}
