import { createHash, type Hash } from '../linux/hash.ts';
import type { DiffId } from '../oci/digest.ts';
import type { DiffInfo } from '../snapshots/snapshotter.ts';
import { GrowingLayer } from './growing-layer.ts';
import type { LayerFollower } from './hash-pool.ts';
import { type LayerOptions, LayerTar } from './layer-tar.ts';
import { workerFile } from './worker-file.ts';

/** What hashing tells about a layer. */
export interface LayerInfo extends DiffInfo {
  readonly entries: number;
  /** Bytes on disk: sizes of files rounded up to blocks of 4 KiB, and a block per directory. */
  readonly disk: number;
}

/** Up to here a layer is hashed at once, which takes less than handing it over. */
const SMALL = { bytes: 8 * 2 ** 20, entries: 2000 };
const SMALL_CHUNK = 2 ** 20;
const LARGE_CHUNK = 4 * 2 ** 20;

/**
 * The diff ID of a layer directory: sha256 of its tar, which is not written anywhere. A small layer is hashed before
 * the call returns; a larger one in a worker thread, beside whatever the caller does next.
 */
export async function hashLayer(directory: string, options: LayerOptions = {}): Promise<LayerInfo> {
  const small = hashLayerSync(directory, options, SMALL);
  if (small !== undefined) return small;
  const worker = workerFile('diff-worker');
  // Run from its sources the program has no such file: then this thread has to do.
  if (worker === undefined) return hashLayerSync(directory, options)!;
  const { hashInWorker } = await import('./hash-pool.ts');
  return hashInWorker(worker, { directory, options });
}

/** Hashes a layer in a worker thread while it is being written. Undefined when no thread is free. */
export async function followLayer(
  directory: string,
  options: LayerOptions = {},
): Promise<LayerFollower | undefined> {
  const worker = workerFile('diff-worker');
  if (worker === undefined) return undefined;
  const { followInWorker } = await import('./hash-pool.ts');
  return followInWorker(worker, { directory, options });
}

/** The same on this thread: for what is told when the layer is finished, and is not much. */
export function followHere(directory: string, options: LayerOptions = {}): LayerFollower {
  const layer = new GrowingLayer(directory, options);
  return {
    writes: false,
    ended: undefined,
    grow: (batch) => layer.grow(batch),
    finish: async () => {
      try {
        return layer.finish();
      } finally {
        layer.close();
      }
    },
    drop: () => layer.close(),
  };
}

/** Hashes on this thread. Undefined when the layer turns out to be beyond `bound`. */
export function hashLayerSync(
  directory: string,
  options: LayerOptions,
  bound: { readonly bytes: number; readonly entries: number } = { bytes: Infinity, entries: Infinity },
): LayerInfo | undefined {
  const tar = new LayerTar(directory, options);
  const hash = createHash('sha256');
  const buffer = Buffer.allocUnsafeSlow(bound.bytes === Infinity ? LARGE_CHUNK : SMALL_CHUNK);
  let size = 0;
  try {
    for (let length = tar.fill(buffer); length > 0; length = tar.fill(buffer)) {
      hash.update(buffer.subarray(0, length));
      size += length;
      if (size > bound.bytes || tar.entries > bound.entries) return undefined;
    }
  } finally {
    tar.close();
  }
  return { diffId: diffIdOf(hash), size, entries: tar.entries, disk: tar.disk };
}

export function diffIdOf(hash: Hash): DiffId {
  return `sha256:${hash.digest('hex')}` as DiffId;
}
