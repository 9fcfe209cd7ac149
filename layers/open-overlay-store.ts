import { applyLayer } from './diff/apply.ts';
import { decompress } from './diff/compression.ts';
import { hashLayer } from './diff/hash-layer.ts';
import { openLayerTar } from './diff/layer-stream.ts';
import { openStore } from './open-store.ts';
import { overlaySnapshotter } from './snapshots/overlay.ts';
import type { Store } from './store.ts';

/** The store in a directory, with its filesystem states as overlayfs layers; see {@link openStore}. */
export function openOverlayStore(root: string): Store {
  return openStore(root, {
    snapshotter: (parts) => overlaySnapshotter({ ...parts, hashLayer }),
    tools: { decompress, applyLayer, openLayerTar },
  });
}
