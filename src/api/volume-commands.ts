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

/** The volume of a name, or a new one; without a name a new one with a name of digits. */
export function createVolume(
  name: string | undefined,
  request: StoreLocation & { readonly labels?: Readonly<Record<string, string>> } = {},
): Promise<Volume> {
  const { labels } = request;
  return withStore(request, (store) => new VolumeStore(store).ensure({ name, ...(labels && { labels }) }));
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
    const users = (await volumesInUse(new ContainerStore(store))).get(name);
    if (users !== undefined) {
      throw new ApiError('CONFLICT', name, `remove ${name}: volume is in use - [${users.join(', ')}]`);
    }
    volumes.remove(name);
  });
}

/** Removes volumes that no container uses: those without a name, or with `all` every one. Resolves with their names. */
export function pruneVolumes(
  request: StoreLocation & { readonly all?: boolean } = {},
): Promise<readonly string[]> {
  return withStore(request, async (store) => {
    const volumes = new VolumeStore(store);
    const used = await volumesInUse(new ContainerStore(store));
    const unused = volumes
      .list()
      .filter(({ name, anonymous }) => !used.has(name) && (request.all || anonymous))
      .map(({ name }) => name);
    for (const name of unused) volumes.remove(name);
    return unused;
  });
}

function findVolume(volumes: VolumeStore, name: string): Volume {
  const volume = volumes.get(name);
  if (volume === undefined) throw new RuntimeError('NOT_FOUND', name, `get ${name}: no such volume`);
  return volume;
}

/** Ids of the containers that use them, by name. */
async function volumesInUse(containers: ContainerStore): Promise<ReadonlyMap<string, readonly string[]>> {
  await containers.reclaim();
  const used = new Map<string, string[]>();
  for (const { id, mounts = [] } of containers.list())
    for (const { name } of mounts) if (name !== undefined) used.set(name, [...(used.get(name) ?? []), id]);
  return used;
}
