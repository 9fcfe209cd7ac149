import { arch, release, totalmem, type, version } from 'node:os';
import { hostPlatform, type Problem } from '../../layers/index.ts';
import { listImages } from '../exporter/listing.ts';
import { CACHE_MOUNT_SPACE, pruneCacheMounts } from '../ops/cache-mounts.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { CACHE_SPACE } from '../solver/cache-store.ts';
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
export function prune(request: PruneRequest): Promise<Pruned> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    containers.reclaim();
    const stopped = request.containers ? containers.list().filter(({ status }) => status !== 'running') : [];
    for (const { id } of stopped) containers.remove(id);
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
    const { cacheUnusedFor } = request;
    const limit = cacheUnusedFor === undefined ? undefined : Date.now() - cacheUnusedFor;
    const report = await store.gc({
      dropRecords: (space, _key, usedAt) =>
        limit !== undefined &&
        [CACHE_SPACE, CACHE_MOUNT_SPACE, 'digest', 'http'].includes(space) &&
        usedAt.getTime() <= limit,
    });
    pruneCacheMounts(store);
    return {
      containers: stopped.map(({ id }) => id),
      images: images.map(({ id }) => id),
      cache: report.records,
      reclaimed: report.reclaimed,
    };
  });
}

/** `docker info`'s fields that have a meaning here. */
export function info(location: StoreLocation = {}): Promise<Readonly<Record<string, string | number>>> {
  return withStore(location, (store) => {
    const containers = new ContainerStore(store).list();
    const status = (wanted: string) => containers.filter((state) => state.status === wanted).length;
    return {
      ServerVersion: VERSION,
      Containers: containers.length,
      ContainersRunning: status('running'),
      ContainersPaused: 0,
      ContainersStopped: containers.length - status('running'),
      Images: listImages(store, hostPlatform()).length,
      Driver: 'overlay',
      DockerRootDir: store.root,
      KernelVersion: release(),
      OperatingSystem: version(),
      OSType: type().toLowerCase(),
      Architecture: arch(),
      MemTotal: totalmem(),
    };
  });
}

/** Version of this package; the build puts it in. */
export const VERSION: string = process.env.npm_package_version ?? '0.1.0';
