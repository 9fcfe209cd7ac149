import { archiveError, invalidArchive } from './archive-error.ts';
import { type ArchiveLimits, defaultLimits } from './archive-limits.ts';
import { checkGlobal, type Extension, type MergedEntry, mergeEntry } from './merge-entry.ts';
import { decodePaxRecords } from './pax.ts';
import { checkSparseMap, decodeOldPieces, MapLines, type SparseMap } from './sparse.ts';
import type { TarEntry } from './tar-entry.ts';
import { BLOCK, type DecodedHeader, decodeHeader, decodeNumber, isZeroBlock } from './tar-header.ts';

/** Bytes of the current file: `chunk` from `start` to `end`, to be put at `position` of the file. */
export interface DataPiece {
  chunk: Buffer;
  start: number;
  end: number;
  position: number;
}

type Step = 'entry' | 'data' | 'end';
type State = 'header' | 'meta' | 'old-map' | 'map-lines' | 'body' | 'padding' | 'half-end' | 'trailer';

const EMPTY = Buffer.alloc(0);
const ZEROS = Buffer.alloc(64 * 1024);

/**
 * Reads a tar that comes in chunks of any size: `feed` one, then call `next` until it says undefined. No byte is
 * copied but headers that lie across two chunks.
 *
 * Reads what Go's archive/tar reads (so what Docker does), and refuses what readers are known to disagree on.
 */
export class TarReader {
  /** The entry last announced by `next() === 'entry'`. */
  entry!: TarEntry;
  /** The piece last announced by `next() === 'data'`; the same object every time. */
  readonly data: DataPiece = { chunk: EMPTY, start: 0, end: 0, position: 0 };

  readonly #limits: ArchiveLimits;
  readonly #strictTrailer: boolean;
  #state: State = 'header';
  #chunk: Buffer = EMPTY;
  #offset = 0;
  readonly #scratch = Buffer.alloc(BLOCK);
  #scratched = 0;
  #block: Buffer = EMPTY;
  #blockOffset = 0;
  /** Bytes still to pass over before the next header. */
  #padding = 0;
  #header: DecodedHeader | undefined;
  #meta: Buffer = EMPTY;
  #metaLength = 0;
  #extension: Extension | undefined;
  #merged: MergedEntry | undefined;
  #pieces: (readonly [number, number])[] = [];
  #mapLines: MapLines | undefined;
  #map: SparseMap | undefined;
  #piece = 0;
  /** Stored bytes of the file still to come, and of the current piece of it. */
  #left = 0;
  #pieceLeft = 0;
  #fed = 0;
  #entries = 0;
  #sizes = 0;

  /** @param options.trailer What may follow the end of the archive: only zeros (default), or anything. */
  constructor(
    options: { readonly limits?: Partial<ArchiveLimits>; readonly trailer?: 'zeros' | 'any' } = {},
  ) {
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#strictTrailer = options.trailer !== 'any';
  }

  /** Entries announced so far. */
  get entries(): number {
    return this.#entries;
  }

