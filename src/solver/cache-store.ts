import type { DiffId, RecordStore } from '../../layers/index.ts';
import type { Vertex } from '../llb/definition.ts';
import type { CacheKey, KeyPart } from './operation.ts';

/** Results of steps by cache key: the layers that a step added to its first input. */
export interface CacheStore {
  /** Undefined when unknown, or when a layer of the result is gone. */
  lookup(key: CacheKey): readonly DiffId[] | undefined;
  save(key: CacheKey, layers: readonly DiffId[], step: CachedStep): void;
  /** What a cache elsewhere says the result is. Its layers may turn out not to be had. */
  promised?(key: CacheKey): Promised | undefined;
  /**
   * Brings a promised result here, so that `lookup` finds it; resolves with where it came from, or undefined when it
   * cannot be had. Never fails but by `signal`. `vertex` is the step that progress is told for.
   */
  fetch?(key: CacheKey, step: Vertex, signal: AbortSignal): Promise<string | undefined>;
  /** Runs `body` while nobody else, in this or another process, does so with the same key. `signal` ends the waiting. */
  exclusive<T>(key: CacheKey, body: () => Promise<T>, signal: AbortSignal): Promise<T>;
}

/** A result that another cache says it has. */
export interface Promised {
  readonly layers: readonly DiffId[];
  /** As a person names the cache. */
  readonly from: string;
}

/** What a record says of its step, for listings and explanations. */
export interface CachedStep {
  readonly name: string;
  readonly parts: readonly KeyPart[];
}

/** Name space of the records that hold the build cache. */
export const CACHE_SPACE = 'cache';

/** The build cache in the store: one small record per key, which keeps the step's layers from being collected. */
export function localCache(records: RecordStore): CacheStore {
  return {
    lookup: (key) => records.get(CACHE_SPACE, key)?.layers,
    save: (key, layers, { name }) => records.set(CACHE_SPACE, key, { layers, value: { name } }),
    exclusive: (key, body, signal) => records.exclusive(CACHE_SPACE, key, body, signal),
  };
}
