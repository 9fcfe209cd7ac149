import { type GcReport, hostPlatform, type Problem, type Store } from '../../layers/index.ts';
import { listImages } from '../exporter/listing.ts';
import { CACHE_MOUNT_SPACE, pruneCacheMounts } from '../ops/cache-mounts.ts';
import { isInUse } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { CACHE_SPACE } from '../solver/cache-store.ts';
import { removeLogs } from './step-logs.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** Verifies every blob, layer and reference of the store; resolves with what is wrong. */
export function checkStore(location: StoreLocation = {}): Promise<readonly Problem[]> {
  return withStore(location, (store) => store.check());
}

export interface PruneRequest extends StoreLocation {
  /** Images: those without a name, or with `all` those that no container uses. */
  readonly images?: 'dangling' | 'all';
  readonly containers?: boolean;
  /** The build cache: what was not used for so many milliseconds; 0 for all of it. */
  readonly cacheUnusedFor?: number;
}

export interface Pruned {
  readonly containers: readonly string[];
  readonly images: readonly string[];
  readonly cache: readonly string[];
  /** Bytes. */
  readonly reclaimed: number;
}

/** Removes what is not needed any more. */
export async function prune(request: PruneRequest): Promise<Pruned> {
  // What a store has looked at it holds until it is closed, so another one collects what lost its name.
  const { containers, images } = await withStore(request, (store) => removeNames(store, request));
  const report = await withStore(request, (store) => collect(store, request));
  return { containers, images, cache: report.records, reclaimed: report.reclaimed };
}

async function removeNames(
  store: Store,
  request: PruneRequest,
): Promise<Pick<Pruned, 'containers' | 'images'>> {
  const containers = new ContainerStore(store);
  await containers.reclaim();
  const stopped = request.containers ? containers.list().filter((state) => !isInUse(state)) : [];
  for (const state of stopped) containers.remove(state, { volumes: false });
  const used = new Set(containers.list().map(({ imageId }) => imageId));
  const images =
    request.images === undefined
      ? []
      : listImages(store, hostPlatform()).filter(
          ({ id, tags }) => !used.has(id) && (request.images === 'all' || tags.length === 0),
        );
  for (const { target } of images) {
    for (const { name, target: other } of store.images.list()) {
      if (other.digest === target.digest) store.images.delete(name);
    }
  }
  return { containers: stopped.map(({ id }) => id), images: images.map(({ id }) => id) };
}

/** Name spaces of what can be made or fetched again. */
const CACHES = [CACHE_SPACE, CACHE_MOUNT_SPACE, 'compressed', 'digest', 'git', 'http'];

async function collect(store: Store, { cacheUnusedFor }: PruneRequest): Promise<GcReport> {
  const limit = cacheUnusedFor === undefined ? undefined : Date.now() - cacheUnusedFor;
  const report = await store.gc({
    dropRecords: (space, _key, usedAt) =>
      limit !== undefined && CACHES.includes(space) && usedAt.getTime() <= limit,
  });
  pruneCacheMounts(store);
  const logs = limit === undefined ? 0 : removeLogs(store.root, limit);
  return { ...report, reclaimed: report.reclaimed + logs };
}
