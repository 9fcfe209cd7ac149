import { PassThrough, type Readable } from 'node:stream';
import type { FileIngest } from './content/ingest.ts';
import { type LocalContentStore, wrongSize } from './content/local.ts';
import type { LayerInfo } from './diff/hash-layer.ts';
import { StoreError } from './errors.ts';
import { writeLayerBlob } from './layer-blob.ts';
import type { Descriptor } from './oci/descriptor.ts';
import type { DiffId } from './oci/digest.ts';
import type { DiffInfo, Layer, Snapshotter } from './snapshots/snapshotter.ts';

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
  readonly blob: Readable | undefined;
}

/** See `Store.unpack`. */
export async function unpackLayer(parts: UnpackParts, source: LayerSource): Promise<Layer> {
  const { descriptor, diffId, blob } = source;
  const present = parts.snapshots.layer(diffId);
  if (present !== undefined) {
    // The image names this blob, even if the same files once came in another one.
    if (blob !== undefined) await parts.content.put(blob, descriptor);
    return present;
  }
  const tools = await parts.tools();
  if (blob === undefined || parts.content.info(descriptor.digest)?.size === descriptor.size) {
    blob?.destroy();
    return await parts.snapshots.publish((directory) => fillFromStore(parts, tools, source, directory));
  }
  return await parts.snapshots.publish((directory) =>
    fillFromOutside(parts, tools, { ...source, blob }, directory),
  );
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
  { descriptor, diffId, blob }: LayerSource & { readonly blob: Readable },
  directory: string,
): Promise<LayerInfo> {
  const ingest = content.ingestFor(descriptor.digest);
  const copy = new PassThrough();
  let intakeError: unknown;
  const intake = takeIn(blob, { ingest, copy, descriptor }).catch((error: unknown) => {
    intakeError = error;
    copy.destroy(error as Error);
  });
  try {
    const info = checked(await apply(tools, copy, descriptor, directory), diffId);
    await intake;
    if (intakeError !== undefined) throw intakeError;
    ingest.commit(descriptor.digest);
    writeLayerBlob(directory, descriptor);
    return info;
  } catch (error) {
    // A damaged transfer shows as a bad archive first: only the whole of it tells whether the image is at fault.
    if (error instanceof StoreError && error.code === 'INVALID_ARCHIVE') await intake;
    blob.destroy();
    throw intakeError ?? error;
  } finally {
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

/** Reads all of the blob; `copy` ends only when it was the right one. */
async function takeIn(
  blob: Readable,
  {
    ingest,
    copy,
    descriptor,
  }: { readonly ingest: FileIngest; readonly copy: PassThrough; readonly descriptor: Descriptor },
): Promise<void> {
  for await (const chunk of blob as AsyncIterable<Uint8Array>) {
    ingest.write(chunk);
    if (ingest.size > descriptor.size) break;
    if (!copy.destroyed && !copy.write(chunk)) await room(copy);
  }
  if (ingest.size !== descriptor.size) throw wrongSize(descriptor, ingest.size);
  ingest.verify(descriptor.digest);
  copy.end();
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
