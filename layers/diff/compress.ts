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
const MEMBER = { gzip: 2 ** 20, zstd: 4 * 2 ** 20 };
const DEFAULT_LEVEL = { gzip: 6, zstd: 3 };
/** Threads of libuv's pool, unless told otherwise at start. */
const POOL_THREADS = 4;

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
  const encode = kind === 'gzip' ? await gzipEncoder(level) : zstdEncoder(level);
  const atOnce = Math.min(availableParallelism(), POOL_THREADS) + 1;
  const running: Promise<Buffer>[] = [];
  for await (const piece of piecesOf(source, MEMBER[kind])) {
    const member = encode(piece);
    // It is awaited later, or never when the reader goes away before.
    member.catch(() => {});
    running.push(member);
    if (running.length >= atOnce) yield await running.shift()!;
  }
  for (const member of running) yield await member;
}

/** The bytes of the source in pieces of `size`, the last one shorter; one empty piece when there are none. */
async function* piecesOf(source: AsyncIterable<Buffer>, size: number): AsyncGenerator<Buffer> {
  let piece = Buffer.allocUnsafeSlow(size);
  let length = 0;
  let isFirst = true;
  for await (const chunk of source) {
    for (let offset = 0; offset < chunk.length; ) {
      const copied = chunk.copy(piece, length, offset);
      offset += copied;
      length += copied;
      if (length < size) continue;
      yield piece;
      isFirst = false;
      piece = Buffer.allocUnsafeSlow(size);
      length = 0;
    }
  }
  if (length > 0 || isFirst) yield piece.subarray(0, length);
}

type Encoder = (piece: Buffer) => Promise<Buffer>;

async function gzipEncoder(level: number): Promise<Encoder> {
  const gzip = promisify((await import('node:zlib')).gzip);
  return (piece) => gzip(piece, { level });
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
