import { addressOf } from '../linux/inode.ts';
import { invalidArchive } from './archive-error.ts';
import { type LibZstd, libzstd } from './libzstd.ts';

const OUTPUT_CHUNK = 2 ** 20;

/**
 * Decodes zstd, RFC 8878, of any number of frames, skippable ones passed over; anything else behind them is an error.
 * By libzstd, which is several times as fast as the decoder in JavaScript that serves where there is none.
 */
export function unzstd(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const library = libzstd();
  return library === undefined ? unzstdInScript(source) : unzstdNatively(source, library);
}

async function* unzstdNatively(source: AsyncIterable<Buffer>, library: LibZstd): AsyncGenerator<Buffer> {
  const stream = library.createDStream();
  const input = new StreamBuffer();
  const output = new StreamBuffer();
  /** What the library expects still of the frame; 0 between frames. */
  let expected = 0;
  let isEmpty = true;
  try {
    for await (const chunk of source) {
      isEmpty &&= chunk.length === 0;
      input.set(chunk);
      let isFull = false;
      // A frame that is complete has given all its bytes.
      while (input.position < chunk.length || (isFull && expected !== 0)) {
        const target = Buffer.allocUnsafeSlow(OUTPUT_CHUNK);
        output.set(target);
        expected = await library.decompressStream(stream, output.struct, input.struct);
        const length = output.position;
        isFull = length === OUTPUT_CHUNK;
        if (length > 0) yield target.subarray(0, length);
      }
    }
  } finally {
    library.freeDStream(stream);
  }
  if (expected !== 0 || isEmpty) throw cut();
}

/** `ZSTD_inBuffer` or `ZSTD_outBuffer`: address, size, position. */
class StreamBuffer {
  readonly struct = Buffer.alloc(24);

  set(bytes: Buffer): void {
    this.struct.writeBigUInt64LE(addressOf(bytes), 0);
    this.struct.writeBigUInt64LE(BigInt(bytes.length), 8);
    this.struct.writeBigUInt64LE(0n, 16);
  }

  get position(): number {
    return Number(this.struct.readBigUInt64LE(16));
  }
}

/** The decoder gives all it can at once; of so much input that is at most some 30 MiB. */
const SCRIPT_INPUT = 1024;

/** {@link unzstd} in JavaScript. It does not verify checksums of frames. */
export async function* unzstdInScript(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const { Decompress } = await import('fzstd');
  const pieces: Buffer[] = [];
  const decoder = new Decompress((piece) => pieces.push(Buffer.from(piece)));
  for await (const chunk of source) {
    for (let at = 0; at < chunk.length; at += SCRIPT_INPUT) {
      decoder.push(chunk.subarray(at, at + SCRIPT_INPUT));
      yield* pieces.splice(0);
    }
  }
  decoder.push(new Uint8Array(0), true);
  yield* pieces.splice(0);
}

function cut() {
  return invalidArchive('', 'Cannot decompress zstd data: it is cut short');
}
