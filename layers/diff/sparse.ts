import { invalidArchive } from './archive-error.ts';
import type { PaxRecord } from './pax.ts';
import { BLOCK, decodeNumber } from './tar-header.ts';

/** Where the stored bytes of a file with holes belong, in order. GNU tar manual, "Storing Sparse Files". */
export interface SparseMap {
  /** Pairs: offset in the file and length of each stored piece. */
  readonly pieces: readonly (readonly [offset: number, length: number])[];
  /** Bytes of the file, holes included. */
  readonly size: number;
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

/** Pieces of the old GNU format, from `offset` of a header or extension block on. */
export function decodeOldPieces(block: Buffer, offset: number, count: number): (readonly [number, number])[] {
  const pieces: (readonly [number, number])[] = [];
  for (let index = 0; index < count; index++) {
    const at = offset + index * 24;
    const start = decodeNumber(block, at, 12);
    const length = decodeNumber(block, at + 12, 12);
    if (start === undefined || length === undefined || start < 0 || length < 0) throw malformed();
    // Unused places are blank; GNU tar ends a file with a hole by an empty piece, which says nothing here.
    if (length > 0) pieces.push([start, length]);
  }
  return pieces;
}

/** What PAX records tell about a sparse file, in any of GNU tar's versions 0.0, 0.1 and 1.0. */
export interface PaxSparse {
  readonly name?: string;
  readonly size: number;
  /** Undefined in version 1.0: the map stands before the stored bytes. */
  readonly pieces?: readonly (readonly [number, number])[];
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

/** The map of version 1.0, which stands before the stored bytes: decimal lines, their number first, in whole blocks. */
export class MapLines {
  #text = '';
  #lines = 0;
  #expected: number | undefined;

  /** Bytes taken so far. */
  get length(): number {
    return this.#text.length;
  }

  /** Takes the next block; true when it was the last one. */
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

  pieces(): (readonly [number, number])[] {
    return pairs(this.#text.split('\n', this.#expected).slice(1).map(decimal));
  }
}

function decimal(text: string): number {
  const value = /^[0-9]{1,19}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw malformed();
  return value;
}

function pairs(values: readonly number[]): (readonly [number, number])[] {
  if (values.length % 2 !== 0) throw malformed();
  const found: (readonly [number, number])[] = [];
  for (let index = 0; index < values.length; index += 2) {
    if (values[index + 1]! > 0) found.push([values[index]!, values[index + 1]!]);
  }
  return found;
}
