import { BLOCK } from './tar-header.ts';

/** Where a reader is in the chunks it was given. No byte is copied but blocks that lie across two chunks. */
export class ChunkCursor {
  chunk: Buffer = Buffer.alloc(0);
  offset = 0;
  /** The block last taken: in a buffer, from an offset on. */
  block: Buffer = this.chunk;
  blockOffset = 0;

  readonly #scratch = Buffer.alloc(BLOCK);
  #scratched = 0;

  /** The next chunk; the one before has to be used up. */
  feed(chunk: Buffer): void {
    this.chunk = chunk;
    this.offset = 0;
  }

  get available(): number {
    return this.chunk.length - this.offset;
  }

  /** Whether part of a block was taken. */
  get isInBlock(): boolean {
    return this.#scratched > 0;
  }

  /** Makes the next block available; false when the chunk ends in it. */
  takeBlock(): boolean {
    if (this.#scratched === 0 && this.available >= BLOCK) {
      this.block = this.chunk;
      this.blockOffset = this.offset;
      this.offset += BLOCK;
      return true;
    }
    this.#scratched = this.copyTo(this.#scratch, this.#scratched);
    if (this.#scratched < BLOCK) return false;
    this.#scratched = 0;
    this.block = this.#scratch;
    this.blockOffset = 0;
    return true;
  }

  /** Fills the target from `start` on, as far as the chunk goes; returns where it stopped. */
  copyTo(target: Buffer, start: number): number {
    const length = Math.min(target.length - start, this.available);
    this.chunk.copy(target, start, this.offset, this.offset + length);
    this.offset += length;
    return start + length;
  }

  /** Passes over up to `length` bytes; returns how many are left to pass. */
  skip(length: number): number {
    const passed = Math.min(length, this.available);
    this.offset += passed;
    return length - passed;
  }
}
