import { join } from 'node:path';
import { type Store, sizeOfFiles } from '../../layers/index.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** Bytes of a container's files, as Docker counts them. */
export interface ContainerSize {
  /** What it has written. */
  readonly written: number;
  /** That, and its image. */
  readonly whole: number;
}

/** How large containers are, by id; takes as long as it takes to look at every file that they have written. */
export function containerSizes(
  ids: readonly string[],
  location: StoreLocation = {},
): Promise<ReadonlyMap<string, ContainerSize>> {
  return withStore(location, (store) => {
    const containers = new ContainerStore(store);
    return new Map(ids.map((id) => [id, sizeOf(store, containers, id)]));
  });
}

function sizeOf(store: Store, containers: ContainerStore, id: string): ContainerSize {
  const written = sizeOfFiles(join(containers.directoryOf(id), 'fs'));
  const layers = containers.layersOf(id).map((diffId) => store.snapshots.layer(diffId)?.info.size ?? 0);
  return { written, whole: layers.reduce((sum, size) => sum + size, written) };
}
