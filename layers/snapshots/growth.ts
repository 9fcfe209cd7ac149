import type { LayerInfo } from '../diff/hash-layer.ts';
import type { LayerFollower } from '../diff/hash-pool.ts';
import { LEAVE } from '../diff/layer-walk.ts';
import { BatchPool, type Room, type StepBatch, type WrittenStat } from '../diff/step-batch.ts';
import { SMALL } from './copy-content.ts';
import type { BytePath } from './file-tree.ts';
import { join } from './path.ts';

/** Below this a layer is hashed quicker on this thread, once it is finished; see `hashLayer`. */
const WORTHWHILE = { entries: 2000, bytes: 8 * 2 ** 20 };
/** What is told at once at most; bytes of files that have to be read again. */
const AT_ONCE = { entries: 256, bytes: 4 * 2 ** 20 };

/** A directory that was entered and not yet left. */
interface OpenDirectory {
  readonly path: BytePath;
  readonly name: BytePath;
  /** The last entry in it. */
  last: BytePath;
  isTold: boolean;
}

export interface GrowthHost {
  /** The modification time that a directory will have in the end. */
  timeOf(directory: BytePath): bigint | undefined;
  readonly hashers: LayerHashers | undefined;
}

/** Who hashes a layer as it is told. */
export interface LayerHashers {
  /** Beside whoever writes the layer; undefined when nobody can. */
  beside(): Promise<LayerFollower | undefined>;
  /** On this thread. */
  here(): LayerFollower;
}

/**
 * Has a layer hashed while it is being written, which is possible as long as it is written in the order of its tar and
 * nothing that was told of changes any more. Else it is spoilt, and the layer has to be hashed when it is finished.
 */
export class Growth {
  readonly #host: GrowthHost;
  readonly #open: OpenDirectory[] = [{ path: '/', name: '', last: '', isTold: true }];
  readonly #told = new Map<BytePath, bigint>();
  readonly #pool = new BatchPool();
  /** What was not told yet: full batches, and one being filled. */
  #full: StepBatch[] = [];
  #batch: StepBatch | undefined;
  /** What is in them. */
  #entries = 0;
  #bytes = 0;
  #follower: LayerFollower | undefined;
  #state: 'small' | 'starting' | 'followed' | 'finished' | 'spoilt' = 'small';
  #outcome: Promise<LayerInfo> | undefined;

  constructor(host: GrowthHost) {
    this.#host = host;
    if (host.hashers === undefined) this.#state = 'spoilt';
  }

