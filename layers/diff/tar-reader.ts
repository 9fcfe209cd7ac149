import { archiveError, invalidArchive } from './archive-error.ts';
import { type ArchiveLimits, defaultLimits } from './archive-limits.ts';
import { ChunkCursor } from './chunk-cursor.ts';
import { checkGlobal, type Extension, type MergedEntry, mergeEntry } from './merge-entry.ts';
import { decodePaxRecords } from './pax.ts';
import { checkSparseMap, MapLines, OldMap, type SparseMap, type SparseMapReader } from './sparse.ts';
import type { TarEntry } from './tar-entry.ts';
import { BLOCK, type DecodedHeader, decodeHeader, isZeroBlock } from './tar-header.ts';

/** Bytes of the current file: `chunk` from `start` to `end`, to be put at `position` of the file. */
export interface DataPiece {
  chunk: Buffer;
  start: number;
  end: number;
  position: number;
}

/** What comes next; what is being collected for it. */
type State = 'header' | 'meta' | 'map' | 'body' | 'padding' | 'half-end' | 'trailer';

const EMPTY = Buffer.alloc(0);
const ZEROS = Buffer.alloc(64 * 1024);

/**
 * Reads a tar that comes in chunks of any size: `feed` one, then call `next` until it says undefined.
 *
 * Reads what Go's archive/tar reads (so what Docker does), and refuses what readers are known to disagree on.
 */
export class TarReader {
  /** The entry last announced by `next() === 'entry'`. */
  entry!: TarEntry;
  /** The piece last announced by `next() === 'data'`; the same object every time. */
  readonly data: DataPiece = { chunk: EMPTY, start: 0, end: 0, position: 0 };
  /** Entries announced so far. */
  entries = 0;

  readonly #limits: ArchiveLimits;
  readonly #isTrailerFree: boolean;
  readonly #cursor = new ChunkCursor();
  #state: State = 'header';
  /** Bytes fed, and the sum of the sizes of files. */
  #fed = 0;
  #sizes = 0;

  #header: DecodedHeader | undefined;
  /** A header that tells about the next entry, with its padding, as far as it has come. */
  #meta: Buffer = EMPTY;
  #metaLength = 0;
  #extension: Extension | undefined;
  /** An entry whose map is still to come. */
  #merged: MergedEntry | undefined;
  #mapReader: SparseMapReader | undefined;

  /** Of the file announced: its map if it has holes, and the number of the current piece. */
  #map: SparseMap | undefined;
  #piece = 0;
  /** Stored bytes still to come: of the piece, of the file, and then of padding. */
  #pieceLeft = 0;
  #left = 0;
  #padding = 0;

  /** @param options.trailer What may follow the end of the archive: only zeros (default), or anything. */
  constructor(
    options: { readonly limits?: Partial<ArchiveLimits>; readonly trailer?: 'zeros' | 'any' } = {},
  ) {
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#isTrailerFree = options.trailer === 'any';
  }

