import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
} from 'node:fs';
import type { Readable } from 'node:stream';
import type { LayerThreads } from '../diff/layer-threads.ts';
import { StoreError } from '../errors.ts';
import type { FileLease } from '../gc/lease.ts';
import { reclaimDeadLeases } from '../gc/reclaim.ts';
import type { Layout } from '../layout.ts';
import { createHash } from '../linux/hash.ts';
import { ifPresent } from '../linux/if-present.ts';
import type { Descriptor } from '../oci/descriptor.ts';
import { algorithmOf, type DiffId, type Digest, digestOf } from '../oci/digest.ts';
import type { BlobInfo, CompressRequest, ContentStore, Ingest, TarTarget } from './content-store.ts';
import { FileIngest } from './ingest.ts';
import { corrupt, skipping, verified } from './verified.ts';

/** The plain tar of an unpacked layer, made when it is read. */
export interface LayerTar {
  /** Bytes. */
  readonly size: number;
  /** Fails with `CORRUPT` instead of ending when the bytes do not hash to the layer's diff ID. */
  open(): Readable;
  /** Undefined where there are none, or it is not worth it. */
  threads(): LayerThreads | undefined;
}

const DEFAULT_LIMIT = 8 << 20;
const CHUNK = 1 << 18;
const HEX = { sha256: /^[0-9a-f]{64}$/, sha512: /^[0-9a-f]{128}$/ } as const;

/** Blobs as files of the store's directory. `layerTar` answers for layers that have no blob of their own. */
export class LocalContentStore implements ContentStore {
  readonly #layout: Layout;
  readonly #lease: FileLease;
  readonly #layerTar: (diffId: DiffId) => LayerTar | undefined;
  #isReclaimed = false;

  constructor(layout: Layout, lease: FileLease, layerTar: (diffId: DiffId) => LayerTar | undefined) {
    this.#layout = layout;
    this.#lease = lease;
    this.#layerTar = layerTar;
  }

  info(digest: Digest): BlobInfo | undefined {
    const size = this.#storedSize(digest) ?? this.#tarOf(digest)?.size;
    return size === undefined ? undefined : { digest, size };
  }

  readAll(digest: Digest, limit = DEFAULT_LIMIT): Buffer {
    const blob = this.#open(digest);
    if (blob === undefined) throw notFound(digest);
    try {
      if (blob.size > limit) {
        const message = `Blob ${digest} is ${blob.size} bytes, more than the ${limit} allowed`;
        throw new StoreError('LIMIT_EXCEEDED', digest, message);
      }
      const bytes = readFully(blob.fd, blob.size);
      const actual = `${algorithmOf(digest)}:${createHash(algorithmOf(digest)).update(bytes).digest('hex')}`;
      if (actual !== digest) throw corrupt(digest, actual);
      return bytes;
    } finally {
      closeSync(blob.fd);
    }
  }

  read(digest: Digest, offset = 0): Readable {
    const blob = this.#open(digest);
    if (blob !== undefined) {
      const stream = createReadStream('', { fd: blob.fd, start: offset, highWaterMark: CHUNK });
      return offset === 0 ? verified(stream, digest) : stream;
    }
    const tar = this.#tarOf(digest);
    if (tar === undefined) throw notFound(digest);
    return offset === 0 ? tar.open() : skipping(tar.open(), offset);
  }

