import { availableParallelism } from 'node:os';
import type { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { StoreError } from '../errors.ts';
import { readable } from './compression.ts';
import { libzstd } from './libzstd.ts';

/**
 * Bytes that become one gzip member or zstd frame. Part of the format: with another size the blobs of equal layers
 * would differ.
 */
export const MEMBER = { gzip: 2 ** 20, zstd: 4 * 2 ** 20 };
/** gzip's header and trailer, and five bytes for each stored block. */
const GZIP_BOUND = MEMBER.gzip + 18 + 5 * Math.ceil(MEMBER.gzip / 16_383);
const DEFAULT_LEVEL = { gzip: 6, zstd: 3 };
/** Threads of libuv's pool: src/cli/launch.ts gives it as many as there are cores. */
const poolThreads = () => Number(process.env.UV_THREADPOOL_SIZE) || 4;

export interface CompressOptions {
  /** gzip 1 to 9 (default 6), zstd 1 to 19 (default 3). */
  readonly level?: number;
}

/**
 * Compresses in pieces of fixed size that are independent of each other (RFC 1952 section 2.2, RFC 8878 section 3.1),
 * several at once on libuv's thread pool. Neither the number of threads nor the chunks of `source` show in the result;
 * another version of zlib or libzstd may. What is held at once is bounded by the number of threads.
 *
 * Fails with `UNSUPPORTED` for zstd where neither Node nor the machine has it.
 */
export function compress(source: Readable, kind: 'gzip' | 'zstd', options: CompressOptions = {}): Readable {
  return readable(members(source, kind, options.level ?? DEFAULT_LEVEL[kind]));
}

async function* members(source: Readable, kind: 'gzip' | 'zstd', level: number): AsyncGenerator<Buffer> {
  yield* compressPieces(piecesOf(source, MEMBER[kind]), kind, level);
}

/**
 * The members that pieces of {@link MEMBER} bytes become (the last may be shorter, and is not empty unless it is the only
 * one), in order. `used` is told of each piece that is not needed any more.
 */
export async function* compressPieces(
  pieces: AsyncIterable<Buffer>,
  kind: 'gzip' | 'zstd',
  level = DEFAULT_LEVEL[kind],
  used: (piece: Buffer) => void = () => {},
): AsyncGenerator<Buffer> {
  const encode = kind === 'gzip' ? await gzipEncoder(level) : zstdEncoder(level);
  const atOnce = piecesAtOnce();
  const running: Promise<Buffer>[] = [];
  for await (const piece of pieces) {
    const member = encode(piece).finally(() => used(piece));
    // It is awaited later, or never when the reader goes away before.
    member.catch(() => {});
    running.push(member);
    if (running.length >= atOnce) yield await running.shift()!;
  }
  for (const member of running) yield await member;
}

/** Pieces under way in {@link compressPieces}. */
function piecesAtOnce(): number {
  return Math.min(availableParallelism(), poolThreads()) + 1;
}

/** The bytes of the source in pieces of `size`, the last one shorter; one empty piece when there are none. */
async function* piecesOf(source: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let piece: Buffer | undefined;
  let length = 0;
  let isFirst = true;
  for await (const chunk of source) {
    if (length === 0 && chunk.length === size) {
      // What the tar of a layer comes in: nothing needs to be copied.
      isFirst = false;
      yield chunk;
      continue;
    }
    for (let offset = 0; offset < chunk.length; ) {
      piece ??= Buffer.allocUnsafeSlow(size);
      const copied = chunk.copy(piece, length, offset);
      offset += copied;
      length += copied;
      if (length < size) continue;
      yield piece;
      isFirst = false;
      piece = undefined;
      length = 0;
    }
  }
  if (piece !== undefined) yield piece.subarray(0, length);
  else if (isFirst) yield Buffer.alloc(0);
}

type Encoder = (piece: Buffer) => Promise<Buffer>;

async function gzipEncoder(level: number): Promise<Encoder> {
  const zlib = await import('node:zlib');
  const gzip = promisify(zlib.gzip);
  const look = (sample: Buffer) => zlib.deflateRawSync(sample, { level: 1 }).length;
  // Room for the whole result has it made in one piece of work for the pool.
  return async (piece) =>
    isIncompressible(piece, look)
      ? storedMember(piece, zlib.crc32(piece))
      : gzip(piece, { level, chunkSize: GZIP_BOUND });
}

/** RFC 1952 section 2.3, without name and time; XFL and OS are as zlib has them. */
const GZIP_HEADER = Buffer.from('1f8b0800000000000003', 'hex');
const STORED_BLOCK = 65_535;

/** A gzip member that holds bytes as they are: RFC 1951 section 3.2.4. */
function storedMember(piece: Buffer, crc: number): Buffer {
  const blocks = Math.ceil(piece.length / STORED_BLOCK);
  const member = Buffer.allocUnsafeSlow(GZIP_HEADER.length + blocks * 5 + piece.length + 8);
  let at = GZIP_HEADER.copy(member);
  for (let start = 0; start < piece.length; start += STORED_BLOCK) {
    const length = Math.min(STORED_BLOCK, piece.length - start);
    at = member.writeUInt8(start + length === piece.length ? 1 : 0, at);
    at = member.writeUInt16LE(length, at);
    at = member.writeUInt16LE(length ^ 0xffff, at);
    at += piece.copy(member, at, start, start + length);
  }
  at = member.writeUInt32LE(crc, at);
  member.writeUInt32LE(piece.length, at);
  return member;
}

/** Bytes looked at, and in how many places. */
const SAMPLE = { bytes: 1024, places: 16 };

/**
 * Whether a piece looks as if it were compressed already (archives, pictures, wheels), for which deflate takes as long
 * as for anything else and gains nothing. Part of the format, as it decides about the blob's bytes.
 */
function isIncompressible(piece: Buffer, look: (sample: Buffer) => number): boolean {
  const { bytes, places } = SAMPLE;
  if (piece.length < 2 * bytes * places) return false;
  const step = Math.floor((piece.length - bytes) / (places - 1));
  if (looksRandom(piece, step)) return true;
  const sample = Buffer.concat(
    Array.from({ length: places }, (_, place) => piece.subarray(place * step, place * step + bytes)),
  );
  return look(sample) >= sample.length * 0.99;
}

/** Pearson's chi-squared of random bytes is about 255, and out of these bounds in one of some 300 cases. */
const RANDOM = { least: 190, most: 320 };

/**
 * Whether each byte is in the samples about as often as any other, as in what is random or encrypted: then deflate need not
 * be asked. What repeats is less even, or more, than chance has it.
 */
function looksRandom(piece: Buffer, step: number): boolean {
  const { bytes, places } = SAMPLE;
  const counts = new Uint32Array(256);
  for (let place = 0; place < places; place++) {
    const start = place * step;
    for (let at = start; at < start + bytes; at++) counts[piece[at]!]!++;
  }
  const expected = (bytes * places) / counts.length;
  let sum = 0;
  for (const count of counts) sum += (count - expected) ** 2;
  const squared = sum / expected;
  return squared > RANDOM.least && squared < RANDOM.most;
}

function zstdEncoder(level: number): Encoder {
  const library = libzstd();
  if (library === undefined)
    throw new StoreError(
      'UNSUPPORTED',
      'zstd',
      'Cannot compress with zstd: it takes Node 22.15, or libzstd.so.1 on this machine',
    );
  return async (piece) => {
    const target = Buffer.allocUnsafeSlow(Number(library.compressBound(piece.length)));
    return target.subarray(0, await library.compress(target, piece, level));
  };
}
