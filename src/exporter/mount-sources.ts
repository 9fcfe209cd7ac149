import {
  type Descriptor,
  type Digest,
  parseReference,
  type Reference,
  type Store,
  StoreError,
} from '../../layers/index.ts';
import { foretoldEncoding, knownEncoding, type LayerForm } from './encode-layer.ts';
import { imageGraph } from './image-graph.ts';

/**
 * Blobs of images that came from, or went to, other repositories of the same registry, which can lend them; of layers
 * that were made here those that they are encoded to in this form.
 */
export function mountSources(
  store: Store,
  { domain, path }: Reference,
  form: LayerForm,
): ReadonlyMap<Digest, string> {
  const sources = new Map<Digest, string>();
  for (const { name, target } of store.images.list()) {
    if (name === target.digest) continue;
    const other = parseReference(name);
    if (other.domain !== domain || other.path === path) continue;
    for (const blob of graphOrNothing(store, target)) {
      sources.set(blob.digest, other.path);
      const encoded = knownEncoding(store, blob, form) ?? foretoldEncoding(store, blob, form);
      if (encoded !== undefined) sources.set(encoded.digest, other.path);
    }
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
