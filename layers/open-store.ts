import { resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { checkStore } from './check.ts';
import { LocalContentStore } from './content/local.ts';
import { verified } from './content/verified.ts';
import type { LayerThreads } from './diff/layer-threads.ts';
import { FileLease, type Lease } from './gc/lease.ts';
import { collect } from './gc/mark-sweep.ts';
import { reclaimDeadLeases } from './gc/reclaim.ts';
import { startEmptyingTrash } from './gc/trash.ts';
import { LocalImageStore } from './images/local-images.ts';
import { readLayerBlob } from './layer-blob.ts';
import { ifWritable } from './linux/cannot-write.ts';
import { type DiffId, digestOfDiff } from './oci/digest.ts';
import { MediaType } from './oci/media-types.ts';
import { overlayLayers } from './overlay-layers.ts';
import { LocalRecordStore } from './records/local-records.ts';
import type { DiffInfo, Layer, Snapshotter } from './snapshots/snapshotter.ts';
import type { Store } from './store.ts';
import { openRoot } from './store-root.ts';
import { type LayerPublisher, type UnpackTools, unpackLayer } from './unpack.ts';

/** Filesystem states, and how their layers become tars and back. */
export interface LayerBackend {
  readonly snapshots: Snapshotter & LayerPublisher & { close(): void };
  openTar(layer: Layer): Readable;
  /** The same by worker threads, verified; undefined where they are not to be had, or not worth it. */
  threads?(layer: Layer & { readonly info: DiffInfo }): LayerThreads | undefined;
  /** Loaded at first need. */
  tools(): Promise<UnpackTools>;
}

export interface StoreOptions {
  /** What holds the filesystem states; overlayfs layers unless told. */
  readonly layers?: (store: { readonly root: string; readonly lease: Lease }) => LayerBackend;
}

/**
 * Opens the store in a directory, which is made if need be. Throws `UNSUPPORTED` for a directory that is no store, is
 * not ours, or has a newer format.
 */
export function openStore(root: string, { layers = overlayLayers }: StoreOptions = {}): Store {
  const layout = openRoot(resolve(root));
  const lease = new FileLease(layout);
  const { snapshots, openTar, threads, tools } = layers({ root: layout.root, lease });
  const layerTar = (diffId: DiffId) => {
    const layer = snapshots.layer(diffId);
    // Nobody but who wrote the tar of a layer from outside knows its bytes.
    if (layer === undefined || readLayerBlob(layout, diffId) !== undefined) return undefined;
    return {
      size: layer.info.size,
      open: () => threads?.(layer)?.open() ?? verified(openTar(layer), digestOfDiff(diffId)),
      threads: () => threads?.(layer),
    };
  };
  const content = new LocalContentStore(layout, lease, layerTar);
  return {
    root: layout.root,
    content,
    snapshots,
    images: new LocalImageStore(layout, lease),
    records: new LocalRecordStore(layout, lease, snapshots),
    blobOf(diffId) {
      const tar = layerTar(diffId);
      if (tar !== undefined)
        return { mediaType: MediaType.ociLayer, digest: digestOfDiff(diffId), size: tar.size };
      const blob = readLayerBlob(layout, diffId);
      return blob === undefined || blob === 'unknown' || content.info(blob.digest) === undefined
        ? undefined
        : blob;
    },
    unpack: (descriptor, diffId, blob) =>
      unpackLayer({ content, snapshots, tools }, { descriptor, diffId, blob }),
    gc: (options) => collect({ layout, lease, content, snapshots }, options),
    check: () => checkStore({ layout, content, snapshots, layerTar }),
    close() {
      snapshots.close();
      lease.close();
      // Its own lease is among the dead now.
      ifWritable(() => reclaimDeadLeases(layout, lease.usedId));
      startEmptyingTrash(layout.trash);
    },
  };
}
