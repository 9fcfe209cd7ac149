import type { BytePath } from '../snapshots/file-tree.ts';
import { invalidArchive } from './archive-error.ts';

/** Tars are made of blocks of this many bytes. */
export const BLOCK = 512;

export type EntryType = 'file' | 'link' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo';
/** Headers that tell about the entry after them: PAX, GNU long name and long link, PAX global. */
type MetaType = 'pax' | 'global' | 'long-name' | 'long-link';

/** pax(1), "ustar Interchange Format", typeflag; letters are GNU's, and `7` and NUL are files to every reader. */
const TYPES: ReadonlyMap<string, EntryType | MetaType | 'sparse'> = new Map([
  ['0', 'file'],
  ['\0', 'file'],
  ['7', 'file'],
  ['1', 'link'],
  ['2', 'symlink'],
  ['3', 'char'],
  ['4', 'block'],
  ['5', 'directory'],
  ['6', 'fifo'],
  ['x', 'pax'],
  ['g', 'global'],
  ['L', 'long-name'],
  ['K', 'long-link'],
  ['S', 'sparse'],
] as const);

const FLAGS: Readonly<Record<EntryType | 'pax', number>> = {
  file: 0x30,
  link: 0x31,
  symlink: 0x32,
  char: 0x33,
  block: 0x34,
  directory: 0x35,
  fifo: 0x36,
  pax: 0x78,
};

/** The most that ustar fields hold: 7 octal digits for ids, 11 for sizes and times. */
export const HEADER_LIMITS = {
  name: 100,
  prefix: 155,
  linkpath: 100,
  maxId: 0o7777777,
  maxSize: 0o77777777777,
  maxSeconds: 0o77777777777,
} as const;

/** The fields of one header block. */
export interface HeaderFields {
  readonly path: BytePath;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly seconds: number;
  readonly linkpath: BytePath;
  readonly devMajor: number;
  readonly devMinor: number;
}

export interface DecodedHeader extends HeaderFields {
  readonly type: EntryType | MetaType | 'sparse';
}

/** Where a path is cut into ustar's prefix and name: at its last possible slash. Undefined when it does not fit. */
export function splitName(path: BytePath): { readonly prefix: string; readonly name: string } | undefined {
  if (path.length <= HEADER_LIMITS.name) return { prefix: '', name: path };
  // A directory's own trailing slash has to stay with its name.
  const end = path.endsWith('/') ? path.length - 2 : path.length - 1;
  const cut = path.lastIndexOf('/', Math.min(HEADER_LIMITS.prefix, end));
  if (cut <= 0 || path.length - cut - 1 > HEADER_LIMITS.name) return undefined;
  return { prefix: path.slice(0, cut), name: path.slice(cut + 1) };
}

/** Bytes of `ustar`, NUL and `00`, and of a checksum field that counts as eight blanks, in the sum of a block. */
const FIXED_SUM = [...Buffer.from('ustar\x0000        ')].reduce((sum, byte) => sum + byte, 0);

/** Writes the block. A path or link path that does not fit is cut, a number that does not is 0. */
export function encodeHeader(
  target: Buffer,
  offset: number,
  fields: Omit<HeaderFields, 'seconds'> & { readonly type: keyof typeof FLAGS },
  seconds: number,
): void {
  const { maxId, maxSize, maxSeconds } = HEADER_LIMITS;
  const { path, type, linkpath } = fields;
  target.fill(0, offset, offset + BLOCK);
  let sum = FIXED_SUM + FLAGS[type];
  if (path.length <= HEADER_LIMITS.name) sum += text(target, offset, path);
  else {
    const { name, prefix } = splitName(path) ?? { name: path.slice(0, HEADER_LIMITS.name), prefix: '' };
    sum += text(target, offset, name) + text(target, offset + 345, prefix);
  }
  sum += octal(target, offset + 100, 7, fields.mode);
  sum += octal(target, offset + 108, 7, fields.uid > maxId ? 0 : fields.uid);
  sum += octal(target, offset + 116, 7, fields.gid > maxId ? 0 : fields.gid);
  sum += octal(target, offset + 124, 11, fields.size > maxSize ? 0 : fields.size);
  sum += octal(target, offset + 136, 11, seconds < 0 || seconds > maxSeconds ? 0 : seconds);
  target[offset + 156] = FLAGS[type];
  if (linkpath !== '') sum += text(target, offset + 157, linkpath.slice(0, HEADER_LIMITS.linkpath));
  target.write('ustar\x0000', offset + 257, 8, 'latin1');
  sum += octal(target, offset + 329, 7, fields.devMajor);
  sum += octal(target, offset + 337, 7, fields.devMinor);
  // Six digits, NUL, blank: the checksum field's own form.
  octal(target, offset + 148, 6, sum);
  target[offset + 155] = 0x20;
}

/** Writes bytes and gives their sum. */
function text(target: Buffer, offset: number, bytes: string): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes.charCodeAt(at);
    target[offset + at] = byte;
    sum += byte;
  }
  return sum;
}

/** Writes digits and gives the sum of their bytes. */
function octal(target: Buffer, offset: number, digits: number, value: number): number {
  let sum = 0;
  let rest = value;
  for (let at = offset + digits - 1; at >= offset; at--) {
    const digit = 0x30 + (rest % 8);
    target[at] = digit;
    sum += digit;
    rest = Math.floor(rest / 8);
  }
  return sum;
}

