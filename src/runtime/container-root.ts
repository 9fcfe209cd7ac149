import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Layer, Store, WrittenState } from '../../layers/index.ts';
import { ContainerStore } from './container-store.ts';
import { RuntimeError } from './errors.ts';

/** The layers of the image that a container was made of, bottom first; they stay as long as its record. */
export function layersOfContainer(store: Store, id: string): readonly Layer[] {
  return new ContainerStore(store).layersOf(id).map((diffId) => {
    const layer = store.snapshots.layer(diffId);
    if (layer === undefined)
      throw new RuntimeError('NOT_FOUND', id, `Container ${id.slice(0, 12)} has lost a layer: ${diffId}`);
    return layer;
  });
}

/** The files of a container without its mounts: the image's layers and what it has written. */
export function writtenByContainer(store: Store, id: string): WrittenState {
  const layers = layersOfContainer(store, id);
  const upper = join(new ContainerStore(store).directoryOf(id), 'fs');
  // One that was never started has none; what stands for it goes with this process.
  return store.snapshots.written(
    layers,
    existsSync(upper) ? upper : store.snapshots.prepare([]).root().upper!,
  );
}

/**
 * What starting a container puts into the directory it writes to, for mounts that every one has: no change of its own
 * as long as it is empty. Mount points of volumes do count, as in Docker.
 */
export const START_STUBS: readonly string[] = [
  '/.dockerenv',
  '/dev',
  '/etc/hostname',
  '/etc/hosts',
  '/etc/resolv.conf',
  '/etc',
  '/proc',
  '/sys',
];
