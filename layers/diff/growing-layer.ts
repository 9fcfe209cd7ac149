import { createHash } from '../linux/hash.ts';
import { diffIdOf, type LayerInfo } from './hash-layer.ts';
import { type LayerOptions, LayerTar } from './layer-tar.ts';
import type { StepBatch } from './step-batch.ts';
import { ToldWalk } from './told-walk.ts';

const CHUNK = 4 * 2 ** 20;

/** Hashes the tar of a layer that is still being written, as far as it is told that it is finished. */
export class GrowingLayer {
  readonly #directory: string;
  readonly #walk = new ToldWalk();
  readonly #tar: LayerTar;
  readonly #hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafeSlow(CHUNK);
  #size = 0;

  constructor(directory: string, options: LayerOptions = {}) {
    this.#directory = directory;
    this.#tar = new LayerTar(directory, options, this.#walk);
  }

  /** What the steps lead to does not change any more, once the files are written that they bring. Releases the batch. */
  grow(batch: StepBatch): void {
    try {
      this.#walk.tell(batch);
      for (let length = this.#fill(); length > 0; length = this.#fill()) {
        batch.assertWanted();
        this.#hash.update(this.#buffer.subarray(0, length));
        this.#size += length;
      }
    } catch (error) {
      batch.fail(error, this.#directory);
      throw error;
    } finally {
      batch.release();
    }
  }

  #fill(): number {
    return this.#tar.fill(this.#buffer);
  }

  /** When the steps have led out of the root. */
  finish(): LayerInfo {
    if (!this.#tar.isEnded) throw new Error('the layer is not complete');
    const { entries, disk } = this.#tar;
    return { diffId: diffIdOf(this.#hash), size: this.#size, entries, disk };
  }

  /** Releases what is open. Idempotent. */
  close(): void {
    this.#tar.close();
  }
}
