import type { Gunzip } from 'node:zlib';
import { invalidArchive } from './archive-error.ts';

const OUTPUT_CHUNK = 2 ** 20;
const EMPTY = Buffer.alloc(0);

/**
 * Decodes gzip, RFC 1952, of any number of members. After the last one only zeros may follow (padding of tapes and
 * of some tools, which hides nothing): zlib by itself would pass over anything behind a zero.
 */
export async function* gunzip(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { createGunzip } = await import('node:zlib');
  const iterator = source[Symbol.asyncIterator]();
  const engine = createGunzip({ chunkSize: OUTPUT_CHUNK });
  const feed = feedEngine(engine, iterator);
  try {
    for await (const piece of engine) yield piece as Buffer;
    const { last, fed } = await feed;
    checkPadding(last.subarray(last.length - (fed - engine.bytesWritten)));
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
      checkPadding(next.value);
  } finally {
    engine.destroy();
    await iterator.return?.();
  }
}

/** Writes to the engine until the source or the engine ends. Gives the last chunk written and the bytes of all. */
async function feedEngine(
  engine: Gunzip,
  iterator: AsyncIterator<Buffer>,
): Promise<{ readonly last: Buffer; readonly fed: number }> {
  let last: Buffer = EMPTY;
  let fed = 0;
  let isEnded = false;
  const ended = new Promise<void>((resolve) => {
    const end = () => {
      isEnded = true;
      resolve();
    };
    engine.once('end', end).once('close', end);
  });
  try {
    while (!isEnded) {
      const next = await iterator.next();
      if (next.done === true) {
        engine.end();
        break;
      }
      last = next.value;
      fed += last.length;
      await Promise.race([ended, new Promise((resolve) => engine.write(last, resolve))]);
    }
  } catch (error) {
    engine.destroy(error as Error);
  }
  return { last, fed };
}

function checkPadding(bytes: Buffer): void {
  if (bytes.some((byte) => byte !== 0))
    throw invalidArchive('', 'Cannot decompress gzip data: something else follows it');
}
