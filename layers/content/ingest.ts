import { closeSync, fstatSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { StoreError } from '../errors.ts';
import type { FileLease } from '../gc/lease.ts';
import { fileNameOf, type Layout } from '../layout.ts';
import { createHash } from '../linux/hash.ts';
import { ifPresent } from '../linux/if-present.ts';
import { algorithmOf, type Digest } from '../oci/digest.ts';
import type { BlobInfo, Ingest } from './content-store.ts';

type Algorithm = ReturnType<typeof algorithmOf>;

/** Bytes of a transfer that broke off that are worth keeping. */
const WORTH_KEEPING = 1 << 16;
const CHUNK = 1 << 20;

/** A blob on its way in: a private file of this process, hashed as it is written, renamed when it is whole. */
export class FileIngest implements Ingest {
  readonly #layout: Layout;
  readonly #lease: FileLease;
  readonly #algorithm: Algorithm;
  readonly #path: string;
  readonly #hash;
  #fd: number | undefined;
  #size = 0;
  #digest: Digest | undefined;

  readonly #resumed: Digest | undefined;

  /** `resumed`: the blob that this is to become, when it may go on where an earlier transfer of it broke off. */
  constructor(layout: Layout, lease: FileLease, algorithm: Algorithm = 'sha256', resumed?: Digest) {
    this.#layout = layout;
    this.#lease = lease;
    this.#algorithm = algorithm;
    this.#hash = createHash(algorithm);
    this.#resumed = resumed;
    // The name tells what it is, so that what a killed process leaves can be gone on with, too.
    this.#path = `${lease.ingestPath()}${resumed === undefined ? '' : `.${fileNameOf(resumed)}`}`;
    this.#fd = (resumed && this.#takeOver(resumed)) ?? openSync(this.#path, 'wx', 0o600);
  }

  /** Whoever renames it has it. */
  #takeOver(digest: Digest): number | undefined {
    return ifPresent(() => {
      renameSync(this.#layout.partial(digest), this.#path);
      return openSync(this.#path, 'r+');
    });
  }

  /** The bytes of an earlier transfer, as if they were written now. To be read to the end before anything is written. */
  *replay(): Generator<Buffer> {
    const { size } = fstatSync(this.#assertOpen());
    while (this.#size < size) {
      const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK, size - this.#size));
      const length = readSync(this.#assertOpen(), chunk, 0, chunk.length, this.#size);
      if (length === 0) return;
      const bytes = chunk.subarray(0, length);
      this.#hash.update(bytes);
      this.#size += length;
      yield bytes;
    }
  }

  /** Bytes written so far. */
  get size(): number {
    return this.#size;
  }

  write(chunk: Uint8Array): void {
    const fd = this.#assertOpen();
    this.#hash.update(chunk);
    try {
      for (let done = 0; done < chunk.length; )
        done += writeSync(fd, chunk, done, chunk.length - done, this.#size + done);
    } catch (cause) {
      const { message } = cause as Error;
      throw new StoreError('SYSTEM', this.#layout.root, `Cannot write a blob to the store: ${message}`, {
        cause,
      });
    }
    this.#size += chunk.length;
  }

  async fill(writer: (fd: number) => Promise<BlobInfo>): Promise<void> {
    const { digest, size } = await writer(this.#assertOpen());
    this.#digest = digest;
    this.#size = size;
  }

  /** Ends the blob without keeping it yet. Throws `DIGEST_MISMATCH`; `commit` or `abort` follows. */
  verify(expected: Digest): void {
    const digest = this.#finish(algorithmOf(expected));
    if (digest === expected) return;
    throw new StoreError('DIGEST_MISMATCH', expected, `Expected blob ${expected}, but got ${digest}`);
  }

  commit(expected?: Digest): BlobInfo {
    this.#assertOpen();
    try {
      if (expected !== undefined) this.verify(expected);
      const digest = this.#digest ?? this.#finish(this.#algorithm);
      this.#lease.hold('blob', digest, () => {
        renameSync(this.#path, this.#layout.blob(digest));
        return true;
      });
      this.#close();
      return { digest, size: this.#size };
    } catch (error) {
      this.abort();
      throw error;
    }
  }

  abort(): void {
    if (this.#fd === undefined) return;
    this.#close();
    rmSync(this.#path, { force: true });
  }

  /** Ends it, and keeps what is there for the next transfer of the same blob. */
  suspend(): void {
    if (this.#fd === undefined) return;
    const digest = this.#size < WORTH_KEEPING ? undefined : this.#resumed;
    if (digest === undefined) {
      this.abort();
      return;
    }
    this.#close();
    ifPresent(() => renameSync(this.#path, this.#layout.partial(digest)));
  }

  /** The digest of what was written; nothing may be written after it. */
  #finish(algorithm: Algorithm): Digest {
    this.#assertOpen();
    if (this.#digest === undefined || algorithmOf(this.#digest) !== algorithm) {
      const hex = algorithm === this.#algorithm ? this.#hash.digest('hex') : hashFile(this.#path, algorithm);
      this.#digest = `${algorithm}:${hex}` as Digest;
    }
    return this.#digest;
  }

  #close(): void {
    closeSync(this.#assertOpen());
    this.#fd = undefined;
  }

  #assertOpen(): number {
    if (this.#fd === undefined)
      throw new StoreError('SYSTEM', this.#path, 'The blob is already committed or given up');
    return this.#fd;
  }
}

function hashFile(path: string, algorithm: Algorithm): string {
  const hash = createHash(algorithm);
  const buffer = Buffer.allocUnsafe(1 << 20);
  const fd = openSync(path, 'r');
  try {
    for (let length = readSync(fd, buffer); length > 0; length = readSync(fd, buffer))
      hash.update(buffer.subarray(0, length));
  } finally {
    closeSync(fd);
  }
  return hash.digest('hex');
}
