import { createHash, type FileStat } from '../../layers/index.ts';
import type { FileDigest } from './file-digest.ts';

/**
 * The file of a {@link ContextIndex}: digests of files and directories, each with what its stat was then.
 *
 *     magic    16 bytes  "tsbuild ctxidx 1"
 *     records  80 bytes each: device, inode (u64); size (f64); mtime, ctime (i64, ns);
 *              flags (u8: 1 has attributes); age in saves without use (u8); 6 zero bytes; sha256
 *     sum      32 bytes  sha256 of everything before
 *
 * Numbers are little endian, as in all machines that this runs on, so that arrays of 64-bit words can read them.
 */
export class ContextRecords {
  readonly count: number;
  readonly #bytes: Uint8Array;
  readonly #unsigned: BigUint64Array;
  readonly #signed: BigInt64Array;
  readonly #floats: Float64Array;

  constructor(count: number) {
    this.count = count;
    this.#bytes = new Uint8Array(count * RECORD);
    const { buffer } = this.#bytes;
    this.#unsigned = new BigUint64Array(buffer);
    this.#signed = new BigInt64Array(buffer);
    this.#floats = new Float64Array(buffer);
  }

  /** Undefined unless the bytes are a whole and undamaged file. */
  static parse(file: Uint8Array): ContextRecords | undefined {
    const length = file.length - MAGIC.length - SUM;
    if (length < 0 || length % RECORD !== 0) return undefined;
    const body = file.subarray(0, file.length - SUM);
    if (!MAGIC.equals(file.subarray(0, MAGIC.length))) return undefined;
    if (!sumOf(body).equals(file.subarray(file.length - SUM))) return undefined;
    const records = new ContextRecords(length / RECORD);
    // Copied, since words can be read only at multiples of their size.
    records.#bytes.set(body.subarray(MAGIC.length));
    return records;
  }

  toFile(): Buffer {
    const body = Buffer.concat([MAGIC, this.#bytes]);
    return Buffer.concat([body, sumOf(body)]);
  }

  inode(record: number): number {
    return Number(this.#unsigned[record * WORDS + 1]);
  }

  matches(record: number, stat: StatKey): boolean {
    const at = record * WORDS;
    return (
      this.#signed[at + 4] === stat.ctimeNs &&
      this.#signed[at + 3] === stat.mtimeNs &&
      this.#floats[at + 2] === stat.size &&
      this.#unsigned[at + 1] === stat.ino &&
      this.#unsigned[at] === stat.dev
    );
  }

  digest(record: number): FileDigest {
    const at = record * RECORD;
    return {
      hasXattrs: (this.#bytes[at + FLAGS]! & 1) !== 0,
      digest: this.#bytes.subarray(at + DIGEST, at + RECORD),
    };
  }

  age(record: number): number {
    return this.#bytes[record * RECORD + AGE]!;
  }

  write(record: number, stat: StatKey, { hasXattrs, digest }: FileDigest): void {
    const at = record * WORDS;
    this.#unsigned[at] = stat.dev;
    this.#unsigned[at + 1] = stat.ino;
    this.#floats[at + 2] = stat.size;
    this.#signed[at + 3] = stat.mtimeNs;
    this.#signed[at + 4] = stat.ctimeNs;
    this.#bytes[record * RECORD + FLAGS] = hasXattrs ? 1 : 0;
    this.#bytes.set(digest, record * RECORD + DIGEST);
  }

  copy(record: number, from: ContextRecords, source: number, age: number): void {
    this.#bytes.set(from.#bytes.subarray(source * RECORD, (source + 1) * RECORD), record * RECORD);
    this.#bytes[record * RECORD + AGE] = age;
  }
}

/** What of a stat tells that a file is still the same. */
export type StatKey = Pick<FileStat, 'dev' | 'ino' | 'size' | 'mtimeNs' | 'ctimeNs'>;

const MAGIC = Buffer.from('tsbuild ctxidx 1', 'latin1');
const RECORD = 80;
const WORDS = RECORD / 8;
const FLAGS = 40;
const AGE = 41;
const DIGEST = 48;
const SUM = 32;

function sumOf(body: Uint8Array): Buffer {
  return createHash('sha256').update(body).digest();
}
