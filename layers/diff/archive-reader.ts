import type { Readable } from 'node:stream';
import type { ArchiveLimits } from './archive-limits.ts';
import { readable } from './compression.ts';
import type { TarEntry } from './tar-entry.ts';
import { TarReader } from './tar-reader.ts';

/** An entry of a foreign archive with its bytes. */
export interface ArchiveEntry extends TarEntry {
  /** Bytes of a file, holes filled. To be read, if at all, before the next entry is asked for. */
  readonly body: Readable;
}

const ZEROS = Buffer.alloc(64 * 1024);

/**
 * The entries of a tar that somebody else made, in their order, as it streams by: a `load`, a build context. Paths
 * are as the archive has them: {@link cleanEntryPath} confines them. Bytes after the end marker do not matter.
 * Throws `INVALID_ARCHIVE` and `LIMIT_EXCEEDED`.
 */
export async function* readArchive(
  tar: AsyncIterable<Buffer>,
  limits: Partial<ArchiveLimits> = {},
): AsyncGenerator<ArchiveEntry> {
  const steps = new StepReader(tar, limits);
  try {
    for (let step = await steps.next(); step !== undefined; step = await steps.next()) {
      // What is left of the body before.
      if (typeof step !== 'object' || !('entry' in step)) continue;
      const body = readable(bodyOf(steps, step.entry.size));
      yield { ...step.entry, body };
      body.destroy();
    }
  } finally {
    await steps.close();
  }
}

async function* bodyOf(steps: StepReader, size: number): AsyncGenerator<Buffer> {
  let position = 0;
  for (
    let step = await steps.next();
    typeof step === 'object' && 'bytes' in step;
    step = await steps.next()
  ) {
    yield* zeros(step.position - position);
    yield step.bytes;
    position = step.position + step.bytes.length;
  }
  yield* zeros(size - position);
}

function* zeros(length: number): Generator<Buffer> {
  for (let left = length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left);
}

type Step = { readonly entry: TarEntry } | { readonly bytes: Buffer; readonly position: number } | 'end';

/** The steps of a {@link TarReader}, with the chunks fetched when needed. Undefined after the last. */
class StepReader {
  readonly #reader: TarReader;
  readonly #chunks: AsyncIterator<Buffer>;
  /** One at a time: a body that is left half-read may still wait for its next bytes. */
  #last: Promise<Step | undefined> = Promise.resolve(undefined);

  constructor(tar: AsyncIterable<Buffer>, limits: Partial<ArchiveLimits>) {
    this.#reader = new TarReader({ limits, trailer: 'any' });
    this.#chunks = tar[Symbol.asyncIterator]();
  }

  next(): Promise<Step | undefined> {
    this.#last = this.#last.then(() => this.#step());
    return this.#last;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #step(): Promise<Step | undefined> {
    const reader = this.#reader;
    for (;;) {
      const kind = reader.next();
      if (kind === 'entry') return { entry: reader.entry };
      if (kind === 'end') return kind;
      if (kind === 'data') {
        const { chunk, start, end, position } = reader.data;
        return { bytes: chunk.subarray(start, end), position };
      }
      const { value, done } = await this.#chunks.next();
      if (done === true) {
        reader.end();
        return undefined;
      }
      reader.feed(value);
    }
  }
}
