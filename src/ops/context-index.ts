import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FileNode, FileStat } from '../../layers/index.ts';
import type { DigestIndex, FileDigest } from './file-digest.ts';

/**
 * Digests of the files of one directory on the host, kept from build to build, so that an unchanged file costs a stat
 * and no read. One binary file per directory, `<store>/context-index/<sha256 of the path>`:
 *
 *     magic    16 bytes  "tsbuild ctxidx 1"
 *     records  80 bytes each, little endian: device, inode, size (u64); mtime, ctime (i64, ns);
 *              flags (u8: 1 has attributes); age in saves without use (u8); 6 zero bytes; sha256
 *     sum      32 bytes  sha256 of everything before
 *
 * It is only a memory: a file that cannot be read or does not check is as good as none, and when two processes save at
 * once the later one wins. A file's record counts only when inode, size and both times are the same.
 */
const MAGIC = Buffer.from('tsbuild ctxidx 1', 'latin1');
const RECORD = 80;
const SUM = 32;

/** A record that so many changed saves did not use is dropped. */
const OLDEST = 20;

/**
 * A file that was changed less than this long before it was read may change again without its times telling, since
 * the kernel's clock for them ticks every 1 to 10 ms. Whole seconds are what old or foreign filesystems keep.
 */
const TICK_NS = 100_000_000n;
const SECOND_NS = 1_000_000_000n;

interface Entry {
  readonly stat: Pick<FileStat, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;
  readonly found: FileDigest;
}

export class ContextIndex implements DigestIndex {
  readonly #path: string;
  /** The file as it was loaded, and where in it the record of an inode is. */
  #records: Buffer = Buffer.alloc(0);
  #offsets = new Map<bigint, number>();
  /** Offsets that were of use. */
  readonly #used = new Set<number>();
  readonly #added = new Map<bigint, Entry>();
  #isLoaded = false;

  constructor(storeRoot: string, directory: string) {
    const name = createHash('sha256').update(directory).digest('hex');
    this.#path = join(storeRoot, 'context-index', name);
  }

  now(): bigint {
    return BigInt(Date.now()) * 1_000_000n;
  }

  get({ stat }: FileNode): FileDigest | undefined {
    this.#load();
    const added = this.#added.get(stat.ino);
    if (added !== undefined) return isSame(added.stat, stat) ? added.found : undefined;
    const offset = this.#offsets.get(stat.ino);
    if (offset === undefined || !isSame(decodeStat(this.#records, offset), stat)) return undefined;
    this.#used.add(offset);
    return {
      hasXattrs: (this.#records[offset + 40]! & 1) !== 0,
      digest: this.#records.subarray(offset + 48, offset + RECORD),
    };
  }

  set({ stat }: FileNode, found: FileDigest, readFrom: bigint): void {
    if (!isSettled(stat, readFrom)) return;
    this.#load();
    const { dev, ino, size, mtimeNs, ctimeNs } = stat;
    this.#added.set(ino, { stat: { dev, ino, size, mtimeNs, ctimeNs }, found });
  }

  /** Writes the index out if it has learnt anything. Never throws: the build does not depend on it. */
  save(): void {
    if (this.#added.size === 0) return;
    const temporary = `${this.#path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    try {
      mkdirSync(join(this.#path, '..'), { recursive: true, mode: 0o700 });
      const records = this.#encode();
      writeFileSync(temporary, Buffer.concat([MAGIC, records, sumOf(records)]), { mode: 0o600, flag: 'wx' });
      renameSync(temporary, this.#path);
      this.#use(records);
    } catch {
      discard(temporary);
    }
  }

  #encode(): Buffer {
    const kept = [...this.#offsets].filter(
      ([ino, offset]) => !this.#added.has(ino) && (this.#used.has(offset) || this.#ageOf(offset) < OLDEST),
    );
    const bytes = Buffer.alloc((kept.length + this.#added.size) * RECORD);
    let at = 0;
    for (const [, offset] of kept) {
      this.#records.copy(bytes, at, offset, offset + RECORD);
      bytes[at + 41] = this.#used.has(offset) ? 0 : this.#ageOf(offset) + 1;
      at += RECORD;
    }
    for (const entry of this.#added.values()) {
      encodeEntry(bytes, at, entry);
      at += RECORD;
    }
    return bytes;
  }

  #ageOf(offset: number): number {
    return this.#records[offset + 41]!;
  }

  #load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    this.#use(readRecords(this.#path));
  }

  #use(records: Buffer): void {
    this.#records = records;
    this.#used.clear();
    this.#added.clear();
    this.#offsets = new Map();
    for (let offset = 0; offset < records.length; offset += RECORD)
      this.#offsets.set(records.readBigUInt64LE(offset + 8), offset);
  }
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its directory is not there either.
  }
}

/** Whether a later change of the file must show in its times. */
function isSettled({ mtimeNs, ctimeNs }: FileStat, readFrom: bigint): boolean {
  const hasFractions = ctimeNs % SECOND_NS !== 0n;
  const latest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return latest + (hasFractions ? TICK_NS : 2n * SECOND_NS) < readFrom;
}

function isSame(a: Entry['stat'], b: Entry['stat']): boolean {
  return (
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.dev === b.dev
  );
}

function decodeStat(bytes: Buffer, offset: number): Entry['stat'] {
  return {
    dev: bytes.readBigUInt64LE(offset),
    ino: bytes.readBigUInt64LE(offset + 8),
    size: bytes.readUInt32LE(offset + 16) + bytes.readUInt32LE(offset + 20) * 0x1_0000_0000,
    mtimeNs: bytes.readBigInt64LE(offset + 24),
    ctimeNs: bytes.readBigInt64LE(offset + 32),
  };
}

function encodeEntry(bytes: Buffer, offset: number, { stat, found }: Entry): void {
  bytes.writeBigUInt64LE(stat.dev, offset);
  bytes.writeBigUInt64LE(stat.ino, offset + 8);
  bytes.writeBigUInt64LE(BigInt(stat.size), offset + 16);
  bytes.writeBigInt64LE(stat.mtimeNs, offset + 24);
  bytes.writeBigInt64LE(stat.ctimeNs, offset + 32);
  bytes[offset + 40] = found.hasXattrs ? 1 : 0;
  found.digest.copy(bytes, offset + 48);
}

function sumOf(records: Buffer): Buffer {
  return createHash('sha256').update(MAGIC).update(records).digest();
}

/** The records of an index file; none when it is not there or not whole. */
function readRecords(path: string): Buffer {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
  const records = bytes.subarray(MAGIC.length, Math.max(bytes.length - SUM, MAGIC.length));
  const isWhole =
    bytes.length >= MAGIC.length + SUM &&
    records.length % RECORD === 0 &&
    bytes.subarray(0, MAGIC.length).equals(MAGIC) &&
    bytes.subarray(bytes.length - SUM).equals(sumOf(records));
  return isWhole ? records : Buffer.alloc(0);
}
