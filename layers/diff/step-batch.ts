import { addressOf } from '../linux/inode.ts';
import type { BytePath, FileStat } from '../snapshots/file-tree.ts';
import { type LayerStep, LEAVE, type UnwrittenFile } from './layer-walk.ts';
import { type FailureNote, noteOf } from './thread-failure.ts';

/** What the tar tells of a file besides its name and content. */
export type WrittenStat = Pick<FileStat, 'mode' | 'uid' | 'gid' | 'mtimeNs' | 'size'>;

/** The content of a file, from an offset on. */
export interface Content {
  readonly bytes: Buffer;
  readonly offset: number;
}

/** A place in memory for the content of one file. */
export interface Room extends Content {
  /** Of the byte at `offset`, for {@link readIntoFrom} and {@link writeFrom}. */
  readonly address: bigint;
}

/** In the 32-bit words at the start. */
const Word = {
  /** Whether the batch is under way (1) or free (0). */
  state: 0,
  /** Where its steps end. */
  end: 1,
  /** The length of the note that took the place of the steps when they could not be taken; else 0. */
  failed: 2,
  /** Whether nobody needs the layer any more (1). */
  called: 3,
} as const;
const START = 16;

/** The start of each record: kind, lengths of the name, modes, uid, gid, size (32 bits each), and time (96 bits). */
const HEAD = 40;
const Kind = { leave: 0, entry: 1, directory: 2, file: 3, unwritten: 4 } as const;

/**
 * Steps through a layer on their way to the thread that hashes it, one record behind the other, with the content of
 * small files: of those that were just written, so that nobody has to read them again, and of those that the thread is
 * to write. The memory is shared between the threads.
 */
export class StepBatch {
  readonly memory: SharedArrayBuffer;
  readonly takesContent: boolean;
  readonly #bytes: Buffer;
  /** Of the same memory: its readers and writers are compiled into their callers, those of Buffer are not. */
  readonly #view: DataView;
  readonly #words: Int32Array;
  #address: bigint | undefined;
  #end = START;

  constructor(memory: SharedArrayBuffer, takesContent = false) {
    this.memory = memory;
    this.#bytes = Buffer.from(memory);
    this.#view = new DataView(memory);
    this.#words = new Int32Array(memory, 0, START / 4);
    this.takesContent = takesContent;
  }

