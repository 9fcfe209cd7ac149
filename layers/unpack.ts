import { PassThrough, type Readable } from 'node:stream';
import type { FileIngest } from './content/ingest.ts';
import { type LocalContentStore, wrongSize } from './content/local.ts';
import type { LayerInfo } from './diff/hash-layer.ts';
import { StoreError } from './errors.ts';
import { writeLayerBlob } from './layer-blob.ts';
import type { Descriptor } from './oci/descriptor.ts';
import type { DiffId } from './oci/digest.ts';
import type { DiffInfo, Layer, Snapshotter } from './snapshots/snapshotter.ts';
import type { BlobSource } from './store.ts';

/** Makes layers out of directories that somebody fills. */
export interface LayerPublisher {
  /**
   * Has a private directory filled and makes it a layer of the store; throws it away when `fill` fails. The directory
   * is the `fs` of docs/store-layout.md: what `fill` puts beside it belongs to the layer too.
   */
  publish(fill: (directory: string) => Promise<LayerInfo>): Promise<Layer & { readonly info: DiffInfo }>;
}

/** How the bytes of a layer become files. */
export interface UnpackTools {
  decompress(source: Readable, mediaType: string): Readable;
  applyLayer(tar: Readable, directory: string): Promise<LayerInfo>;
}

export interface UnpackParts {
  readonly content: LocalContentStore;
  readonly snapshots: Snapshotter & LayerPublisher;
  tools(): Promise<UnpackTools>;
}

/** A layer as an image names it. */
export interface LayerSource {
  readonly descriptor: Descriptor;
  readonly diffId: DiffId;
  /** The blob from outside; otherwise it is in the store. */
  readonly blob: BlobSource | undefined;
}

/** See `Store.unpack`. */
export async function unpackLayer(parts: UnpackParts, source: LayerSource): Promise<Layer> {
  const { descriptor, diffId, blob } = source;
  const present = parts.snapshots.layer(diffId);
  if (present !== undefined) {
    // The image names this blob, even if the same files once came in another one.
    if (blob !== undefined) await parts.content.put(startOf(blob), descriptor);
    return present;
  }
  const tools = await parts.tools();
  if (blob === undefined || parts.content.info(descriptor.digest)?.size === descriptor.size) {
    if (typeof blob === 'object') blob.destroy();
    return await parts.snapshots.publish((directory) => fillFromStore(parts, tools, source, directory));
  }
  const outside = { ...source, blob };
  const unpack = () =>
    parts.snapshots.publish((directory) => fillFromOutside(parts, tools, outside, directory));
  if (typeof blob === 'object') return await unpack();
  return await unpack().catch((error: unknown) => {
    // What was kept of an earlier transfer may have been at fault, after a loss of power: it is gone now.
    if (error instanceof ResumptionError) return unpack();
    throw error;
  });
}

function startOf(blob: BlobSource): Readable {
  return typeof blob === 'function' ? blob(0) : blob;
}

async function fillFromStore(
  { content }: UnpackParts,
  tools: UnpackTools,
  { descriptor, diffId }: LayerSource,
  directory: string,
): Promise<LayerInfo> {
  const blob = content.read(descriptor.digest);
  const size = content.info(descriptor.digest)?.size;
  if (size !== descriptor.size) {
    blob.destroy();
    throw wrongSize(descriptor, size ?? 0);
  }
  const info = checked(await apply(tools, blob, descriptor, directory), diffId);
  writeLayerBlob(directory, descriptor);
  return info;
}

