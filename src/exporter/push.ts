import {
  type Descriptor,
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
import { formedGraph, type ImageForm } from './compressed.ts';
import { needsEncoding } from './encode-layer.ts';
import { type ImageGraph, imageGraph } from './image-graph.ts';
import { LayerPush } from './push-layer.ts';

/** Blobs on the wire at once. */
const PARALLEL_BLOBS = 4;

export interface PushOptions extends RegistryOptions {
  /** What the image is to be there. Default: layers that were made here as gzip, as Docker, and all else as it is. */
  readonly form?: ImageForm;
  /** Puts no tag, so that the image can be had by its digest alone. */
  readonly byDigest?: boolean;
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
  const form = options.form ?? { compression: 'gzip' };
  const pusher = await openPusher(reference, options);
  const stop = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
  const layers = new LayerPush(store, pusher, reference, { ...options, form, signal });
  try {
    const plain = imageGraph(store.content, target);
    layers.name(plain);
    const ready = plain.blobs.filter((blob) => !needsEncoding(blob, form));
    const [graph] = await allOrNone(stop, [
      formedGraph(store, plain, form, (layer) => layers.encode(layer)),
      pushBlobs(ready, layers, signal),
    ]);
    layers.name(graph);
    await pushBlobs(graph.blobs, layers, signal);
    await pushDocuments(store, graph, pusher, options.byDigest ? undefined : reference.tag);
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

/** The first that fails stops the others, and is told of once they have ended. */
async function allOrNone<T extends readonly Promise<unknown>[]>(
  stop: AbortController,
  work: readonly [...T],
) {
  for (const each of work) each.catch((error: unknown) => stop.abort(error));
  await Promise.allSettled(work);
  if (stop.signal.aborted) throw stop.signal.reason;
  return await Promise.all(work);
}

async function pushBlobs(blobs: readonly Descriptor[], layers: LayerPush, signal: AbortSignal) {
  const wanted = blobs.filter((blob) => !isDocument(blob));
  await mapConcurrently(wanted, PARALLEL_BLOBS, signal, (blob) => layers.blob(blob));
}

/** Those of platforms before the index that names them, whose tag makes all of it visible at once. */
async function pushDocuments(store: Store, graph: ImageGraph, pusher: Pusher, tag: string | undefined) {
  const documents = graph.blobs.filter(isDocument);
  const [top, ...others] = documents.reverse();
  await mapConcurrently(others, PARALLEL_BLOBS, undefined, async (document) => {
    await pusher.manifest(store.content.readAll(document.digest), document);
  });
  await pusher.manifest(store.content.readAll(top!.digest), top!, tag);
}

function isDocument({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType);
}