  async put(bytes: Readable, expected: Pick<Descriptor, 'digest' | 'size'>): Promise<void> {
    if (this.#storedSize(expected.digest) === expected.size) {
      bytes.destroy();
      return;
    }
    const ingest = this.ingestFor(expected.digest);
    try {
      for await (const chunk of bytes as AsyncIterable<Uint8Array | string>) {
        ingest.write(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
        if (ingest.size > expected.size) break;
      }
      if (ingest.size !== expected.size) throw wrongSize(expected, ingest.size);
      ingest.commit(expected.digest);
    } finally {
      ingest.abort();
    }
  }

  putBytes(bytes: Uint8Array): BlobInfo {
    const info = { digest: digestOf(bytes), size: bytes.length };
    if (this.#storedSize(info.digest) === info.size) return info;
    const ingest = new FileIngest(this.#layout, this.#lease);
    try {
      ingest.write(bytes);
      return ingest.commit();
    } finally {
      ingest.abort();
    }
  }

  ingest(): Ingest {
    return new FileIngest(this.#layout, this.#lease);
  }

  /** For a blob that should turn out to have this digest: hashed in its algorithm. */
  ingestFor(digest: Digest): FileIngest {
    return new FileIngest(this.#layout, this.#lease, algorithmOf(digest));
  }

  /** The same, going on with what an earlier transfer of the blob left, if there is something. */
  resume(digest: Digest): FileIngest {
    // A killed process has left it under its own name.
    if (!this.#isReclaimed) reclaimDeadLeases(this.#layout);
    this.#isReclaimed = true;
    return new FileIngest(this.#layout, this.#lease, algorithmOf(digest), digest);
  }

  compressTar(digest: Digest, request: CompressRequest): Promise<BlobInfo> | undefined {
    const threads = this.#threadsOf(digest);
    if (threads === undefined) return undefined;
    return request.keep
      ? this.#fill((fd) => threads.compress(fd, request))
      : threads.compress(undefined, request);
  }

  tarWriter(digest: Digest): ((target: TarTarget) => Promise<void>) | undefined {
    const threads = this.#threadsOf(digest);
    return threads && ((target) => threads.write(target));
  }

  *list(): Iterable<BlobInfo> {
    for (const algorithm of ['sha256', 'sha512'] as const) {
      for (const hex of readdirSync(`${this.#layout.blobs}/${algorithm}`)) {
        if (!HEX[algorithm].test(hex)) continue;
        const digest = `${algorithm}:${hex}` as Digest;
        const stat = lstatSync(this.#layout.blob(digest), { throwIfNoEntry: false });
        if (stat?.isFile()) yield { digest, size: stat.size };
      }
    }
  }

  /** Undefined for what has a file of its own. */
  #threadsOf(digest: Digest): LayerThreads | undefined {
    return this.#storedSize(digest) === undefined ? this.#tarOf(digest)?.threads() : undefined;
  }

  async #fill(writer: (fd: number) => Promise<BlobInfo>): Promise<BlobInfo> {
    const ingest = this.ingest();
    try {
      await ingest.fill(writer);
      return ingest.commit();
    } finally {
      ingest.abort();
    }
  }

  /** Size of a blob that has a file; leased. */
  #storedSize(digest: Digest): number | undefined {
    let size: number | undefined;
    this.#lease.hold('blob', digest, () => {
      const stat = lstatSync(this.#layout.blob(digest), { throwIfNoEntry: false });
      if (stat?.isFile()) size = stat.size;
      return size !== undefined;
    });
    return size;
  }

  #tarOf(digest: Digest): LayerTar | undefined {
    return algorithmOf(digest) === 'sha256' ? this.#layerTar(digest as string as DiffId) : undefined;
  }

  /** Undefined when it is not there. Leased; the caller closes the descriptor. */
  #open(digest: Digest): { readonly fd: number; readonly size: number } | undefined {
    // Without O_NONBLOCK, a pipe that somebody put there would be waited for.
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    let fd: number | undefined;
    this.#lease.hold('blob', digest, () => {
      try {
        fd = ifPresent(() => openSync(this.#layout.blob(digest), flags));
      } catch (cause) {
        throw irregular(digest, cause);
      }
      return fd !== undefined;
    });
    if (fd === undefined) return undefined;
    const stat = fstatSync(fd);
    if (stat.isFile()) return { fd, size: stat.size };
    closeSync(fd);
    throw irregular(digest);
  }
}

function readFully(fd: number, size: number): Buffer {
  const bytes = Buffer.allocUnsafe(size);
  let done = 0;
  while (done < size) {
    const length = readSync(fd, bytes, done, size - done, done);
    if (length === 0) break;
    done += length;
  }
  return bytes.subarray(0, done);
}

function irregular(digest: Digest, cause?: unknown): StoreError {
  const message = `Blob ${digest} cannot be opened as a regular file in the store`;
  return new StoreError('CORRUPT', digest, message, { cause });
}

function notFound(digest: Digest): StoreError {
  return new StoreError('NOT_FOUND', digest, `Blob ${digest} is not in the store`);
}

export function wrongSize(expected: Pick<Descriptor, 'digest' | 'size'>, actual: number): StoreError {
  const found = actual > expected.size ? 'more' : `only ${actual}`;
  const message = `Expected blob ${expected.digest} to have ${expected.size} bytes, but got ${found}`;
  return new StoreError('DIGEST_MISMATCH', expected.digest, message);
}
