import { renameSync } from 'node:fs';
import { bytePath, type Layer, type Store } from '../../layers/index.ts';
import { copySubtree } from '../ops/subtree.ts';

/** Makes `directory` a copy of what the image has at `path`; false when it has no directory there. */
export async function fillVolume(
  store: Store,
  layers: readonly Layer[],
  path: string,
  directory: string,
): Promise<boolean> {
  const tree = store.snapshots.view(layers);
  if (tree.lookup(bytePath(path), { follow: true })?.stat.type !== 'directory') return false;
  const copy = await copySubtree(store, tree, path, '/', new AbortController().signal);
  renameSync(copy.root().upper!, directory);
  copy.abort();
  return true;
}
