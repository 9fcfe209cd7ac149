import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { openStore, type Store } from '../../layers/index.ts';
import { bareLayers } from './store-parts.ts';
import { tempFolder } from './temp-folder.ts';

/** Opens a store whose layers are single files; closed when the test is over. */
export function openBareStore(root: string): Store {
  const store = openStore(root, { layers: bareLayers });
  onTestFinished(() => store.close());
  return store;
}

/** A new store for the running test. */
export function tempStore(): { readonly root: string; readonly store: Store } {
  const root = join(tempFolder(), 'store');
  return { root, store: openBareStore(root) };
}
