import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataPiece } from './tar-reader.ts';

/** Files up to this size are held in memory. */
const IN_MEMORY = 8 * 2 ** 20;

/** The bytes of one file at a time, put together from the pieces of an archive. */
export class FileSpool {
  readonly #temporary: string;
  #size = 0;
  /** What holds the bytes: nothing yet, the chunk itself, memory, or a file without a name. */
  #bytes: Buffer | undefined;
  #fd = -1;

  constructor(temporary: string = tmpdir()) {
    this.#temporary = temporary;
  }

  /** Begins a file of `size` bytes, holes included. */
  start(size: number): void {
    this.#size = size;
    this.#bytes = undefined;
    if (size > IN_MEMORY) this.#fd = unnamedFile(this.#temporary);
  }

  write({ chunk, start, end, position }: DataPiece): void {
    if (this.#fd >= 0) {
      for (let at = start; at < end; ) at += writeSync(this.#fd, chunk, at, end - at, position + at - start);
      return;
    }
    if (end - start === this.#size) {
      this.#bytes = chunk.subarray(start, end);
      return;
    }
    this.#bytes ??= Buffer.alloc(this.#size);
    chunk.copy(this.#bytes, position, start, end);
  }

  /** The whole file; valid until `release`. */
  take(): Buffer | { readonly fd: number; readonly size: number } {
    if (this.#fd < 0) return this.#bytes ?? Buffer.alloc(this.#size);
    // Its last bytes may be a hole.
    ftruncateSync(this.#fd, this.#size);
    return { fd: this.#fd, size: this.#size };
  }

  release(): void {
    this.#bytes = undefined;
    if (this.#fd >= 0) closeSync(this.#fd);
    this.#fd = -1;
  }
}

function unnamedFile(folder: string): number {
  const own = mkdtempSync(join(folder, 'tsbuild-'));
  try {
    return openSync(join(own, 'file'), 'wx+', 0o600);
  } finally {
    rmSync(own, { recursive: true });
  }
}
