import type { LayerInfo } from '../diff/hash-layer.ts';
import type { LayerFollower } from '../diff/hash-pool.ts';
import { objectionTo } from '../diff/layer-tar.ts';
import { LEAVE } from '../diff/layer-walk.ts';
import type { Room, WrittenStat } from '../diff/step-batch.ts';
import type { BytePath } from './file-tree.ts';
import { join } from './path.ts';
import { StepQueue } from './step-queue.ts';

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

/** A file for the tar: its metadata; and the mode that it will have when it is made, if it is only in the room yet. */
export interface GrownFile {
  readonly stat: WrittenStat;
  readonly made?: number;
}

/**
 * Has a layer hashed while it is being written, which is possible as long as it is written in the order of its tar and
 * nothing that was told of changes any more. Else it is spoilt, and the layer has to be hashed when it is finished.
 * Small files may be left to whoever hashes: then they are not there before something asks for them.
 */
export class Growth {
  readonly #host: GrowthHost;
  readonly #open: OpenDirectory[] = [{ path: '/', name: '', last: '', isTold: true }];
  readonly #told = new Map<BytePath, bigint>();
  readonly #queue = new StepQueue();
  #failure: { readonly error: unknown } | undefined;
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
   * Where it may wait, `write` may leave the file to whoever hashes, and only fill the room.
   */
  file(
    parent: BytePath,
    name: BytePath,
    size: number,
    write: (room: Room | undefined, mayWait: boolean) => GrownFile | undefined,
  ): void {
    const isNext = this.#goTo(parent, name);
    if (isNext) this.#tellOpen();
    const room = isNext ? this.#queue.room(name, size) : undefined;
    const grown = write(room, room !== undefined && this.#queue.mayWait);
    if (!isNext) return;
    if (room === undefined || grown === undefined) {
      this.#step(name, size);
      return;
    }
    this.#queue.addFile(name, grown.stat, grown.made);
    this.#count();
  }

  /** A directory that is new in the layer. Until something is in it, its metadata may change. */
  directory(parent: BytePath, name: BytePath): void {
    if (!this.#goTo(parent, name)) return;
    this.#open.push({ path: join(parent, name), name, last: '', isTold: false });
  }

  /** The metadata of a directory is about to change. */
  change(directory: BytePath): void {
    if (directory === '/') this.#settle();
    if (this.#told.has(directory) || this.#state === 'finished') this.spoil();
  }

  /** The finished layer's hash; undefined when it was not told to its end. */
  get outcome(): Promise<LayerInfo> | undefined {
    if (this.#state === 'finished') this.#outcome ??= this.#hashHere();
    return this.#outcome;
  }

  /** Before an entry is looked at, or without a name the whole directory: what is to be there is written then. */
  look(directory: BytePath, name?: BytePath): void {
    if (this.#queue.hasUnwritten && !(name !== undefined && this.#isAhead(directory, name))) this.#settle();
  }

  /** Whether a name comes after all that was told, or is a directory that one is in. */
  #isAhead(directory: BytePath, name: BytePath): boolean {
    const at = this.#open.findLastIndex(({ path }) => path === directory);
    const last = this.#open[at]?.last;
    return last !== undefined && (name > last || (name === last && this.#open[at + 1]?.name === name));
  }

  spoil(): void {
    try {
      this.#settle();
    } catch {
      // Told when the layer is finished.
    }
    this.#end();
  }

  /** Has all files written. */
  #settle(): void {
    // The thread that did not answer is not waited for again.
    if (this.#failure !== undefined && this.#queue.hasUnwritten) throw this.#failure.error;
    try {
      this.#queue.settle();
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  /** Nobody wants the layer any more. */
  abandon(): void {
    try {
      this.#queue.callOff();
    } catch {
      // The thread has ended or hangs: it is not waited for any longer.
    }
    this.#end();
  }

  #end(): void {
    this.#state = 'spoilt';
    this.#queue.end()?.drop();
    this.#told.clear();
    this.#outcome = undefined;
  }

  /** As far as is known nothing more will be written. Idempotent. Throws what went wrong with files that were left. */
  finish(): void {
    if (this.#state === 'finished') return;
    if (this.#state !== 'spoilt') {
      while (this.#open.length > 0) this.#leave();
      this.#queue.turnOver();
      this.#settle();
    }
    if (this.#failure !== undefined) throw this.#failure.error;
    // Who is to follow has not answered yet, or more was done than told.
    if (this.#state === 'spoilt' || this.#state === 'starting' || !this.#isAsTold()) {
      this.spoil();
      return;
    }
    if (this.#state === 'followed') {
      this.#outcome = this.#queue.end()!.finish();
      this.#outcome.catch(() => {}); // told to whoever asks
    }
    this.#state = 'finished';
  }

  async #hashHere(): Promise<LayerInfo> {
    const follower = this.#host.hashers!.here();
    try {
      for (const batch of this.#queue.takeAll()) follower.grow(batch);
      return await follower.finish();
    } catch (error) {
      follower.drop();
      throw error;
    }
  }

  #isAsTold(): boolean {
    return [...this.#told].every(([path, mtimeNs]) => this.#host.timeOf(path) === mtimeNs);
  }

  /** Makes the parent the innermost directory that is open; false when the tar cannot have the entry, or not any more. */
  #goTo(parent: BytePath, name: BytePath): boolean {
    if (this.#state === 'spoilt') return false;
    const at = this.#open.findLastIndex(({ path }) => path === parent);
    const directory = this.#open[at];
    const isLate = directory === undefined || name <= directory.last || this.#state === 'finished';
    // What cannot be hashed concerns nobody who only wants it written.
    if (isLate || objectionTo(name, parent.length + name.length) !== undefined) {
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

  #step(...step: Parameters<StepQueue['add']>): void {
    this.#queue.add(...step);
    this.#count();
  }

  #count(): void {
    const bound = this.#state === 'small' ? WORTHWHILE : AT_ONCE;
    if (this.#queue.entries < bound.entries && this.#queue.bytes < bound.bytes) return;
    if (this.#state === 'small') this.#start();
    else if (this.#state === 'followed') this.#queue.turnOver();
  }

  #start(): void {
    this.#state = 'starting';
    this.#host.hashers!.beside().then(
      (follower) => {
        if (this.#state === 'spoilt') return follower?.drop();
        if (follower === undefined) return this.spoil();
        this.#state = 'followed';
        this.#queue.follow(follower);
      },
      () => this.spoil(),
    );
  }
}
