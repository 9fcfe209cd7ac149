import { join } from 'node:path';
import { type DiffId, diskUsage, hostPlatform, type Store } from '../../layers/index.ts';
import { imageGraph } from '../exporter/image-graph.ts';
import { type ListedImage, listImages } from '../exporter/listing.ts';
import { type ContainerState, isRunning } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { type Volume, VolumeStore } from '../runtime/volumes.ts';
import { blobSize, type CacheEntry, cacheEntries } from './build-cache.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** What the things of one kind take on disk, in bytes. */
export interface DiskTotals {
  readonly count: number;
  readonly active: number;
  readonly size: number;
  /** Of those that nothing uses. */
  readonly reclaimable: number;
}

/** What the store holds, and what it takes: blocks of the disk, everything once. */
export interface DiskReport {
  readonly images: DiskTotals & {
    readonly list: readonly {
      readonly image: ListedImage;
      readonly size: number;
      /** Of layers that other images have too. */
      readonly shared: number;
      readonly containers: number;
    }[];
  };
  readonly containers: DiskTotals & {
    readonly list: readonly { readonly state: ContainerState; readonly size: number }[];
  };
  readonly volumes: DiskTotals & {
    readonly list: readonly { readonly volume: Volume; readonly size: number; readonly links: number }[];
  };
  readonly cache: DiskTotals & {
    readonly list: readonly (CacheEntry & { readonly shared: boolean })[];
  };
}

export function diskReport(location: StoreLocation = {}): Promise<DiskReport> {
  return withStore(location, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const states = containers.list();
    const sizes = new LayerSizes(store);
    const images = imagesReport(store, states, sizes);
    const used = new Set(images.list.flatMap(({ image }) => image.image.config.rootfs.diff_ids));
    for (const { id } of states) for (const diffId of containers.layersOf(id)) used.add(diffId);
    return {
      images,
      containers: containersReport(containers, states),
      volumes: volumesReport(store, containers),
      cache: cacheReport(store, sizes, used),
    };
  });
}

class LayerSizes {
  readonly #disk: ReadonlyMap<DiffId, number>;

  constructor(store: Store) {
    this.#disk = new Map([...store.snapshots.list()].map(({ diffId, disk }) => [diffId, disk]));
  }

  sum(layers: Iterable<DiffId>): number {
    let sum = 0;
    for (const diffId of new Set(layers)) sum += this.#disk.get(diffId) ?? 0;
    return sum;
  }
}

function imagesReport(
  store: Store,
  states: readonly ContainerState[],
  sizes: LayerSizes,
): DiskReport['images'] {
  const images = listImages(store, hostPlatform()).map((image) => ({
    image,
    layers: image.image.config.rootfs.diff_ids,
    blobs: imageGraph(store.content, image.target).blobs.map(({ digest }) => digest),
    containers: states.filter(({ imageId }) => imageId === image.id).length,
  }));
  const total = (some: typeof images) => {
    const blobs = new Set(some.flatMap((image) => image.blobs));
    const blobBytes = [...blobs].reduce((sum, digest) => sum + blobSize(store, digest), 0);
    return sizes.sum(some.flatMap(({ layers }) => layers)) + blobBytes;
  };
  const active = images.filter(({ containers }) => containers > 0);
  const size = total(images);
  return {
    count: images.length,
    active: active.length,
    size,
    reclaimable: size - total(active),
    list: images.map((one) => {
      const others = new Set(images.filter((other) => other !== one).flatMap(({ layers }) => layers));
      const shared = sizes.sum(one.layers.filter((diffId) => others.has(diffId)));
      return { image: one.image, size: total([one]), shared, containers: one.containers };
    }),
  };
}

function containersReport(
  containers: ContainerStore,
  states: readonly ContainerState[],
): DiskReport['containers'] {
  const list = states.map((state) => ({
    state,
    size: diskUsage(join(containers.directoryOf(state.id), 'fs')),
  }));
  return totals(list, ({ state }) => isRunning(state));
}

function volumesReport(store: Store, containers: ContainerStore): DiskReport['volumes'] {
  const list = new VolumeStore(store).list().map((volume) => ({
    volume,
    size: diskUsage(volume.directory),
    links: containers.usersOfVolume(volume.name).length,
  }));
  return totals(list, ({ links }) => links > 0);
}

/** Layers that an image or a container has are theirs, and layers of several entries count once. */
function cacheReport(store: Store, sizes: LayerSizes, used: ReadonlySet<DiffId>): DiskReport['cache'] {
  const list = cacheEntries(store).map((entry) => ({
    ...entry,
    shared: entry.layers.some((diffId) => used.has(diffId)),
  }));
  const besides = list.reduce((sum, { size, layers }) => sum + size - sizes.sum(layers), 0);
  const own = sizes.sum(list.flatMap(({ layers }) => layers.filter((diffId) => !used.has(diffId))));
  const size = besides + own;
  const busy = list.filter(({ inUse }) => inUse);
  return {
    count: list.length,
    active: busy.length,
    size,
    reclaimable: size - busy.reduce((sum, entry) => sum + entry.size, 0),
    list,
  };
}

function totals<T extends { readonly size: number }>(
  list: readonly T[],
  isActive: (item: T) => boolean,
): DiskTotals & { readonly list: readonly T[] } {
  const sum = (some: readonly T[]) => some.reduce((bytes, { size }) => bytes + size, 0);
  const active = list.filter(isActive);
  return {
    count: list.length,
    active: active.length,
    size: sum(list),
    reclaimable: sum(list) - sum(active),
    list,
  };
}
