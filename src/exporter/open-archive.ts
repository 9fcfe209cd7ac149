import { Readable } from 'node:stream';
import { DETECT_BYTES, decompressAs, detectArchive } from '../../layers/index.ts';

/** The plain tar in a stream that may be compressed (gzip, zstd, xz, bzip2), told by its first bytes. */
export async function openArchive(source: Readable): Promise<Readable> {
  const chunks = source[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  const head: Buffer[] = [];
  let length = 0;
  while (length < DETECT_BYTES) {
    const { value, done } = await chunks.next();
    if (done === true) break;
    head.push(value);
    length += value.length;
  }
  const kind = detectArchive(Buffer.concat(head)) ?? 'tar';
  return decompressAs(
    Readable.from(rejoined(head, chunks), { objectMode: false, highWaterMark: 1 << 20 }),
    kind,
  );
}

async function* rejoined(head: readonly Buffer[], chunks: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  try {
    yield* head;
    for (let next = await chunks.next(); next.done !== true; next = await chunks.next()) yield next.value;
  } finally {
    await chunks.return?.();
  }
}
