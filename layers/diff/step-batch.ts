import { addressOf } from '../linux/inode.ts';
import type { BytePath, FileStat } from '../snapshots/file-tree.ts';
import { type LayerStep, LEAVE } from './layer-walk.ts';

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

const SHARED_SIZE = 2 ** 20;
/** Some 200 names. */
const NAMES_SIZE = 16 * 1024;

/** In the 32-bit words at the start: whether the batch is under way (1) or free (0), and where its steps end. */
const STATE = 0;
const END = 1;
const START = 8;

/** The start of each record: kind, length of the name, mode, uid, gid, size (32 bits each), and time (96 bits). */
const HEAD = 36;
const Kind = { leave: 0, entry: 1, directory: 2, file: 3 } as const;

/**
 * Steps through a layer on their way to the thread that hashes it, one record behind the other, with the content of
 * files that were just written: nobody has to read them again. The memory is shared between the threads.
 */
export class StepBatch {
  readonly memory: SharedArrayBuffer;
  readonly #bytes: Buffer;
  readonly #words: Int32Array;
  readonly #takesContent: boolean;
  #address: bigint | undefined;
  #end = START;

  constructor(memory: SharedArrayBuffer, takesContent = false) {
    this.memory = memory;
    this.#bytes = Buffer.from(memory);
    this.#words = new Int32Array(memory, 0, 2);
    this.#takesContent = takesContent;
  }

  /** False when there is no room for the step; an empty batch has room for any. */
  add(step: BytePath | Extract<LayerStep, { enter: BytePath }>): boolean {
    const name = typeof step === 'string' ? step : step.enter;
    if (this.#end + HEAD + name.length > this.#bytes.length) return false;
    if (typeof step !== 'string') writeTime(this.#bytes, this.#end + 24, step.mtimeNs);
    const kind = typeof step !== 'string' ? Kind.directory : step === LEAVE ? Kind.leave : Kind.entry;
    this.#record(kind, name, 0);
    return true;
  }

  /** Room for a file's content, which counts once {@link addFile} is called, before any other step. */
  room(name: BytePath, size: number): Room | undefined {
    const offset = this.#end + HEAD + name.length;
    if (!this.#takesContent || offset + size > this.#bytes.length) return undefined;
    this.#address ??= addressOf(this.#bytes);
    return { bytes: this.#bytes, offset, address: this.#address + BigInt(offset) };
  }

  /** The file whose content was put into the {@link room} for it. */
  addFile(name: BytePath, { mode, uid, gid, size, mtimeNs }: WrittenStat): void {
    const at = this.#end;
    this.#bytes.writeUInt32LE(mode, at + 8);
    this.#bytes.writeUInt32LE(uid, at + 12);
    this.#bytes.writeUInt32LE(gid, at + 16);
    this.#bytes.writeUInt32LE(size, at + 20);
    writeTime(this.#bytes, at + 24, mtimeNs);
    this.#record(Kind.file, name, size);
  }

  #record(kind: number, name: BytePath, contentLength: number): void {
    const at = this.#end;
    this.#bytes.writeUInt32LE(kind, at);
    this.#bytes.writeUInt32LE(name.length, at + 4);
    this.#bytes.write(name, at + HEAD, 'latin1');
    this.#end = at + HEAD + name.length + contentLength;
    this.#words[END] = this.#end;
  }

  /** The steps that were added. Contents are where they are in the batch. */
  *steps(): Generator<LayerStep, undefined> {
    const bytes = this.#bytes;
    const end = this.#words[END]!;
    for (let at = START; at < end; ) {
      const kind = bytes.readUInt32LE(at);
      const content = at + HEAD + bytes.readUInt32LE(at + 4);
      const name = bytes.toString('latin1', at + HEAD, content);
      if (kind !== Kind.file) {
        yield kind === Kind.directory ? { enter: name, mtimeNs: readTime(bytes, at + 24) } : name;
        at = content;
        continue;
      }
      const stat = readStat(bytes, at);
      at = content + stat.size;
      yield { file: name, stat, content: { bytes, offset: content } };
    }
    return undefined;
  }

  /** Nobody reads the steps any more. */
  release(): void {
    Atomics.store(this.#words, STATE, 0);
  }

  /** Empties the batch for new steps, if it was released. */
  reuse(): boolean {
    if (Atomics.load(this.#words, STATE) !== 0) return false;
    this.#words[STATE] = 1;
    this.#words[END] = START;
    this.#end = START;
    return true;
  }
}

function readStat(bytes: Buffer, at: number): WrittenStat {
  return {
    mode: bytes.readUInt32LE(at + 8),
    uid: bytes.readUInt32LE(at + 12),
    gid: bytes.readUInt32LE(at + 16),
    size: bytes.readUInt32LE(at + 20),
    mtimeNs: readTime(bytes, at + 24),
  };
}

/** 96 bits: 64 end in the year 2262, which filesystems go beyond. */
function writeTime(bytes: Buffer, at: number, nanoseconds: bigint): void {
  bytes.writeBigUInt64LE(BigInt.asUintN(64, nanoseconds), at);
  bytes.writeInt32LE(Number(nanoseconds >> 64n), at + 8);
}

function readTime(bytes: Buffer, at: number): bigint {
  return (BigInt(bytes.readInt32LE(at + 8)) << 64n) | bytes.readBigUInt64LE(at);
}

/** The batches of one layer: a few for contents, used in turn, so that memory is bounded however fast it is written. */
export class BatchPool {
  static readonly MOST = 12;
  readonly #shared: StepBatch[] = [];

  /** An empty batch. Where whoever hashes falls behind, it takes no contents: those are then read again. */
  take(): StepBatch {
    const free = this.#shared.find((batch) => batch.reuse());
    if (free !== undefined) return free;
    if (this.#shared.length === BatchPool.MOST) return new StepBatch(new SharedArrayBuffer(NAMES_SIZE));
    const batch = new StepBatch(new SharedArrayBuffer(SHARED_SIZE), true);
    batch.reuse();
    this.#shared.push(batch);
    return batch;
  }
}