/** One pass: what comes in is hashed, kept, decompressed and applied, at the speed of the slowest of them. */
async function fillFromOutside(
  { content }: UnpackParts,
  tools: UnpackTools,
  { descriptor, diffId, blob }: LayerSource & { readonly blob: BlobSource },
  directory: string,
): Promise<LayerInfo> {
  const { digest } = descriptor;
  const ingest = typeof blob === 'function' ? content.resume(digest) : content.ingestFor(digest);
  const incoming = new Incoming(ingest, blob, descriptor);
  try {
    const info = checked(await apply(tools, incoming.copy, descriptor, directory), diffId);
    await incoming.whole();
    ingest.commit(digest);
    writeLayerBlob(directory, descriptor);
    return info;
  } catch (error) {
    // A damaged transfer shows as a bad archive first: only the whole of it tells whether the image is at fault.
    if (error instanceof StoreError && error.code === 'INVALID_ARCHIVE') await incoming.ended;
    incoming.stop();
    throw incoming.error ?? error;
  } finally {
    if (incoming.isBrokenOff) ingest.suspend();
    ingest.abort();
  }
}

async function apply(
  tools: UnpackTools,
  blob: Readable,
  { mediaType }: Descriptor,
  directory: string,
): Promise<LayerInfo> {
  // Errors reach the reader of the tar; these listeners only keep a stream that fails after it from being fatal.
  blob.on('error', () => {});
  try {
    const tar = tools.decompress(blob, mediaType).on('error', () => {});
    try {
      return await tools.applyLayer(tar, directory);
    } finally {
      tar.destroy();
    }
  } finally {
    blob.destroy();
  }
}

/** The bytes that an earlier transfer left do not begin the blob. */
class ResumptionError extends StoreError {}

/** A blob that comes in: kept, hashed, and copied to whoever unpacks it. */
class Incoming {
  /** Ends only when it was the right blob. */
  readonly copy = new PassThrough({ highWaterMark: 1 << 20 });
  /** Resolves when nothing more comes, for whatever reason. */
  readonly ended: Promise<void>;
  error: unknown;
  #source: Readable | undefined;
  #isStopped = false;

  constructor(
    readonly ingest: FileIngest,
    blob: BlobSource,
    readonly descriptor: Descriptor,
  ) {
    this.ended = this.#take(blob).catch((error: unknown) => {
      this.error = error;
      this.copy.destroy(error as Error);
    });
  }

  /** Whether the source failed, or was stopped, before it gave all; what came before may be right. */
  get isBrokenOff(): boolean {
    return this.error !== undefined && !(this.error instanceof StoreError) && !this.#isStopped;
  }

  /** Throws what went wrong with the transfer. */
  async whole(): Promise<void> {
    await this.ended;
    if (this.error !== undefined) throw this.error;
  }

  stop(): void {
    if (this.error === undefined) this.#isStopped = true;
    this.#source?.destroy();
  }

  async #take(blob: BlobSource): Promise<void> {
    const { ingest, descriptor } = this;
    for (const chunk of ingest.replay()) await this.#copy(chunk);
    const resumedAt = ingest.size;
    try {
      if (resumedAt < descriptor.size || resumedAt === 0) await this.#receive(blob, resumedAt);
      if (ingest.size !== descriptor.size) throw wrongSize(descriptor, ingest.size);
      ingest.verify(descriptor.digest);
    } catch (error) {
      if (resumedAt === 0 || !(error instanceof StoreError)) throw error;
      throw new ResumptionError(error.code, error.subject, error.message, { cause: error });
    }
    this.copy.end();
  }

  async #receive(blob: BlobSource, offset: number): Promise<void> {
    this.#source = typeof blob === 'function' ? blob(offset) : blob;
    for await (const chunk of this.#source as AsyncIterable<Buffer>) {
      this.ingest.write(chunk);
      if (this.ingest.size > this.descriptor.size) break;
      await this.#copy(chunk);
    }
  }

  async #copy(chunk: Buffer): Promise<void> {
    if (!this.copy.destroyed && !this.copy.write(chunk)) await room(this.copy);
  }
}

/** Resolves when more may be written, or when nobody will read it. */
function room(stream: PassThrough): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done).off('close', done);
      resolve();
    };
    stream.on('drain', done).on('close', done);
  });
}

function checked(info: LayerInfo, expected: DiffId): LayerInfo {
  if (info.diffId === expected) return info;
  const message = `Expected a layer with diff ID ${expected}, but its files give ${info.diffId}`;
  throw new StoreError('DIGEST_MISMATCH', expected, message);
}
