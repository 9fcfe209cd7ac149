import type { CacheStore } from './cache-store.ts';

/** An input turned out to have other files than a cache elsewhere said. */
export class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

/** The same cache without the others behind it. */
export function withoutPromises(cache: CacheStore): CacheStore {
  return {
    lookup: (key) => cache.lookup(key),
    save: (key, layers, step) => cache.save(key, layers, step),
    exclusive: (key, body, signal) => cache.exclusive(key, body, signal),
  };
}
