import type { Readable } from 'node:stream';
import {
  type Descriptor,
  type Digest,
  isIndexType,
  isManifestType,
  parseReference,
  type Reference,
  type Store,
  StoreError,
} from '../../layers/index.ts';
import type { Report } from '../progress/events.ts';
import type { RegistryOptions } from '../registry/client.ts';
import { mapConcurrently } from '../registry/concurrency.ts';
import { openPusher, type Pusher } from '../registry/pusher.ts';
import { compressedGraph, type LayerCompression } from './compressed.ts';
import { type ImageGraph, imageGraph } from './image-graph.ts';

/** Blobs on the wire at once. */
const PARALLEL_BLOBS = 4;

export interface PushOptions extends RegistryOptions {
  /** What layers that were made here travel as; those that were pulled keep their blobs. Default: gzip, as Docker. */
  readonly compression?: LayerCompression;
  readonly report?: Report;
  readonly vertex?: string;
}

/**
 * Puts an image in a registry under a reference: blobs that the repository lacks, then manifests, the index, and the tag
 * last. Gives the descriptor that the tag points at. Throws RegistryError, StoreError.
 */
export async function pushImage(
  store: Store,
  target: Descriptor,
  reference: Reference,
  options: PushOptions = {},
): Promise<Descriptor> {
  const graph = await compressedGraph(
    store,
    imageGraph(store.content, target),
    options.compression ?? 'gzip',
  );
  const pusher = await openPusher(reference, options);
  try {
    await pushBlobs(store, graph, pusher, reference, options);
    for (const document of documentsOf(graph)) {
      const isTop = document.digest === graph.target.digest;
      await pusher.manifest(
        store.content.readAll(document.digest),
        document,
        isTop ? reference.tag : undefined,
      );
    }
    return graph.target;
  } finally {
    pusher.close();
  }
}

/** Pushes what a name of the store points at. Throws `NOT_FOUND`. */
export async function pushName(store: Store, name: string, options: PushOptions = {}): Promise<Descriptor> {
  const record = store.images.get(name);
  if (record === undefined) throw new StoreError('NOT_FOUND', name, `No such image: ${name}`);
  return await pushImage(store, record.target, parseReference(name), options);
}

async function pushBlobs(
  store: Store,
  graph: ImageGraph,
  pusher: Pusher,
  { domain, path }: Reference,
  options: PushOptions,
): Promise<void> {
  const blobs = graph.blobs.filter(({ mediaType }) => !isDocument(mediaType));
  const sources = mountSources(store, domain, path);
  await mapConcurrently(blobs, PARALLEL_BLOBS, options.signal, async (blob) => {
    const upload = progressOf(blob, options);
    await pusher.blob(
      blob,
      (offset) => upload(store.content.read(blob.digest, offset)),
      sources.get(blob.digest),
    );
  });
}

function documentsOf({ blobs }: ImageGraph): Descriptor[] {
  return blobs.filter(({ mediaType }) => isDocument(mediaType));
}

function isDocument(mediaType: string): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}

/** Blobs of images that came from other repositories of the same registry, which can lend them. */
function mountSources(store: Store, domain: string, path: string): ReadonlyMap<Digest, string> {
  const sources = new Map<Digest, string>();
  for (const { name, target } of store.images.list()) {
    if (name === target.digest) continue;
    const other = parseReference(name);
    if (other.domain !== domain || other.path === path) continue;
    for (const { digest } of graphOrNothing(store, target)) sources.set(digest, other.path);
  }
  return sources;
}

function graphOrNothing(store: Store, target: Descriptor): readonly Descriptor[] {
  try {
    return imageGraph(store.content, target).blobs;
  } catch (error) {
    if (error instanceof StoreError) return [];
    throw error;
  }
}

/** Reports the bytes of an upload as they are read. */
function progressOf({ digest, size }: Descriptor, { report, vertex = '' }: PushOptions) {
  const started = Date.now();
  return (bytes: Readable): Readable => {
    if (report === undefined) return bytes;
    let current = 0;
    let next = 0;
    bytes.on('data', (chunk: Buffer) => {
      current += chunk.length;
      if (current < next && current < size) return;
      next = current + size / 100;
      const done = current >= size && { completed: Date.now() };
      report({ kind: 'status', vertex, id: `pushing ${digest}`, current, total: size, started, ...done });
    });
    return bytes.pause();
  };
}
