import { BatchPool } from '../diff/batch-pool.ts';
import type { LayerFollower } from '../diff/hash-pool.ts';
import type { Room, StepBatch, WrittenStat } from '../diff/step-batch.ts';
import { StoreError } from '../errors.ts';
import { SMALL } from './copy-content.ts';
import type { BytePath } from './file-tree.ts';

/** Batches that whoever follows may be behind with and still get files to write: beyond, this thread helps. */
const BEHIND = 6;
/** Bytes of files that it may have to read before it writes what it was left. */
const TO_READ = 12 * 2 ** 20;
/** Milliseconds that a single batch may take: for its few hundred files there may be a slow disk. */
const PATIENCE = 600_000;
const GLANCE = 1000;

/** Steps through a layer, on their way from whoever writes it to whoever hashes it. */
export class StepQueue {
  readonly #pool = new BatchPool();
  /** What was not told yet: full batches, and one being filled. */
  #full: StepBatch[] = [];
  #batch: StepBatch | undefined;
  #follower: LayerFollower | undefined;
  /** Those with files that are to be read, how many bytes, in the order in which they are released; and the sum. */
  readonly #reading = new Map<StepBatch, number>();
  #toRead = 0;
  /** Those with files that may not be written yet. */
  readonly #left = new Set<StepBatch>();
  #isNear = false;
  #hasUnwritten = false;
  /** What was added since it was told. */
  entries = 0;
  bytes = 0;

  /** From now on the batches go there. */
  follow(follower: LayerFollower): void {
    this.#follower = follower;
    this.turnOver();
  }

  /** Of a file that has to be read, with its size. */
  add(step: Parameters<StepBatch['add']>[0], size = 0): void {
    // Whoever waits for files that were left shall not wait for a large one besides.
    if (this.#toRead + size > TO_READ && this.#left.has(this.#current())) this.turnOver();
    if (!this.#current().add(step)) {
      this.turnOver();
      this.#current().add(step);
    }
    this.entries++;
    this.bytes += size;
    if (size > 0) this.#isToRead(this.#current(), size);
  }

  /** Room for the content of a small file, to be followed by {@link addFile} or given up. */
  room(name: BytePath, size: number): Room | undefined {
    if (size > SMALL) return undefined;
    const batch = this.#current();
    const room = batch.room(name, size);
    if (room !== undefined) return room;
    // Names alone until contents have a place again: not a batch for each of them.
    if (!batch.takesContent && this.#pool.isExhausted) return undefined;
    this.turnOver();
    return this.#current().room(name, size);
  }

  /** Whether the file that the last room was for may be left to whoever follows. */
  get mayWait(): boolean {
    return this.#isNear && this.#toRead <= TO_READ;
  }

  /** A file whose content is in the room; see {@link StepBatch.addFile}. */
  addFile(name: BytePath, stat: WrittenStat, made: number | undefined): void {
    if (made !== undefined) {
      this.#hasUnwritten = true;
      this.#left.add(this.#batch!);
    }
    this.#batch!.addFile(name, stat, made);
    this.entries++;
    this.bytes += stat.size;
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
    this.turnOver();
    this.#awaitLeft();
    this.#pool.check();
  }

  /** Instead of {@link settle}: when it returns nobody writes any more. */
  callOff(): void {
    for (const batch of [...this.#reading.keys(), ...this.#left]) batch.callOff();
    this.#full = [];
    this.#batch?.release();
    this.#batch = undefined;
    this.#awaitLeft();
  }

  /** Nothing more is told. */
  end(): LayerFollower | undefined {
    const follower = this.#follower;
    this.#follower = undefined;
    this.#full = [];
    this.#batch = undefined;
    return follower;
  }

  #awaitLeft(): void {
    for (const batch of this.#left) this.#await(batch);
    this.#left.clear();
    this.#hasUnwritten = false;
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
      this.#left.delete(this.#batch);
      this.#wasRead(this.#batch);
      for (const batch of this.#reading.keys()) {
        if (!batch.isFree) break;
        this.#wasRead(batch);
      }
      this.#isNear = this.#follower?.writes === true && this.#pool.underWay().length <= BEHIND;
    }
    return this.#batch;
  }

  #isToRead(batch: StepBatch, size: number): void {
    this.#reading.set(batch, (this.#reading.get(batch) ?? 0) + size);
    this.#toRead += size;
  }

  #wasRead(batch: StepBatch): void {
    this.#toRead -= this.#reading.get(batch) ?? 0;
    this.#reading.delete(batch);
  }
}
