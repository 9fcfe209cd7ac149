import type { Readable } from 'node:stream';
import type { ContentStore } from './content/content-store.ts';
import type { ImageStore } from './images/image-store.ts';
import type { Descriptor } from './oci/descriptor.ts';
import type { DiffId } from './oci/digest.ts';
import type { Layer, Snapshotter } from './snapshots/snapshotter.ts';

/** A blob from outside: its bytes, or what gives those from an offset on. */
export type BlobSource = Readable | ((offset: number) => Readable);

/**
 * The store as one process has it open. Whatever it finds, writes or commits is leased to it until `close`, or
 * until the process is gone (the lease file is locked with flock(2), so the kernel drops it with the process).
 */
export interface Store {
  /** Absolute. */
  readonly root: string;
  readonly content: ContentStore;
  readonly snapshots: Snapshotter;
  readonly images: ImageStore;
  /**
   * The layer of a blob: from the store when the diff ID is there, else unpacked from `blob` (default: the content
   * store's) in one pass that also verifies digest and diff ID, and stores the blob when it came from outside. A function
   * is asked for the bytes from an offset: what an earlier call got before it broke off, or was killed, is used.
   */
  unpack(layer: Descriptor, diffId: DiffId, blob?: BlobSource): Promise<Layer>;
  /**
   * How an image manifest can name a layer of the store: the blob that it came in, which stays as long as the layer,
   * or the plain tar of one that was made here. Undefined when the layer, or that blob, is not there.
   */
  blobOf(diffId: DiffId): Descriptor | undefined;
  /** Values of the build cache and the like: small JSON documents by key, in a name space; each may root content. */
  readonly records: RecordStore;
  /** Removes what nothing refers to. */
  gc(options?: GcOptions): Promise<GcReport>;
  /** Verifies every blob, layer and reference; repairs nothing. */
  check(): Promise<readonly Problem[]>;
  close(): void;
}

export interface StoreRecord {
  /** Blobs and layers that must stay as long as this record does. */
  readonly layers?: readonly DiffId[];
  readonly blobs?: readonly string[];
  readonly value: unknown;
}

/** Small documents by name space (`[a-z]+`) and key (`[a-z0-9._-]+`). Setting is atomic; reading a half-written one is impossible. */
export interface RecordStore {
  /** Undefined when absent, unreadable, or when something it roots is gone. Leases what it roots. */
  get(space: string, key: string): StoreRecord | undefined;
  set(space: string, key: string, record: StoreRecord): void;
  delete(space: string, key: string): boolean;
  list(space: string): Iterable<{
    readonly key: string;
    readonly record: StoreRecord;
    readonly usedAt: Date;
    readonly size: number;
  }>;
  /** Runs `body` while no other process or caller runs one with the same key (flock). `signal` ends the waiting. */
  exclusive<T>(space: string, key: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Keeps the key as {@link exclusive} does, until what it returns is called; undefined when another has it. */
  tryHold(space: string, key: string): (() => void) | undefined;
}

export interface GcOptions {
  /** Also drop build-cache records (those of the space named) that were not used since. */
  readonly dropRecords?: (space: string, key: string, usedAt: Date) => boolean;
  /** Report only. */
  readonly dryRun?: boolean;
}

export interface GcReport {
  readonly blobs: readonly string[];
  readonly layers: readonly DiffId[];
  readonly records: readonly string[];
  /** Bytes. */
  readonly reclaimed: number;
}

export interface Problem {
  readonly subject: string;
  readonly message: string;
}
