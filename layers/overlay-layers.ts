import { openLayerTar } from './diff/layer-stream.ts';
import { layerThreads } from './diff/layer-threads.ts';
import type { Lease } from './gc/lease.ts';
import type { LayerBackend } from './open-store.ts';
import { overlaySnapshotter } from './snapshots/overlay.ts';

/** Layers as upper directories of overlayfs. */
export function overlayLayers({
  root,
  lease,
}: {
  readonly root: string;
  readonly lease: Lease;
}): LayerBackend {
  const snapshots = overlaySnapshotter({ root, lease });
  const options = () => ({ overlayXattrs: snapshots.space });
  return {
    snapshots,
    openTar: (layer) => openLayerTar(layer.directory(), options()),
    threads: (layer) => layerThreads(layer, options()),
    async tools() {
      const [{ decompress }, { applyLayer }] = await Promise.all([
        import('./diff/compression.ts'),
        import('./diff/apply.ts'),
      ]);
      return { decompress, applyLayer: (tar, directory) => applyLayer(tar, directory, options()) };
    },
  };
}
