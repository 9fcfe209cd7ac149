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
  const layers = new LayerPush(store, pusher, reference, { ...options, form });
  try {
    const plain = imageGraph(store.content, target);
    layers.name(plain);
    const graph = await formedGraph(store, plain, form, (layer) => layers.encode(layer));
    layers.name(graph);
    await pushBlobs(graph, layers, options);
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

async function pushBlobs({ blobs }: ImageGraph, layers: LayerPush, { signal }: PushOptions): Promise<void> {
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
