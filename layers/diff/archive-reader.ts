import { Readable } from 'node:stream';
import type { BytePath } from '../snapshots/file-tree.ts';
import { invalidArchive } from './archive-error.ts';
import type { ArchiveLimits } from './archive-limits.ts';
import type { EntryType } from './tar-header.ts';
import { TarReader } from './tar-reader.ts';

/** A member of an archive that is read as a stream. */
export interface ArchiveEntry {
  /** Without leading `./` and slashes, else as the archive has it: a name, not a place on any disk. */
  readonly path: BytePath;
  readonly type: EntryType;
  /** Bytes. */
  readonly size: number;
  /** Target of a link, as the archive has it. */
  readonly linkpath: BytePath;
  /** The file's bytes, once, and only until the next entry is asked for; what is not read is passed over. */
  body(): Readable;
}

/**
 * The members of a plain tar, one after the other, without writing anything anywhere. Throws `INVALID_ARCHIVE`,
 * `LIMIT_EXCEEDED`; a sparse file counts as invalid, since nobody writes images so.
 */
export async function* readArchive(
  source: AsyncIterable<Uint8Array>,
  limits?: Partial<ArchiveLimits>,
): AsyncGenerator<ArchiveEntry, void, undefined> {
  const reader = new TarReader({ ...(limits && { limits }) });
  const chunks = source[Symbol.asyncIterator]();
  const step = async () => {
    for (;;) {
      const found = reader.next();
      if (found !== undefined) return found;
      const { done, value } = await chunks.next();
      if (done === true) return void reader.end();
      reader.feed(Buffer.from(value.buffer, value.byteOffset, value.byteLength));
    }
  };
  try {
    while ((await step()) !== undefined) {
      const { path, type, size, linkpath } = reader.entry;
      const file = new EntryBody(reader, step);
      yield { path: path.replace(/^(?:\.?\/+)+/, ''), type, size, linkpath, body: () => file.open() };
      await file.finish();
    }
  } finally {
    await chunks.return?.();
  }
}

/** The bytes of the reader's current entry. */
class EntryBody {
  private ended = false;
  private position = 0;
  private stream: Readable | undefined;
  private pulling: Promise<Buffer | undefined> | undefined;

  constructor(
    private readonly reader: TarReader,
    private readonly step: () => Promise<'entry' | 'data' | 'end' | undefined>,
  ) {}

  open(): Readable {
    const read = (): void => {
      this.pulling = this.pull();
      this.pulling.then(
        (chunk) => this.stream!.destroyed || this.stream!.push(chunk ?? null),
        (error: Error) => this.stream!.destroy(error),
      );
    };
    this.stream ??= new Readable({ read, highWaterMark: 1 << 18 });
    return this.stream;
  }

  /** Passes over what was not read, after a read that may be under way. */
  async finish(): Promise<void> {
    await this.pulling;
    if (this.stream?.readableEnded === false) this.stream.destroy();
    while ((await this.pull()) !== undefined);
  }

  private async pull(): Promise<Buffer | undefined> {
    if (this.ended) return undefined;
    if ((await this.step()) === 'data') {
      const { chunk, start, end, position } = this.reader.data;
      if (position !== this.position) throw this.sparse();
      this.position += end - start;
      return chunk.subarray(start, end);
    }
    this.ended = true;
    if (this.position !== this.reader.entry.size) throw this.sparse();
    return undefined;
  }

  private sparse(): Error {
    return invalidArchive(this.reader.entry.path, 'Cannot read the archive: it holds a sparse file');
  }
}
