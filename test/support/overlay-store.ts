import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  applyLayer,
  decompress,
  hashLayer,
  openLayerTar,
  openStore,
  type Store,
} from '../../layers/index.ts';
import { overlaySnapshotter } from '../../layers/snapshots/overlay.ts';
import { tempFolder } from './temp-folder.ts';

/** A new store with overlayfs layers for the running test. */
export function overlayStore(): Store {
  const store = openStore(join(tempFolder(), 'store'), {
    snapshotter: ({ root, lease }) => overlaySnapshotter({ root, lease, hashLayer }),
    tools: { decompress, applyLayer, openLayerTar },
  });
  onTestFinished(() => store.close());
  return store;
}
