import { type GcReport, hostPlatform, type Problem, type Store } from '../../layers/index.ts';
import { listImages } from '../exporter/listing.ts';
import { pruneCacheMounts } from '../ops/cache-mounts.ts';
import { type ContainerState, isInUse } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { type CacheEntry, cacheEntries } from './build-cache.ts';
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
  /** Of that, only what passes. */
  readonly cacheFilter?: (entry: CacheEntry) => boolean;
  /** Bytes of the build cache that may stay: what was used last does. */
  readonly keepCache?: number;
  /** Of containers, images and the build cache, only those that pass. */
  readonly only?: PruneFilter;
}

export interface PruneFilter {
  readonly container?: (state: ContainerState) => boolean;
  readonly image?: (image: {
    readonly created?: string;
    readonly labels: Readonly<Record<string, string>>;
  }) => boolean;
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
  const { container: isGoing = () => true, image: isUnwanted = () => true } = request.only ?? {};
  const stopped = request.containers
    ? containers.list().filter((state) => !isInUse(state) && isGoing(state))
    : [];
  const gone = stopped.filter((state) => removeIdle(containers, state));
  const used = new Set(containers.list().map(({ imageId }) => imageId));
  const images =
    request.images === undefined
      ? []
      : listImages(store, hostPlatform()).filter(
          ({ id, tags, image: { config } }) =>
            !used.has(id) &&
            (request.images === 'all' || tags.length === 0) &&
            isUnwanted({
              labels: config.config?.Labels ?? {},
              ...(config.created !== undefined && { created: config.created }),
            }),
        );
  for (const { target } of images) {
    for (const { name, target: other } of store.images.list()) {
      if (other.digest === target.digest) store.images.delete(name);
    }
  }
  return { containers: gone.map(({ id }) => id), images: images.map(({ id }) => id) };
}

/** Not what another command has just begun to start: only who has a container to himself may take it away. */
function removeIdle(containers: ContainerStore, { id, name }: ContainerState): boolean {
  const owned = containers.tryOwn({ id, name });
  if (owned === undefined && containers.isOwned(id)) return false;
  const last = containers.get(id);
  const isIdle = last !== undefined && !isInUse(last);
  if (isIdle) containers.remove(last, { volumes: false });
  owned?.release();
  return isIdle;
}

async function collect(store: Store, request: PruneRequest): Promise<GcReport> {
  const going = new Map(cacheToPrune(store, request).map((entry) => [`${entry.space}/${entry.key}`, entry]));
  const report = await store.gc({ dropRecords: (space, key) => going.has(`${space}/${key}`) });
  pruneCacheMounts(store);
  const { cacheUnusedFor: age, cacheFilter, keepCache } = request;
  const takesAll = age !== undefined && cacheFilter === undefined && keepCache === undefined;
  const logs = takesAll ? removeLogs(store.root, Date.now() - age) : 0;
  const mounts = [...going.values()].filter(({ kind }) => kind === 'exec.cachemount');
  const reclaimed = mounts.reduce((sum, { size }) => sum + size, report.reclaimed + logs);
  return { ...report, reclaimed };
}

/** What is not in use, least recently used first, down to what may stay. */
function cacheToPrune(store: Store, request: PruneRequest): readonly CacheEntry[] {
  const { cacheUnusedFor, cacheFilter = () => true, keepCache } = request;
  if (cacheUnusedFor === undefined) return [];
  const limit = Date.now() - cacheUnusedFor;
  const all = cacheEntries(store);
  const candidates = all.filter(
    (entry) => !entry.inUse && entry.usedAt.getTime() <= limit && cacheFilter(entry),
  );
  if (keepCache === undefined) return candidates;
  let kept = all.reduce((sum, { size }) => sum + size, 0);
  return candidates.filter(({ size }) => {
    if (kept <= keepCache) return false;
    kept -= size;
    return true;
  });
}
