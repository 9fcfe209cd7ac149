import { invalidArchive } from './archive-error.ts';
import type { PaxRecord } from './pax.ts';
import { BLOCK, decodeNumber } from './tar-header.ts';

/** A stored piece of a file with holes: where it belongs in the file, and its length. */
export type SparsePiece = readonly [offset: number, length: number];

/** Where the stored bytes of a file with holes belong. GNU tar manual, "Storing Sparse Files". */
export interface SparseMap {
  /** In order; none is empty. */
  readonly pieces: readonly SparsePiece[];
  /** Bytes of the file, holes included. */
  readonly size: number;
}

/** A map that comes in blocks of the archive. */
export interface SparseMapReader {
  /** Bytes of the map so far. */
  readonly length: number;
  /** Takes the next block; true when it was the last one. */
  push(block: Buffer, offset: number): boolean;
  /** Once it is complete. */
  pieces(): readonly SparsePiece[];
}

/** Throws `INVALID_ARCHIVE` unless the pieces are in order, inside the file, and as long as what is stored. */
export function checkSparseMap(map: SparseMap, stored: number): SparseMap {
  let end = 0;
  let total = 0;
  for (const [offset, length] of map.pieces) {
    if (offset < end) throw malformed();
    end = offset + length;
    total += length;
  }
  if (!Number.isSafeInteger(map.size) || end > map.size || total !== stored) throw malformed();
  return map;
}

function malformed() {
  return invalidArchive('', 'Cannot read the archive: the map of a sparse file is malformed');
}

/** The map of the old GNU format: four pieces in the header, 21 in each block that follows. */
export class OldMap implements SparseMapReader {
  /** Bytes of the file, holes included. */
  readonly size: number;
  /** No block follows. */
  readonly isComplete: boolean;
  readonly #pieces: SparsePiece[] = [];

  constructor(header: Buffer, offset: number) {
    this.isComplete = !this.#take(header, offset + 386, 4, offset + 482);
    const size = decodeNumber(header, offset + 483, 12);
    if (size === undefined || size < 0) throw malformed();
    this.size = size;
  }

  get length(): number {
    return this.#pieces.length * 24;
  }

  push(block: Buffer, offset: number): boolean {
    return !this.#take(block, offset, 21, offset + 504);
  }

  pieces(): readonly SparsePiece[] {
    return this.#pieces;
  }

  /** Takes pieces; returns the flag for "more to come". */
  #take(block: Buffer, offset: number, count: number, flagOffset: number): boolean {
    for (let at = offset; at < offset + count * 24; at += 24) {
      const start = decodeNumber(block, at, 12);
      const length = decodeNumber(block, at + 12, 12);
      if (start === undefined || length === undefined || start < 0 || length < 0) throw malformed();
      // Unused places are blank; GNU tar ends a file with a hole by an empty piece, which says nothing here.
      if (length > 0) this.#pieces.push([start, length]);
    }
    return block[flagOffset] !== 0;
  }
}

/** The map of PAX version 1.0, which stands before the stored bytes: decimal lines, their number first. */
export class MapLines implements SparseMapReader {
  #text = '';
  #lines = 0;
  #expected: number | undefined;

  get length(): number {
    return this.#text.length;
  }

  push(block: Buffer, offset: number): boolean {
    const text = block.toString('latin1', offset, offset + BLOCK);
    this.#text += text;
    this.#lines += text.split('\n').length - 1;
    if (this.#expected === undefined) {
      if (this.#lines === 0) throw malformed();
      this.#expected = 1 + 2 * decimal(this.#text.slice(0, this.#text.indexOf('\n')));
    }
    return this.#lines >= this.#expected;
  }

  pieces(): readonly SparsePiece[] {
    return pairs(this.#text.split('\n', this.#expected).slice(1).map(decimal));
  }
}

/** What PAX records tell about a sparse file, in any of GNU tar's versions 0.0, 0.1 and 1.0. */
export interface PaxSparse {
  readonly name?: string;
  readonly size: number;
  /** Undefined in version 1.0: the map stands before the stored bytes. */
  readonly pieces?: readonly SparsePiece[];
}

/** Undefined when no record is about sparseness. */
export function paxSparse(records: readonly PaxRecord[]): PaxSparse | undefined {
  const values: number[] = [];
  const single = new Map<string, string>();
  for (const [key, value] of records) {
    if (!key.startsWith('GNU.sparse.')) continue;
    const name = key.slice('GNU.sparse.'.length);
    const text = value.toString('latin1');
    if (name === 'offset' || name === 'numbytes') {
      // Version 0.0 repeats the two keys in turn.
      if ((values.length % 2 === 0) !== (name === 'offset')) throw malformed();
      values.push(decimal(text));
    } else single.set(name, text);
  }
  if (single.size === 0 && values.length === 0) return undefined;
  const map = single.get('map');
  if (map !== undefined && map !== '') values.push(...map.split(',').map(decimal));
  const name = single.get('name');
  const size = decimal(single.get('realsize') ?? single.get('size') ?? '');
  const base = name === undefined ? { size } : { size, name };
  const version = `${single.get('major') ?? 0}.${single.get('minor') ?? 1}`;
  if (version === '1.0' && values.length === 0) return base;
  if (version !== '0.1' && version !== '0.0') throw malformed();
  return { ...base, pieces: pairs(values) };
}

function decimal(text: string): number {
  const value = /^[0-9]{1,19}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw malformed();
  return value;
}

function pairs(values: readonly number[]): SparsePiece[] {
  if (values.length % 2 !== 0) throw malformed();
  const found: SparsePiece[] = [];
  for (let index = 0; index < values.length; index += 2) {
    if (values[index + 1]! > 0) found.push([values[index]!, values[index + 1]!]);
  }
  return found;
}