  /** Gives the next bytes; the chunk before has to be used up. It must not change until it is, too. */
  feed(chunk: Buffer): void {
    this.#chunk = chunk;
    this.#offset = 0;
    this.#fed += chunk.length;
    if (this.#fed > this.#limits.bytes) throw this.#exceeded('is longer than', this.#limits.bytes, 'bytes');
  }

  /** To be called after the last chunk. Throws `INVALID_ARCHIVE` when the archive is cut short. */
  end(): void {
    const isComplete =
      this.#state === 'trailer' ||
      (this.#scratched === 0 &&
        (this.#state === 'half-end' || (this.#state === 'header' && this.#extension === undefined)));
    if (!isComplete) throw invalidArchive('', 'Cannot read the archive: it ends in the middle of an entry');
  }

  /** Undefined: all that was fed is used up. */
  next(): Step | undefined {
    for (;;) {
      switch (this.#state) {
        case 'body':
          return this.#nextData();
        case 'trailer':
          this.#checkTrailer();
          return undefined;
        case 'padding':
          if (!this.#pass()) return undefined;
          this.#state = 'header';
          break;
        case 'meta':
          if (!this.#collect()) return undefined;
          this.#takeMeta();
          break;
        default: {
          if (!this.#takeBlock()) return undefined;
          if (this.#takeStructure()) return 'entry';
        }
      }
    }
  }

  /** One whole block of structure. True when it completes what is to be known of an entry. */
  #takeStructure(): boolean {
    switch (this.#state) {
      case 'half-end':
        if (!isZeroBlock(this.#block, this.#blockOffset))
          throw invalidArchive('', 'Cannot read the archive: entries follow an end marker');
        this.#state = 'trailer';
        return false;
      case 'old-map':
        return this.#takeOldMap(0, 21, 504);
      case 'map-lines':
        return this.#takeMapLines();
      default:
        return this.#takeHeader();
    }
  }

  #takeHeader(): boolean {
    if (this.#block[this.#blockOffset] === 0 && isZeroBlock(this.#block, this.#blockOffset)) {
      if (this.#extension !== undefined)
        throw invalidArchive('', 'Cannot read the archive: it ends after an extended header');
      this.#state = 'half-end';
      return false;
    }
    const header = decodeHeader(this.#block, this.#blockOffset);
    this.#header = header;
    switch (header.type) {
      case 'pax':
      case 'global':
      case 'long-name':
      case 'long-link':
        this.#startMeta(header);
        return false;
    }
    this.#merged = mergeEntry(header, this.#extension ?? {});
    this.#extension = undefined;
    this.#countEntry(this.#merged.entry);
    this.#map = undefined;
    if (header.type === 'sparse') {
      if (this.#merged.sparse !== undefined)
        throw invalidArchive(header.path, 'Cannot read the archive: a sparse file has two maps');
      this.#pieces = [];
      return this.#takeOldMap(386, 4, 482);
    }
    const { sparse, stored } = this.#merged;
    if (sparse === undefined) return this.#announce(stored);
    if (sparse.pieces !== undefined) {
      this.#map = checkSparseMap({ pieces: sparse.pieces, size: sparse.size }, stored);
      return this.#announce(stored);
    }
    this.#mapLines = new MapLines();
    this.#left = stored;
    this.#state = 'map-lines';
    return false;
  }

  /** Counts against the limits. */
  #countEntry(entry: TarEntry): void {
    const { entries, bytes, pathBytes } = this.#limits;
    if (++this.#entries > entries) throw this.#exceeded('has more than', entries, 'entries');
    this.#sizes += entry.size;
    if (this.#sizes > bytes) throw this.#exceeded('unpacks to more than', bytes, 'bytes');
    if (entry.path.length > pathBytes || entry.linkpath.length > pathBytes)
      throw this.#exceeded('has a path longer than', pathBytes, 'bytes');
  }

  #exceeded(what: string, limit: number, unit: string) {
    return archiveError('LIMIT_EXCEEDED', '', `Cannot read the archive: it ${what} ${limit} ${unit}`);
  }

  #startMeta({ type, size, path }: DecodedHeader): void {
    if (size > this.#limits.headerBytes)
      throw this.#exceeded('has a header longer than', this.#limits.headerBytes, 'bytes');
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

  #takeOldMap(offset: number, count: number, flagOffset: number): boolean {
    const at = this.#blockOffset;
    this.#pieces.push(...decodeOldPieces(this.#block, at + offset, count));
    if (offset > 0) this.#readRealSize(at);
    if (this.#pieces.length * 24 > this.#limits.headerBytes)
      throw this.#exceeded('has a sparse map longer than', this.#limits.headerBytes, 'bytes');
    if (this.#block[at + flagOffset] !== 0) {
      this.#state = 'old-map';
      return false;
    }
    const { stored, entry } = this.#merged!;
    this.#map = checkSparseMap({ pieces: this.#pieces, size: entry.size }, stored);
    return this.#announce(stored);
  }

  /** The old format keeps the size with holes in the header, beside the map. */
  #readRealSize(at: number): void {
    const merged = this.#merged!;
    const size = decodeNumber(this.#block, at + 483, 12);
    if (size === undefined || size < merged.stored || !Number.isSafeInteger(size))
      throw invalidArchive(merged.entry.path, 'Cannot read the archive: size of a sparse file is none');
    this.#sizes += size - merged.entry.size;
    if (this.#sizes > this.#limits.bytes)
      throw this.#exceeded('unpacks to more than', this.#limits.bytes, 'bytes');
    this.#merged = { ...merged, entry: { ...merged.entry, size } };
  }

  #takeMapLines(): boolean {
    const lines = this.#mapLines!;
    const isComplete = lines.push(this.#block, this.#blockOffset);
    if (lines.length > this.#limits.headerBytes)
      throw this.#exceeded('has a sparse map longer than', this.#limits.headerBytes, 'bytes');
    if (!isComplete) return false;
    const { entry, stored } = this.#merged!;
    this.#map = checkSparseMap({ pieces: lines.pieces(), size: entry.size }, stored - lines.length);
    return this.#announce(stored - lines.length);
  }

  #announce(stored: number): true {
    this.entry = this.#merged!.entry;
    this.#left = stored;
    this.#padding = -stored & (BLOCK - 1);
    this.#piece = 0;
    this.#pieceLeft = this.#map === undefined ? stored : (this.#map.pieces[0]?.[1] ?? 0);
    this.#state = 'body';
    return true;
  }

  #nextData(): Step | undefined {
    if (this.#left === 0) {
      this.#state = 'padding';
      return 'end';
    }
    const length = Math.min(this.#pieceLeft, this.#chunk.length - this.#offset);
    if (length === 0) return undefined;
    const { data } = this;
    data.chunk = this.#chunk;
    data.start = this.#offset;
    data.end = this.#offset + length;
    data.position = this.#position();
    this.#offset += length;
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

  /** Passes over padding; false when the chunk ends in it. */
  #pass(): boolean {
    const length = Math.min(this.#padding, this.#chunk.length - this.#offset);
    this.#offset += length;
    this.#padding -= length;
    return this.#padding === 0;
  }

  #collect(): boolean {
    const length = Math.min(this.#meta.length - this.#metaLength, this.#chunk.length - this.#offset);
    this.#chunk.copy(this.#meta, this.#metaLength, this.#offset, this.#offset + length);
    this.#offset += length;
    this.#metaLength += length;
    return this.#metaLength === this.#meta.length;
  }

  /** Makes the next block available at `#block`; false when the chunk ends in it. */
  #takeBlock(): boolean {
    const available = this.#chunk.length - this.#offset;
    if (this.#scratched === 0 && available >= BLOCK) {
      this.#block = this.#chunk;
      this.#blockOffset = this.#offset;
      this.#offset += BLOCK;
      return true;
    }
    const length = Math.min(BLOCK - this.#scratched, available);
    this.#chunk.copy(this.#scratch, this.#scratched, this.#offset, this.#offset + length);
    this.#offset += length;
    this.#scratched += length;
    if (this.#scratched < BLOCK) return false;
    this.#scratched = 0;
    this.#block = this.#scratch;
    this.#blockOffset = 0;
    return true;
  }

  #checkTrailer(): void {
    const rest = this.#chunk.subarray(this.#offset);
    this.#offset = this.#chunk.length;
    if (!this.#strictTrailer) return;
    for (let at = 0; at < rest.length; at += ZEROS.length) {
      const part = rest.subarray(at, at + ZEROS.length);
      if (part.compare(ZEROS, 0, part.length) !== 0)
        throw invalidArchive('', 'Cannot read the archive: bytes follow its end marker');
    }
  }
}

/** GNU's long names end with a NUL, and some readers look for it in the padding, not heeding the size. */
function longText(padded: Buffer, size: number): string {
  const end = padded.indexOf(0);
  if (end > size) throw invalidArchive('', 'Cannot read the archive: a long name goes on behind its end');
  return padded.toString('latin1', 0, end < 0 ? size : end);
}
