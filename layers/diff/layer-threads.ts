import type { Readable } from 'node:stream';
import type { BlobInfo, CompressRequest, TarTarget } from '../content/content-store.ts';
import type { DiffInfo, Layer } from '../snapshots/snapshotter.ts';
import { readable } from './compression.ts';
import type { LayerOptions } from './layer-tar.ts';
import { workerFile } from './worker-file.ts';

/** Work on the tar of one layer that is done beside this thread. All fail with `CORRUPT` for a layer that was damaged. */
export interface LayerThreads {
  open(): Readable;
  /** Into an empty file, if there is one. Settles when nobody writes to it any more. */
  compress(fd: number | undefined, request: CompressRequest): Promise<BlobInfo>;
  /** Settles when nobody writes to the file any more. */
  write(target: TarTarget): Promise<void>;
}

/** Bytes of a tar from which on starting threads pays. */
const LARGE = 8 << 20;

/** Undefined for a small layer, and where the program runs from its sources. */
export function layerThreads(
  layer: Layer & { readonly info: DiffInfo },
  options: LayerOptions,
): LayerThreads | undefined {
  const file = layer.info.size < LARGE ? undefined : workerFile('encode-worker');
  if (file === undefined) return undefined;
  const source = () => ({ directory: layer.directory(), options, diffId: layer.info.diffId });
  return {
    open() {
      async function* pieces() {
        const { tarInWorker } = await import('./encode-pool.ts');
        yield* tarInWorker(file!, source());
      }
      return readable(pieces());
    },
    async compress(fd, request) {
      const { compressInWorkers } = await import('./encode-pool.ts');
      return compressInWorkers(file, source(), fd, request);
    },
    async write(target) {
      const { writeInWorkers } = await import('./encode-pool.ts');
      return writeInWorkers(file, source(), target);
    },
  };
}