  /** False when there is no room for the step; an empty batch has room for any. */
  add(step: BytePath | Extract<LayerStep, { enter: BytePath }>): boolean {
    const name = typeof step === 'string' ? step : step.enter;
    if (this.#end + HEAD + name.length > this.#bytes.length) return false;
    if (typeof step !== 'string') writeTime(this.#view, this.#end + 28, step.mtimeNs);
    const kind = typeof step !== 'string' ? Kind.directory : step === LEAVE ? Kind.leave : Kind.entry;
    this.#record(kind, name, 0);
    return true;
  }

  /** Room for a file's content, which counts once {@link addFile} is called, before any other step. */
  room(name: BytePath, size: number): Room | undefined {
    const offset = this.#end + HEAD + name.length;
    if (!this.takesContent || offset + size > this.#bytes.length) return undefined;
    return this.#roomAt(offset);
  }

  #roomAt(offset: number): Room {
    this.#address ??= addressOf(this.#bytes);
    return { bytes: this.#bytes, offset, address: this.#address + BigInt(offset) };
  }

  /**
   * The file whose content was put into the {@link room} for it. With `made`, the mode that it will have when it is
   * made, it is not written yet: whoever takes the step does that.
   */
  addFile(name: BytePath, { mode, uid, gid, size, mtimeNs }: WrittenStat, made?: number): void {
    const at = this.#end;
    this.#view.setUint32(at + 8, mode, true);
    this.#view.setUint32(at + 12, uid, true);
    this.#view.setUint32(at + 16, gid, true);
    this.#view.setUint32(at + 20, size, true);
    this.#view.setUint32(at + 24, made ?? 0, true);
    writeTime(this.#view, at + 28, mtimeNs);
    this.#record(made === undefined ? Kind.file : Kind.unwritten, name, size);
  }

  #record(kind: number, name: BytePath, contentLength: number): void {
    const at = this.#end;
    this.#view.setUint32(at, kind, true);
    this.#view.setUint32(at + 4, name.length, true);
    this.#bytes.write(name, at + HEAD, 'latin1');
    this.#end = at + HEAD + name.length + contentLength;
    this.#words[Word.end] = this.#end;
  }

  /** The steps that were added. Contents are where they are in the batch. */
  *steps(): Generator<LayerStep | UnwrittenFile, undefined> {
    const bytes = this.#bytes;
    const view = this.#view;
    const end = this.#words[Word.end]!;
    for (let at = START; at < end; ) {
      const kind = view.getUint32(at, true);
      const content = at + HEAD + view.getUint32(at + 4, true);
      const name = bytes.toString('latin1', at + HEAD, content);
      if (kind < Kind.file) {
        yield kind === Kind.directory ? { enter: name, mtimeNs: readTime(view, at + 28) } : name;
        at = content;
        continue;
      }
      const stat = readStat(view, at);
      if (kind === Kind.file) yield { file: name, stat, content: { bytes, offset: content } };
      else yield { file: name, stat, content: this.#roomAt(content), made: view.getUint32(at + 24, true) };
      at = content + stat.size;
    }
    return undefined;
  }

  /** Nobody reads the steps any more. */
  release(): void {
    Atomics.store(this.#words, Word.state, 0);
    Atomics.notify(this.#words, Word.state);
  }

  /** Waits for that; false when it takes longer. Blocks the thread. */
  wait(milliseconds: number): boolean {
    return Atomics.wait(this.#words, Word.state, 1, milliseconds) !== 'timed-out';
  }

  /** Whether it was released. */
  get isFree(): boolean {
    return Atomics.load(this.#words, Word.state) === 0;
  }

  /** Empties the batch for new steps, if it was released. */
  reuse(): boolean {
    if (!this.isFree) return false;
    this.#words[Word.state] = 1;
    this.#words[Word.end] = START;
    this.#end = START;
    return true;
  }

  /** From now on nobody needs the layer, nor the files that are not written yet. */
  callOff(): void {
    Atomics.store(this.#words, Word.called, 1);
  }

  /** Throws when it was called off. */
  assertWanted(): void {
    if (Atomics.load(this.#words, Word.called) !== 0) throw new Error('nobody needs the layer any more');
  }

  /** Says why not all steps could be taken, in the place of the steps. To be followed by {@link release}. */
  fail(error: unknown, subject: string): void {
    this.#words[Word.failed] = this.#bytes.write(JSON.stringify(noteOf(error, subject)), START);
  }

  /** What {@link fail} said; to be asked when the batch was released. */
  get failure(): FailureNote | undefined {
    const length = this.#words[Word.failed]!;
    if (length === 0) return undefined;
    return JSON.parse(this.#bytes.toString('utf8', START, START + length)) as FailureNote;
  }
}

function readStat(view: DataView, at: number): WrittenStat {
  return {
    mode: view.getUint32(at + 8, true),
    uid: view.getUint32(at + 12, true),
    gid: view.getUint32(at + 16, true),
    size: view.getUint32(at + 20, true),
    mtimeNs: readTime(view, at + 28),
  };
}

/** 96 bits: 64 end in the year 2262, which filesystems go beyond. */
function writeTime(view: DataView, at: number, nanoseconds: bigint): void {
  view.setBigUint64(at, BigInt.asUintN(64, nanoseconds), true);
  view.setInt32(at + 8, Number(nanoseconds >> 64n), true);
}

function readTime(view: DataView, at: number): bigint {
  return (BigInt(view.getInt32(at + 8, true)) << 64n) | view.getBigUint64(at, true);
}
