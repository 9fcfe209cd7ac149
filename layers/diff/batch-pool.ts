import { StepBatch } from './step-batch.ts';
import { failureOf } from './thread-failure.ts';

const SHARED_SIZE = 2 ** 20;
/** Some 200 names. */
const NAMES_SIZE = 16 * 1024;

/** The batches of one layer: a few for contents, used in turn, so that memory is bounded however fast it is written. */
export class BatchPool {
  static readonly MOST = 12;
  readonly #shared: StepBatch[] = [];

  /**
   * An empty batch. Where whoever hashes falls behind, it takes no contents: those are then read again. Throws what
   * kept a batch before it from being taken to its end.
   */
  take(): StepBatch {
    this.check();
    const free = this.#shared.find((batch) => batch.reuse());
    if (free !== undefined) return free;
    if (this.#shared.length === BatchPool.MOST) return new StepBatch(new SharedArrayBuffer(NAMES_SIZE));
    const batch = new StepBatch(new SharedArrayBuffer(SHARED_SIZE), true);
    batch.reuse();
    this.#shared.push(batch);
    return batch;
  }

  /** Those with contents that were taken and not released. */
  underWay(): readonly StepBatch[] {
    return this.#shared.filter((batch) => !batch.isFree);
  }

  /** Throws what kept a released batch from being taken to its end. */
  check(): void {
    for (const batch of this.#shared) {
      const failure = batch.isFree ? batch.failure : undefined;
      if (failure !== undefined) throw failureOf(failure);
    }
  }
}
