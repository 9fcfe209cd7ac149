import { openStore, type Store } from '../../layers/index.ts';
import { storeRoot } from './store-root.ts';
import type { StoreLocation } from './with-store.ts';

/** The store that a request names, else the user's. */
export function openDefaultStore({ storeRoot: root }: StoreLocation): Store {
  return openStore(root ?? storeRoot());
}
