import { diskUsage } from '../../layers/index.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { RuntimeError } from '../runtime/errors.ts';
import { type Volume, VolumeStore } from '../runtime/volumes.ts';
import { ApiError } from './errors.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export type { Volume };

/** Every volume, by name. */
export function listVolumes(location: StoreLocation = {}): Promise<readonly Volume[]> {
  return withStore(location, (store) => new VolumeStore(store).list());
}

export interface CreateVolumeRequest extends StoreLocation {
  readonly labels?: Readonly<Record<string, string>>;
  /** `type`, `device` and `o`, as mount(8) has them. */
  readonly options?: Readonly<Record<string, string>>;
}

/** The volume of a name, or a new one; without a name a new one with a name of digits. */
export function createVolume(name: string | undefined, request: CreateVolumeRequest = {}): Promise<Volume> {
  const { labels, options } = request;
  return withStore(request, (store) =>
    new VolumeStore(store).ensure({ name, ...(labels && { labels }), ...(options && { options }) }),
  );
}

/** Throws `NOT_FOUND`. */
export function inspectVolume(name: string, location: StoreLocation = {}): Promise<Volume> {
  return withStore(location, (store) => findVolume(new VolumeStore(store), name));
}

/** Removes a volume with all that is in it. Throws `NOT_FOUND`, and `CONFLICT` for one that a container uses. */
export function removeVolume(name: string, location: StoreLocation = {}): Promise<void> {
  return withStore(location, async (store) => {
    const volumes = new VolumeStore(store);
    findVolume(volumes, name);
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const users = await volumes.removeUnused(name, () => containers.usersOfVolume(name));
    if (users.length > 0)
      throw new ApiError('CONFLICT', name, `remove ${name}: volume is in use - [${users.join(', ')}]`);
  });
}

export interface PruneVolumesRequest extends StoreLocation {
  /** Those with a name too. */
  readonly all?: boolean;
  /** Only those that pass. */
  readonly filter?: (volume: Volume) => boolean;
}

export interface PrunedVolumes {
  readonly names: readonly string[];
  /** Bytes. */
  readonly reclaimed: number;
}

/** Removes volumes that no container uses: those without a name, or with `all` every one. */
export function pruneVolumes(request: PruneVolumesRequest = {}): Promise<PrunedVolumes> {
  const { all = false, filter = () => true } = request;
  return withStore(request, async (store) => {
    const volumes = new VolumeStore(store);
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const names: string[] = [];
    let reclaimed = 0;
    for (const volume of volumes.list()) {
      const { name, anonymous, directory } = volume;
      if ((!anonymous && !all) || !filter(volume) || containers.usersOfVolume(name).length > 0) continue;
      const size = diskUsage(directory);
      const users = await volumes.removeUnused(name, () => containers.usersOfVolume(name));
      if (users.length > 0) continue;
      names.push(name);
      reclaimed += size;
    }
    return { names, reclaimed };
  });
}

/** Names of the volumes that containers use. */
export function volumesInUse(location: StoreLocation = {}): Promise<ReadonlySet<string>> {
  return withStore(location, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const names = containers.list().flatMap(({ mounts = [] }) => mounts.flatMap(({ name }) => name ?? []));
    return new Set(names);
  });
}

function findVolume(volumes: VolumeStore, name: string): Volume {
  const volume = volumes.get(name);
  if (volume === undefined) throw new RuntimeError('NOT_FOUND', name, `get ${name}: no such volume`);
  return volume;
}