/** Whether the block at `offset` is all zero: the end of an archive is two of them. */
export function isZeroBlock(source: Buffer, offset: number): boolean {
  for (let at = offset; at < offset + BLOCK; at++) if (source[at] !== 0) return false;
  return true;
}

/** Whether the sum of the block's bytes is what its checksum field says; some old writers summed them as signed. */
export function hasValidChecksum(source: Buffer, offset: number): boolean {
  let unsigned = 8 * 0x20;
  let high = 0;
  for (let at = offset; at < offset + BLOCK; at++) {
    if (at === offset + 148) at += 8;
    const byte = source[at]!;
    unsigned += byte;
    if (byte > 0x7f) high++;
  }
  const stored = decodeNumber(source, offset + 148, 8);
  return stored === unsigned || stored === unsigned - 256 * high;
}

/** Reads a header block. Throws `INVALID_ARCHIVE`: wrong checksum, unknown type, a number that is none or out of range. */
export function decodeHeader(source: Buffer, offset: number): DecodedHeader {
  if (!hasValidChecksum(source, offset))
    throw invalidArchive('', 'Cannot read the archive: a header has a wrong checksum');
  const name = cString(source, offset, 100);
  const prefix = prefixOf(source, offset);
  const path = prefix === '' ? name : `${prefix}/${name}`;
  const flag = source.toString('latin1', offset + 156, offset + 157);
  const type = TYPES.get(flag);
  if (type === undefined)
    throw invalidArchive(path, `Cannot read the archive: entry has the unknown type ${JSON.stringify(flag)}`);
  const number = (field: string, at: number, length: number) => {
    const value = decodeNumber(source, offset + at, length);
    if (value === undefined || !Number.isSafeInteger(value))
      throw invalidArchive(path, `Cannot read the archive: ${field} of entry is not a number`);
    return value;
  };
  const isDevice = type === 'char' || type === 'block';
  return {
    path,
    // Version 7 tars had no type for directories, just a slash at the end.
    type: flag === '\0' && path.endsWith('/') ? 'directory' : type,
    mode: number('mode', 100, 8) & 0o7777,
    uid: number('uid', 108, 8),
    gid: number('gid', 116, 8),
    size: number('size', 124, 12),
    seconds: number('mtime', 136, 12),
    linkpath: cString(source, offset + 157, 100),
    devMajor: isDevice ? number('device', 329, 8) : 0,
    devMinor: isDevice ? number('device', 337, 8) : 0,
  };
}

/**
 * The prefix field, which only ustar has. GNU's format keeps two times there; Go's writer before 1.8 put a prefix
 * there all the same, so what is no time there but is text counts as one, as every Go reader has it.
 */
function prefixOf(source: Buffer, offset: number): string {
  const magic = source.toString('latin1', offset + 257, offset + 265);
  if (magic.startsWith('ustar\0')) {
    const isStar = source.toString('latin1', offset + 508, offset + 512) === 'tar\0';
    return cString(source, offset + 345, isStar ? 131 : HEADER_LIMITS.prefix);
  }
  const text = cString(source, offset + 345, HEADER_LIMITS.prefix);
  if (magic !== 'ustar  \0') {
    if (text === '') return '';
    throw invalidArchive(
      text,
      'Cannot read the archive: a header without a format has a prefix, which only some readers see',
    );
  }
  if (source[offset + 156] === 0x53 /* S: a sparse map is there */) return '';
  const areTimes =
    decodeNumber(source, offset + 345, 12) !== undefined &&
    decodeNumber(source, offset + 357, 12) !== undefined;
  return areTimes || !/^[\0-\x7f]*$/.test(text) ? '' : text;
}

/** Bytes up to the first NUL or the end of the field. */
function cString(source: Buffer, offset: number, length: number): string {
  const end = source.indexOf(0, offset);
  return source.toString('latin1', offset, end < 0 || end > offset + length ? offset + length : end);
}

/**
 * A number field: octal text, blank for 0, or GNU's base-256 when the top bit is set (two's complement below it).
 * Undefined when it is neither; digits behind a NUL too, which some readers see and others do not.
 */
export function decodeNumber(source: Buffer, offset: number, length: number): number | undefined {
  const first = source[offset]!;
  if (first & 0x80) return decodeBase256(source, offset, length, first);
  const end = offset + length;
  let at = offset;
  while (at < end && source[at] === 0x20) at++;
  let value = 0;
  for (; at < end && source[at]! >= 0x30 && source[at]! <= 0x37; at++) value = value * 8 + source[at]! - 0x30;
  while (at < end && isBlank(source[at]!)) at++;
  return at === end ? value : undefined;
}

function isBlank(byte: number): boolean {
  return byte === 0 || byte === 0x20;
}

function decodeBase256(source: Buffer, offset: number, length: number, first: number): number {
  let value = BigInt(first & 0x7f);
  for (let at = offset + 1; at < offset + length; at++) value = (value << 8n) | BigInt(source[at]!);
  const bits = BigInt(8 * length - 1);
  return Number(first & 0x40 ? value - (1n << bits) : value);
}
