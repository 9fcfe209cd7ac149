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
    const free = this.#free();
    // Only now, so that what is used again has not failed.
    this.check();
    if (free?.reuse() === true) return free;
    const takesContent = this.#shared.length < BatchPool.MOST;
    const batch = new StepBatch(new SharedArrayBuffer(takesContent ? SHARED_SIZE : NAMES_SIZE), takesContent);
    batch.reuse();
    if (takesContent) this.#shared.push(batch);
    return batch;
  }

  /** Whether the next batch would take no contents. */
  get isExhausted(): boolean {
    return this.#shared.length === BatchPool.MOST && this.#free() === undefined;
  }

  #free(): StepBatch | undefined {
    return this.#shared.find(({ isFree }) => isFree);
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
