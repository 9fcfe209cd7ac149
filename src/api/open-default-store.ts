import { openStore, type Store } from '../../layers/index.ts';
import { reclaimCgroups } from '../sandbox/cgroup-removal.ts';
import { storeRoot } from './store-root.ts';
import type { StoreLocation } from './with-store.ts';

/** The store that a request names, else the user's. What killed commands left on the machine is taken back first. */
export function openDefaultStore({ storeRoot: root }: StoreLocation): Store {
  reclaimCgroups();
  return openStore(root ?? storeRoot());
}