  /** A new entry that is no directory and is finished. */
  entry(parent: BytePath, name: BytePath): void {
    if (!this.#goTo(parent, name)) return;
    this.#tellOpen();
    this.#step(name);
  }

  /**
   * A new file. `write` writes it, and may put what it writes into the room that it is given: when it then answers with
   * the metadata of the finished file, which has neither extended attributes nor a second name, nobody reads it again.
   */
  file(
    parent: BytePath,
    name: BytePath,
    size: number,
    write: (room: Room | undefined) => WrittenStat | undefined,
  ): void {
    const isNext = this.#goTo(parent, name);
    if (isNext) this.#tellOpen();
    const room = isNext ? this.#roomFor(name, size) : undefined;
    const stat = write(room);
    if (!isNext) return;
    this.#bytes += size;
    if (room === undefined || stat === undefined) {
      this.#step(name);
      return;
    }
    this.#batch!.addFile(name, stat);
    this.#count();
  }

  /** A directory that is new in the layer. Until something is in it, its metadata may change. */
  directory(parent: BytePath, name: BytePath): void {
    if (!this.#goTo(parent, name)) return;
    this.#open.push({ path: join(parent, name), name, last: '', isTold: false });
  }

  /** The metadata of a directory is about to change. */
  change(directory: BytePath): void {
    if (this.#told.has(directory) || this.#state === 'finished') this.spoil();
  }

  /** The finished layer's hash; undefined when it was not told to its end. */
  get outcome(): Promise<LayerInfo> | undefined {
    if (this.#state === 'finished') this.#outcome ??= this.#hashHere();
    return this.#outcome;
  }

  spoil(): void {
    this.#state = 'spoilt';
    this.#full = [];
    this.#batch = undefined;
    this.#told.clear();
    this.#follower?.drop();
    this.#follower = undefined;
    this.#outcome = undefined;
  }

  /** As far as is known nothing more will be written. Idempotent. */
  finish(): void {
    if (this.#state === 'finished') return;
    if (this.#state !== 'spoilt') {
      while (this.#open.length > 0) this.#leave();
      this.#turnOver();
    }
    // Who is to follow has not answered yet, or more was done than told.
    if (this.#state === 'spoilt' || this.#state === 'starting' || !this.#isAsTold()) {
      this.spoil();
      return;
    }
    this.#outcome = this.#follower?.finish();
    this.#outcome?.catch(() => {}); // told to whoever asks
    this.#follower = undefined;
    this.#state = 'finished';
  }

  async #hashHere(): Promise<LayerInfo> {
    const follower = this.#host.hashers!.here();
    try {
      for (const batch of this.#full.splice(0)) follower.grow(batch);
      return await follower.finish();
    } catch (error) {
      follower.drop();
      throw error;
    }
  }

  #isAsTold(): boolean {
    return [...this.#told].every(([path, mtimeNs]) => this.#host.timeOf(path) === mtimeNs);
  }

  /** Makes the parent the innermost directory that is open; false when the entry comes too late for the tar's order. */
  #goTo(parent: BytePath, name: BytePath): boolean {
    if (this.#state === 'spoilt') return false;
    const at = this.#open.findLastIndex(({ path }) => path === parent);
    const directory = this.#open[at];
    if (directory === undefined || name <= directory.last || this.#state === 'finished') {
      this.spoil();
      return false;
    }
    while (this.#open.length > at + 1) this.#leave();
    directory.last = name;
    return true;
  }

  #leave(): void {
    this.#tellOpen();
    this.#open.pop();
    this.#step(LEAVE);
  }

  /** The directories that were entered, whose metadata has to stay from now on. */
  #tellOpen(): void {
    const from = this.#open.findLastIndex(({ isTold }) => isTold) + 1;
    for (const directory of this.#open.slice(from)) {
      const mtimeNs = this.#host.timeOf(directory.path) ?? 0n;
      directory.isTold = true;
      this.#told.set(directory.path, mtimeNs);
      this.#step({ enter: directory.name, mtimeNs });
    }
  }

  #step(step: Parameters<StepBatch['add']>[0]): void {
    if (!this.#current().add(step)) {
      this.#turnOver();
      this.#current().add(step);
    }
    this.#count();
  }

  #roomFor(name: BytePath, size: number): Room | undefined {
    if (size > SMALL) return undefined;
    const room = this.#current().room(name, size);
    if (room !== undefined) return room;
    this.#turnOver();
    return this.#current().room(name, size);
  }

  #current(): StepBatch {
    this.#batch ??= this.#pool.take();
    return this.#batch;
  }

  #turnOver(): void {
    if (this.#batch !== undefined) this.#full.push(this.#batch);
    this.#batch = undefined;
    if (this.#follower !== undefined) this.#tell();
  }

  #count(): void {
    const bound = this.#state === 'small' ? WORTHWHILE : AT_ONCE;
    if (++this.#entries < bound.entries && this.#bytes < bound.bytes) return;
    if (this.#state === 'small') this.#start();
    else if (this.#follower !== undefined) this.#turnOver();
  }

  #start(): void {
    this.#state = 'starting';
    this.#host.hashers!.beside().then(
      (follower) => {
        if (this.#state === 'spoilt') return follower?.drop();
        if (follower === undefined) return this.spoil();
        this.#follower = follower;
        this.#state = 'followed';
        this.#turnOver();
      },
      () => this.spoil(),
    );
  }

  #tell(): void {
    for (const batch of this.#full.splice(0)) this.#follower!.grow(batch);
    this.#entries = 0;
    this.#bytes = 0;
  }
}
