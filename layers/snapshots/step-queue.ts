import { BatchPool } from '../diff/batch-pool.ts';
import type { LayerFollower } from '../diff/hash-pool.ts';
import type { Room, StepBatch, WrittenStat } from '../diff/step-batch.ts';
import { StoreError } from '../errors.ts';
import { SMALL } from './copy-content.ts';
import type { BytePath } from './file-tree.ts';

/** Batches that whoever follows may be behind with and still get files to write: beyond, this thread helps. */
const BEHIND = 6;
/** Milliseconds that a single batch may take: a file of 64 KiB may have to wait for a slow disk. */
const PATIENCE = 600_000;
const GLANCE = 1000;

/** Steps through a layer, on their way from whoever writes it to whoever hashes it. */
export class StepQueue {
  readonly #pool = new BatchPool();
  /** What was not told yet: full batches, and one being filled. */
  #full: StepBatch[] = [];
  #batch: StepBatch | undefined;
  #follower: LayerFollower | undefined;
  #mayWait = false;
  #hasUnwritten = false;
  /** What was added since it was told. */
  entries = 0;
  bytes = 0;

  /** From now on the batches go there. */
  follow(follower: LayerFollower): void {
    this.#follower = follower;
    this.turnOver();
  }

  add(step: Parameters<StepBatch['add']>[0]): void {
    if (!this.#current().add(step)) {
      this.turnOver();
      this.#current().add(step);
    }
    this.entries++;
  }

  /** Room for the content of a small file, to be followed by {@link addFile} or given up. */
  room(name: BytePath, size: number): Room | undefined {
    if (size > SMALL) return undefined;
    const room = this.#current().room(name, size);
    if (room !== undefined) return room;
    this.turnOver();
    return this.#current().room(name, size);
  }

  /** Whether the file that the last room was for may be left to whoever follows. */
  get mayWait(): boolean {
    return this.#mayWait;
  }

  /** A file whose content is in the room; see {@link StepBatch.addFile}. */
  addFile(name: BytePath, stat: WrittenStat, made: number | undefined): void {
    if (made !== undefined) this.#hasUnwritten = true;
    this.#batch!.addFile(name, stat, made);
    this.entries++;
  }

  /** Whether there may be files that are not written yet. */
  get hasUnwritten(): boolean {
    return this.#hasUnwritten;
  }

  /** Tells what there is. */
  turnOver(): void {
    if (this.#batch !== undefined) this.#full.push(this.#batch);
    this.#batch = undefined;
    if (this.#follower === undefined) return;
    for (const batch of this.takeAll()) this.#follower.grow(batch);
    this.entries = 0;
    this.bytes = 0;
  }

  /** The batches that were not told. */
  takeAll(): readonly StepBatch[] {
    return this.#full.splice(0);
  }

  /** Waits until all files are written; throws what went wrong with one. */
  settle(): void {
    if (!this.#hasUnwritten) return;
    this.#hasUnwritten = false;
    this.turnOver();
    for (const batch of this.#pool.underWay()) this.#await(batch);
    this.#pool.check();
  }

  /** Instead of {@link settle}: when it returns nobody writes any more. */
  callOff(): void {
    if (!this.#hasUnwritten) return;
    this.#hasUnwritten = false;
    this.#full = [];
    this.#batch?.release();
    this.#batch = undefined;
    const underWay = this.#pool.underWay();
    for (const batch of underWay) batch.callOff();
    for (const batch of underWay) this.#await(batch);
  }

  /** Nothing more is told. */
  end(): LayerFollower | undefined {
    const follower = this.#follower;
    this.#follower = undefined;
    this.#full = [];
    this.#batch = undefined;
    return follower;
  }

  #await(batch: StepBatch): void {
    for (let waited = 0; !batch.wait(GLANCE); waited += GLANCE) {
      const cause = this.#follower?.ended;
      if (cause !== undefined) throw cause;
      if (waited < PATIENCE) continue;
      throw new StoreError('SYSTEM', 'layer', 'Cannot write a layer: the thread that writes does not answer');
    }
  }

  #current(): StepBatch {
    if (this.#batch === undefined) {
      this.#batch = this.#pool.take();
      this.#mayWait = this.#follower?.writes === true && this.#pool.underWay().length <= BEHIND;
    }
    return this.#batch;
  }
}
