import { invalidArchive } from './archive-error.ts';

/** The longest compressed block: 900,000 bytes, and some for its tables. */
const MAX_BLOCK = 950_000;

/**
 * Decodes bzip2 streams, one after the other, block by block: what is held is one block in and one out, where the
 * package's own stream decodes all it has at the end, however much that becomes.
 */
export async function* bunzip2(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const decoder = await startDecoder();
  for await (const chunk of source) {
    decoder.feed(chunk);
    while (decoder.available >= MAX_BLOCK) yield* decoder.next();
  }
  while (decoder.available > 0) yield* decoder.next();
  decoder.finish();
}

async function startDecoder() {
  const { default: bitIterator } = await import('unbzip2-stream/lib/bit_iterator.js');
  const { default: bzip2 } = await import('unbzip2-stream/lib/bzip2.js');
  const queue: Buffer[] = [Buffer.alloc(0)];
  const take = () => {
    const chunk = queue.shift();
    if (chunk === undefined) throw cut();
    return chunk;
  };
  const bits = bitIterator(take);
  const block = new BlockBuffer();
  let received = 0;
  /** Of the current stream; none between two. */
  let work: Int32Array | undefined;
  let checksum = 0;
  return {
    feed(chunk: Buffer): void {
      queue.push(chunk);
      received += chunk.length;
    },
    get available(): number {
      return received - bits.bytesRead;
    },
    /** Reads a stream's header, or one block, which is what it gives. */
    next(): Buffer[] {
      if (work === undefined) {
        work = new Int32Array(100_000 * bzip2.header(bits));
        checksum = 0;
        return [];
      }
      const sum = bzip2.decompress(bits, (byte) => block.push(byte), work, work.length, checksum);
      if (sum === null) work = undefined;
      else checksum = sum;
      return sum === null ? [] : [block.take()];
    },
    finish(): void {
      if (received === 0 || work !== undefined) throw cut();
    },
  };
}

function cut() {
  return invalidArchive('', 'Cannot decompress bzip2 data: it is cut short');
}

/** Bytes of one block, which its runs may make fifty times as long as it was. */
class BlockBuffer {
  #bytes = Buffer.allocUnsafe(2 ** 20);
  #length = 0;

  push(byte: number): void {
    if (this.#length === this.#bytes.length)
      this.#bytes = Buffer.concat([this.#bytes], 2 * this.#bytes.length);
    this.#bytes[this.#length++] = byte;
  }

  take(): Buffer {
    const taken = Buffer.from(this.#bytes.subarray(0, this.#length));
    this.#length = 0;
    return taken;
  }
}
