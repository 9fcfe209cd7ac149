import type { Readable } from 'node:stream';
import type { Descriptor } from '../oci/descriptor.ts';
import type { Digest } from '../oci/digest.ts';

export interface BlobInfo {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** Is given the bytes of a blob while they are made. */
export interface BlobTap {
  /** Has the buffer for good. A promise: wait for it, there is enough under way. */
  write(chunk: Buffer): Promise<void> | undefined;
  end(): void;
}

export interface CompressRequest {
  readonly kind: 'gzip' | 'zstd';
  /** gzip 1 to 9, zstd 1 to 19; the usual one unless given. */
  readonly level?: number;
  readonly tap?: BlobTap;
  /** Whether the blob is stored, too. */
  readonly keep: boolean;
  /** Told of the bytes of the tar that are done. */
  readonly progress?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Where in a file a tar is to be written. */
export interface TarTarget {
  readonly fd: number;
  /** Bytes from the file's start. */
  readonly position: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Immutable blobs by digest. A blob is there whole or not at all; what `has` or `read` found stays until the
 * store that asked is closed (it is leased), whatever a garbage collection in another process does.
 *
 * A layer that was made here has no blob of its own: its bytes are a pure function of the layer directory, so
 * `info` and `read` answer for its plain tar (digest = diff ID) as if it were stored.
 */
export interface ContentStore {
  /** Size of the blob, or undefined. Leases it. */
  info(digest: Digest): BlobInfo | undefined;
  /** Small blobs (manifests, configs) in one piece, verified. Throws `NOT_FOUND`, `CORRUPT`; `LIMIT_EXCEEDED` past `limit` bytes (8 MiB unless told). */
  readAll(digest: Digest, limit?: number): Buffer;
  /** A blob as a stream from `offset` on; verified while it streams when read from the start. Throws `NOT_FOUND`. */
  read(digest: Digest, offset?: number): Readable;
  /** Idempotent: resolving means "stored at its digest", not "stored by this call". Throws `DIGEST_MISMATCH`; leaves nothing behind when it throws. */
  put(bytes: Readable, expected: Pick<Descriptor, 'digest' | 'size'>): Promise<void>;
  /** Stores bytes held in memory. */
  putBytes(bytes: Uint8Array): BlobInfo;
  /** Streams bytes of unknown digest in; the digest is known once `commit` is called. */
  ingest(): Ingest;
  /**
   * Compresses the tar of a layer that was made here, verified, by several threads: `compress` would give the same bytes. Undefined for what has a file of its own, or is not worth the threads: to be read and compressed.
   */
  compressTar(digest: Digest, request: CompressRequest): Promise<BlobInfo> | undefined;
  /**
   * What writes the tar of a layer that was made here into an open file, verified, by several threads: the bytes that
   * `read` gives. Undefined as in `compressTar`. It throws `CORRUPT` when some of them are written already.
   */
  tarWriter(digest: Digest): ((target: TarTarget) => Promise<void>) | undefined;
  /** Every stored blob, for checks and gc. */
  list(): Iterable<BlobInfo>;
}

/** A blob being written to a private file, hashed on the way. Vanishes with its process unless committed. */
export interface Ingest {
  /** Synchronous; the buffer may be reused after the call. */
  write(chunk: Uint8Array): void;
  /**
   * Instead of `write`: another thread writes the whole blob to the descriptor, and tells what it has written once it will
   * write no more.
   */
  fill(writer: (fd: number) => Promise<BlobInfo>): Promise<void>;
  /** Renames the blob to its digest. Throws `DIGEST_MISMATCH` when `expected` differs. */
  commit(expected?: Digest): BlobInfo;
  abort(): void;
}
