import type { Store } from '../../layers/index.ts';
import { openDefaultStore } from './open-default-store.ts';

/** Where a request's store is, when it is not the default. */
export interface StoreLocation {
  readonly storeRoot?: string;
}

/** Opens the store for one piece of work, and closes it whatever happens. */
export async function withStore<T>(
  location: StoreLocation,
  body: (store: Store) => Promise<T> | T,
): Promise<T> {
  const store = openDefaultStore(location);
  try {
    return await body(store);
  } finally {
    store.close();
  }
}
