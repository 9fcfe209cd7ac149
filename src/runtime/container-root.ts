import { join } from 'node:path';
import type { DiffId, Layer, Store, WrittenState } from '../../layers/index.ts';
import { RuntimeError } from './errors.ts';

/** Where the directory is that a container writes to: an overlay's upper one. */
export function upperDirectoryOf(store: Store, id: string): string {
  return join(store.root, 'containers', id, 'fs');
}

/** The layers of the image that a container was made of, bottom first; they stay as long as its record. */
export function layersOfContainer(store: Store, id: string): readonly Layer[] {
  const { layers = [] } = store.records.get('container', id) ?? {};
  return layers.map((diffId: DiffId) => {
    const layer = store.snapshots.layer(diffId);
    if (layer === undefined) {
      throw new RuntimeError('NOT_FOUND', id, `Container ${id.slice(0, 12)} has lost a layer: ${diffId}`);
    }
    return layer;
  });
}

/** The files of a container without its mounts: the image's layers and what it has written. */
export function writtenByContainer(store: Store, id: string): WrittenState {
  return store.snapshots.written(layersOfContainer(store, id), upperDirectoryOf(store, id));
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
