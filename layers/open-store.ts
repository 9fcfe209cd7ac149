import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { checkStore } from './check.ts';
import { LocalContentStore } from './content/local.ts';
import { FileLease, type Lease } from './gc/lease.ts';
import { collect } from './gc/mark-sweep.ts';
import { reclaimDeadLeases } from './gc/reclaim.ts';
import { startEmptyingTrash } from './gc/trash.ts';
import { LocalImageStore } from './images/local-images.ts';
import type { DiffId } from './oci/digest.ts';
import { LocalRecordStore } from './records/local-records.ts';
import type { Snapshotter } from './snapshots/snapshotter.ts';
import type { Store } from './store.ts';
import { openRoot } from './store-root.ts';
import { type LayerPublisher, type UnpackTools, unpackLayer } from './unpack.ts';

export interface StoreOptions {
  /** What holds the filesystem states; overlayfs layers unless told. */
  readonly snapshotter: (store: {
    readonly root: string;
    readonly lease: Lease;
  }) => Snapshotter & LayerPublisher;
  /** How layer blobs become files and back. */
  readonly tools: UnpackTools & { openLayerTar(directory: string): Readable };
}

/**
 * Opens the store in a directory, which is made if need be. Throws `UNSUPPORTED` for a directory that is no store, is
 * not ours, or has a newer format.
 */
export function openStore(root: string, { snapshotter, tools }: StoreOptions): Store {
  const layout = openRoot(resolve(root));
  const lease = new FileLease(layout);
  const snapshots = snapshotter({ root: layout.root, lease });
  const layerTar = (diffId: DiffId) => {
    const layer = snapshots.layer(diffId);
    if (layer === undefined) return undefined;
    return { size: layer.info.size, open: () => tools.openLayerTar(layer.directory()) };
  };
  const content = new LocalContentStore(layout, lease, layerTar);
  return {
    root: layout.root,
    content,
    snapshots,
    images: new LocalImageStore(layout, lease),
    records: new LocalRecordStore(layout, lease),
    unpack: (descriptor, diffId, blob) =>
      unpackLayer({ content, snapshots, tools: async () => tools }, { descriptor, diffId, blob }),
    gc: (options) => collect({ layout, lease, content, snapshots }, options),
    check: () => checkStore({ layout, content, snapshots, layerTar }),
    close() {
      lease.close();
      // Its own lease is among the dead now.
      reclaimDeadLeases(layout);
      startEmptyingTrash(layout.trash);
    },
  };
}
