import {
  type Descriptor,
  type Digest,
  parseReference,
  type Reference,
  type Store,
  StoreError,
} from '../../layers/index.ts';
import { imageGraph } from './image-graph.ts';

/** Blobs of images that came from, or went to, other repositories of the same registry, which can lend them. */
export function mountSources(store: Store, { domain, path }: Reference): ReadonlyMap<Digest, string> {
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