  /** Gives the next bytes; the chunk before has to be used up. It must not change until it is, too. */
  feed(chunk: Buffer): void {
    this.#fed += chunk.length;
    if (this.#fed > this.#limits.bytes) throw exceeded('is longer than', this.#limits.bytes, 'bytes');
    this.#cursor.feed(chunk);
  }

  /** To be called after the last chunk. Throws `INVALID_ARCHIVE` when the archive is cut short. */
  end(): void {
    const isBetween =
      this.#state === 'half-end' || (this.#state === 'header' && this.#extension === undefined);
    if (this.#state !== 'trailer' && (!isBetween || this.#cursor.isInBlock))
      throw invalidArchive('', 'Cannot read the archive: it ends in the middle of an entry');
  }

  /** Undefined: all that was fed is used up. */
  next(): 'entry' | 'data' | 'end' | undefined {
    for (;;) {
      switch (this.#state) {
        case 'body':
          return this.#nextData();
        case 'trailer':
          this.#takeTrailer();
          return undefined;
        case 'padding':
          this.#padding = this.#cursor.skip(this.#padding);
          if (this.#padding > 0) return undefined;
          this.#state = 'header';
          break;
        case 'meta':
          this.#metaLength = this.#cursor.copyTo(this.#meta, this.#metaLength);
          if (this.#metaLength < this.#meta.length) return undefined;
          this.#takeMeta();
          break;
        default:
          if (!this.#cursor.takeBlock()) return undefined;
          if (this.#takeBlock()) return 'entry';
      }
    }
  }

  /** A block that is no content. True when it completes what is to be known of an entry. */
  #takeBlock(): boolean {
    const { block, blockOffset } = this.#cursor;
    if (this.#state === 'map') return this.#takeMap(block, blockOffset);
    const isZero = block[blockOffset] === 0 && isZeroBlock(block, blockOffset);
    if (this.#state === 'half-end') {
      if (!isZero) throw invalidArchive('', 'Cannot read the archive: entries follow an end marker');
      this.#state = 'trailer';
      return false;
    }
    if (!isZero) return this.#takeHeader(decodeHeader(block, blockOffset));
    if (this.#extension !== undefined)
      throw invalidArchive('', 'Cannot read the archive: it ends after an extended header');
    this.#state = 'half-end';
    return false;
  }

  #takeHeader(header: DecodedHeader): boolean {
    this.#header = header;
    switch (header.type) {
      case 'pax':
      case 'global':
      case 'long-name':
      case 'long-link':
        this.#startMeta(header);
        return false;
      default:
        this.#merged = this.#merge(header);
        this.#extension = undefined;
        return this.#startEntry(this.#merged);
    }
  }

  #startMeta({ type, size, path }: DecodedHeader): void {
    if (size > this.#limits.headerBytes)
      throw exceeded('has a header longer than', this.#limits.headerBytes, 'bytes');
    const key = type === 'pax' ? 'pax' : type === 'long-name' ? 'longName' : 'longLink';
    const isOutOfPlace =
      type === 'global' ? this.#extension !== undefined : this.#extension?.[key] !== undefined;
    if (isOutOfPlace || size < 0)
      throw invalidArchive(path, 'Cannot read the archive: extended headers contradict each other');
    // With its padding: see longText.
    this.#meta = Buffer.allocUnsafe(Math.ceil(size / BLOCK) * BLOCK);
    this.#metaLength = 0;
    this.#state = 'meta';
  }

  #takeMeta(): void {
    const { type, size } = this.#header!;
    const body = this.#meta.subarray(0, size);
    if (type === 'global') checkGlobal(decodePaxRecords(body));
    else {
      this.#extension ??= {};
      if (type === 'pax') this.#extension.pax = decodePaxRecords(body);
      else this.#extension[type === 'long-name' ? 'longName' : 'longLink'] = longText(this.#meta, size);
    }
    this.#meta = EMPTY;
    this.#state = 'header';
  }

  /** The entry of a header and what came before it, counted against the limits. */
  #merge(header: DecodedHeader): MergedEntry {
    const { block, blockOffset } = this.#cursor;
    const oldMap = header.type === 'sparse' ? new OldMap(block, blockOffset) : undefined;
    const merged = mergeEntry(header, this.#extension ?? {}, oldMap);
    const { size, path, linkpath } = merged.entry;
    const { entries, bytes, pathBytes } = this.#limits;
    if (++this.entries > entries) throw exceeded('has more than', entries, 'entries');
    this.#sizes += size;
    if (this.#sizes > bytes) throw exceeded('unpacks to more than', bytes, 'bytes');
    if (path.length > pathBytes || linkpath.length > pathBytes)
      throw exceeded('has a path longer than', pathBytes, 'bytes');
    return merged;
  }

  #startEntry({ entry, stored, pieces, mapReader }: MergedEntry): boolean {
    this.#map = undefined;
    if (pieces !== undefined) this.#map = checkSparseMap({ pieces, size: entry.size }, stored);
    if (mapReader === undefined) return this.#announce(entry, stored);
    this.#mapReader = mapReader;
    this.#state = 'map';
    return false;
  }

  #takeMap(block: Buffer, offset: number): boolean {
    const reader = this.#mapReader!;
    const isComplete = reader.push(block, offset);
    if (reader.length > this.#limits.headerBytes)
      throw exceeded('has a sparse map longer than', this.#limits.headerBytes, 'bytes');
    if (!isComplete) return false;
    const { entry, stored } = this.#merged!;
    // In the newest format the map counts as stored.
    const left = reader instanceof MapLines ? stored - reader.length : stored;
    this.#map = checkSparseMap({ pieces: reader.pieces(), size: entry.size }, left);
    return this.#announce(entry, left);
  }

  #announce(entry: TarEntry, stored: number): true {
    this.entry = entry;
    this.#left = stored;
    this.#padding = -stored & (BLOCK - 1);
    this.#piece = 0;
    this.#pieceLeft = this.#map === undefined ? stored : (this.#map.pieces[0]?.[1] ?? 0);
    this.#state = 'body';
    return true;
  }

  #nextData(): 'data' | 'end' | undefined {
    if (this.#left === 0) {
      this.#state = 'padding';
      return 'end';
    }
    const { chunk, offset, available } = this.#cursor;
    const length = Math.min(this.#pieceLeft, available);
    if (length === 0) return undefined;
    const { data } = this;
    data.chunk = chunk;
    data.start = offset;
    data.end = offset + length;
    data.position = this.#position();
    this.#cursor.skip(length);
    this.#left -= length;
    this.#pieceLeft -= length;
    if (this.#pieceLeft === 0 && this.#left > 0) this.#pieceLeft = this.#map!.pieces[++this.#piece]![1];
    return 'data';
  }

  /** Where in the file the next byte belongs. */
  #position(): number {
    if (this.#map === undefined) return this.entry.size - this.#left;
    const [offset, length] = this.#map.pieces[this.#piece]!;
    return offset + length - this.#pieceLeft;
  }

  #takeTrailer(): void {
    const { chunk, offset, available } = this.#cursor;
    this.#cursor.skip(available);
    if (this.#isTrailerFree) return;
    for (let at = offset; at < chunk.length; at += ZEROS.length) {
      const part = chunk.subarray(at, at + ZEROS.length);
      if (part.compare(ZEROS, 0, part.length) !== 0)
        throw invalidArchive('', 'Cannot read the archive: bytes follow its end marker');
    }
  }
}

function exceeded(what: string, limit: number, unit: string) {
  return archiveError('LIMIT_EXCEEDED', '', `Cannot read the archive: it ${what} ${limit} ${unit}`);
}

/** GNU's long names end with a NUL, and some readers look for it in the padding, not heeding the size. */
function longText(padded: Buffer, size: number): string {
  const end = padded.indexOf(0);
  if (end > size) throw invalidArchive('', 'Cannot read the archive: a long name goes on behind its end');
  return padded.toString('latin1', 0, end < 0 ? size : end);
}
