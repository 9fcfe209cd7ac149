import type { BytePath } from '../snapshots/file-tree.ts';
import { archiveError, invalidArchive } from './archive-error.ts';
import type { PaxRecord } from './pax.ts';
import {
  MapLines,
  type OldMap,
  type PaxSparse,
  paxSparse,
  type SparseMapReader,
  type SparsePiece,
} from './sparse.ts';
import { type TarEntry, unescapeXattrName, XATTR_RECORD } from './tar-entry.ts';
import { type DecodedHeader, type EntryType, HEADER_LIMITS } from './tar-header.ts';

/** What the headers before an entry's own said about it. */
export interface Extension {
  pax?: readonly PaxRecord[];
  longName?: BytePath;
  longLink?: BytePath;
}

export interface MergedEntry {
  readonly entry: TarEntry;
  /** Bytes that follow in the archive. */
  readonly stored: number;
  /** Of a sparse file, when its map is known. */
  readonly pieces?: readonly SparsePiece[];
  /** Of a sparse file, when its map is still to come. */
  readonly mapReader?: SparseMapReader;
}

const NO_VALUES: ReadonlyMap<string, Buffer> = new Map();
const MAX_ID = 0xffff_fffe;
const NANOSECONDS = 1_000_000_000n;

/**
 * One entry of its header and what extends it. Headers that readers of different make take differently are refused
 * (`INVALID_ARCHIVE`): what is extracted here has to be what any scanner saw.
 */
export function mergeEntry(
  header: DecodedHeader,
  extension: Extension,
  oldMap: OldMap | undefined,
): MergedEntry {
  const { pax: records } = extension;
  const values = records === undefined ? NO_VALUES : new Map(records);
  const sparse = records === undefined ? undefined : paxSparse(records);
  if (sparse !== undefined && oldMap !== undefined)
    throw invalidArchive(header.path, 'Cannot read the archive: a sparse file has two maps');
  const text = (key: string) => textValue(values, key);
  const path = sparse?.name ?? oneName(text('path'), extension.longName) ?? header.path;
  const type: EntryType = header.type === 'sparse' ? 'file' : (header.type as EntryType);
  const linkpath = oneName(text('linkpath'), extension.longLink) ?? header.linkpath;
  const isLink = type === 'link' || type === 'symlink';
  const stored = storedSize(header, integer(path, 'size', text('size')));
  const entry: TarEntry = {
    path,
    type,
    mode: header.mode,
    uid: integer(path, 'uid', text('uid')) ?? header.uid,
    gid: integer(path, 'gid', text('gid')) ?? header.gid,
    size: sparse?.size ?? oldMap?.size ?? stored,
    mtimeNs: parseTime(path, text('mtime')) ?? BigInt(header.seconds) * NANOSECONDS,
    linkpath: isLink ? linkpath : '',
    devMajor: header.devMajor,
    devMinor: header.devMinor,
    xattrs: xattrsOf(values),
  };
  checkEntry(entry, stored, sparse !== undefined);
  return { entry, stored, ...mapOf(sparse, oldMap) };
}

function mapOf(sparse: PaxSparse | undefined, oldMap: OldMap | undefined): Partial<MergedEntry> {
  if (oldMap !== undefined) return oldMap.isComplete ? { pieces: oldMap.pieces() } : { mapReader: oldMap };
  if (sparse === undefined) return {};
  return sparse.pieces === undefined ? { mapReader: new MapLines() } : { pieces: sparse.pieces };
}

function checkEntry(entry: TarEntry, stored: number, isSparse: boolean): void {
  const fail = (what: string) => invalidArchive(entry.path, `Cannot read the archive: ${what}`);
  if (entry.path === '') throw fail('an entry has no name');
  if (entry.uid < 0 || entry.uid > MAX_ID || entry.gid < 0 || entry.gid > MAX_ID)
    throw fail('owner of entry is out of range');
  if (entry.devMajor < 0 || entry.devMajor > 0xfff || entry.devMinor < 0 || entry.devMinor > 0xf_ffff)
    throw fail('device number of entry is out of range');
  if (entry.type !== 'file' && (stored !== 0 || isSparse))
    throw fail(`a ${entry.type} has a size, and readers differ on whether bytes follow`);
  if (entry.type === 'file' && entry.path.endsWith('/'))
    throw fail('a file has the name of a directory, and readers differ on what it is');
  if ((entry.type === 'link' || entry.type === 'symlink') && entry.linkpath === '')
    throw fail('a link has no target');
}

/** Undefined when absent or empty, which means "as in the header". */
function textValue(values: ReadonlyMap<string, Buffer>, key: string): string | undefined {
  const value = values.get(key);
  if (value === undefined || value.length === 0) return undefined;
  const text = value.toString('latin1');
  if (text.includes('\0')) throw invalidArchive('', `Cannot read the archive: NUL in the ${key} of an entry`);
  return text;
}

/** The name by PAX or by GNU's own header; both only when they say the same. */
function oneName(pax: string | undefined, gnu: string | undefined): string | undefined {
  if (pax !== undefined && gnu !== undefined && pax !== gnu)
    throw invalidArchive(pax, 'Cannot read the archive: an entry has two names');
  return pax ?? gnu;
}

function integer(path: BytePath, key: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = /^[0-9]{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value))
    throw invalidArchive(path, `Cannot read the archive: ${key} of entry is not a number`);
  return value;
}

/**
 * The size by PAX counts; the header's has then to say the same, or, where it cannot, 0 or its maximum, as the
 * known writers have it.
 */
function storedSize(header: DecodedHeader, pax: number | undefined): number {
  const { size } = header;
  if (size < 0) throw invalidArchive(header.path, 'Cannot read the archive: size of entry is negative');
  if (pax === undefined || pax === size) return size;
  const isSilent = size === 0 || (size === HEADER_LIMITS.maxSize && pax > size);
  if (!isSilent || header.type === 'sparse')
    throw invalidArchive(header.path, `Cannot read the archive: entry has two sizes, ${size} and ${pax}`);
  return pax;
}

/** Decimal seconds, perhaps negative or with a fraction, of which nine digits count. */
function parseTime(path: BytePath, text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  const match = /^(-?)([0-9]{1,18})(?:\.([0-9]*))?$/.exec(text);
  if (match === null) throw invalidArchive(path, 'Cannot read the archive: mtime of entry is not a time');
  const [, sign, seconds = '0', fraction = ''] = match;
  const time = BigInt(seconds) * NANOSECONDS + BigInt(fraction.slice(0, 9).padEnd(9, '0'));
  return sign === '-' ? -time : time;
}

function xattrsOf(values: ReadonlyMap<string, Buffer>): (readonly [string, Buffer])[] {
  const found: (readonly [string, Buffer])[] = [];
  for (const [key, value] of values) {
    if (!key.startsWith(XATTR_RECORD)) continue;
    const name = unescapeXattrName(key.slice(XATTR_RECORD.length));
    // The records' buffer is reused by none, but it is as big as the whole header: keep the value alone.
    found.push([name, Buffer.from(value)]);
  }
  return found;
}

/**
 * Global headers are passed over, as Docker does. One that would rename or resize every entry after it for those
 * readers that heed it is refused.
 */
export function checkGlobal(records: readonly PaxRecord[]): void {
  const decisive = records.find(
    ([key]) => key === 'path' || key === 'linkpath' || key === 'size' || key.startsWith('GNU.sparse.'),
  );
  if (decisive !== undefined)
    throw archiveError('INVALID_ARCHIVE', '', `Cannot read the archive: a global header sets ${decisive[0]}`);
}
