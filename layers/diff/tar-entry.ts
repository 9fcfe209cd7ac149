import type { BytePath } from '../snapshots/file-tree.ts';
import { paxRecord } from './pax.ts';
import { BLOCK, type EntryType, encodeHeader, HEADER_LIMITS, splitName } from './tar-header.ts';

/** One member of a tar, whatever dialect told about it: ustar, PAX or GNU. */
export interface TarEntry {
  /** As the archive has it, neither cleaned nor confined; see {@link cleanEntryPath}. */
  readonly path: BytePath;
  readonly type: EntryType;
  /** 0 to 0o7777. */
  readonly mode: number;
  /** 0 to 4294967294, as chown(2) takes them. */
  readonly uid: number;
  readonly gid: number;
  /** Bytes of the file, holes included; 0 unless a file. */
  readonly size: number;
  /** Nanoseconds since 1970, may be negative. */
  readonly mtimeNs: bigint;
  /** Target of a symlink, or path in the archive of what a hard link is another name of; else empty. */
  readonly linkpath: BytePath;
  /** Device numbers of a char or block device, else 0. */
  readonly devMajor: number;
  readonly devMinor: number;
  /** In the order of the archive. */
  readonly xattrs: readonly Xattr[];
}

export type Xattr = readonly [name: string, value: Buffer];

export const XATTR_RECORD = 'SCHILY.xattr.';

const NANOSECONDS = 1_000_000_000n;
const NO_PAX_HEADER = { mode: 0o644, uid: 0, gid: 0, devMajor: 0, devMinor: 0, linkpath: '' } as const;

/**
 * All that ustar cannot hold of an entry, as the body of its PAX extended header (pax(1), "pax Extended Header"), a
 * char for each byte; empty when there is nothing of the kind. The keys come in one fixed order, so equal entries give
 * equal bytes.
 *
 * Names that are not UTF-8 are written as the bytes they are, without `hdrcharset`: GNU tar and Go's archive/tar
 * write and read them so.
 */
export function extensionBody(entry: TarEntry): string {
  const { maxId, maxSize } = HEADER_LIMITS;
  let body = '';
  if (!fitsName(entry.path)) body += paxRecord('path', entry.path);
  if (entry.linkpath.length > HEADER_LIMITS.linkpath || !isAscii(entry.linkpath))
    body += paxRecord('linkpath', entry.linkpath);
  if (entry.size > maxSize) body += paxRecord('size', String(entry.size));
  if (entry.uid > maxId) body += paxRecord('uid', String(entry.uid));
  if (entry.gid > maxId) body += paxRecord('gid', String(entry.gid));
  if (!isPlainTime(entry.mtimeNs)) body += paxRecord('mtime', formatTime(entry.mtimeNs));
  for (const [name, value] of entry.xattrs)
    body += paxRecord(XATTR_RECORD + escapeXattrName(name), value.toString('latin1'));
  return body;
}

/** Bytes that {@link writeHeaders} takes for an entry with that extension body. */
export function headersLength(body: string): number {
  return BLOCK + (body === '' ? 0 : extensionLength(body));
}

/**
 * Writes what stands before an entry's bytes: its header, after a PAX extended header when it has a body, which is the
 * {@link extensionBody} of the same entry: the header alone has a zero, or a cut text, for all that it cannot hold.
 */
export function writeHeaders(target: Buffer, offset: number, entry: TarEntry, body: string): void {
  if (body !== '') writeExtension(target, offset, body);
  const at = offset + headersLength(body) - BLOCK;
  encodeHeader(target, at, entry, Number(floorSeconds(entry.mtimeNs)));
}

function extensionLength(body: string): number {
  return BLOCK + Math.ceil(body.length / BLOCK) * BLOCK;
}

/** Headers of extensions by the length of their bodies, which is all they differ in. Most bodies hold only a time. */
const shortHeaders = new Map<number, Buffer>();
const SHORT = 256;

function writeExtension(target: Buffer, offset: number, body: string): void {
  const header = shortHeaders.get(body.length) ?? extensionHeader(body.length);
  header.copy(target, offset);
  target.write(body, offset + BLOCK, 'latin1');
  target.fill(0, offset + BLOCK + body.length, offset + extensionLength(body));
}

function extensionHeader(size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  encodeHeader(header, 0, { ...NO_PAX_HEADER, path: 'PaxHeader', type: 'pax', size }, 0);
  if (size < SHORT) shortHeaders.set(size, header);
  return header;
}

function fitsName(path: BytePath): boolean {
  return isAscii(path) && (path.length <= HEADER_LIMITS.name || splitName(path) !== undefined);
}

function isAscii(path: BytePath): boolean {
  return !/[^\0-\x7f]/.test(path);
}

function floorSeconds(time: bigint): bigint {
  const seconds = time / NANOSECONDS;
  return time < 0n && seconds * NANOSECONDS !== time ? seconds - 1n : seconds;
}

/** Whether a ustar header can hold the time: whole seconds from 1970 until 2242. */
function isPlainTime(time: bigint): boolean {
  const seconds = time / NANOSECONDS;
  return time >= 0n && seconds <= HEADER_LIMITS.maxSeconds && seconds * NANOSECONDS === time;
}

/** `-1.5` style decimal of pax(1), "mtime", without trailing zeros. */
function formatTime(time: bigint): string {
  const absolute = time < 0n ? -time : time;
  const fraction = (absolute % NANOSECONDS).toString().padStart(9, '0').replace(/0+$/, '');
  return `${time < 0n ? '-' : ''}${absolute / NANOSECONDS}${fraction === '' ? '' : `.${fraction}`}`;
}

/** A PAX key ends at its first `=`; GNU tar writes that character of an attribute's name like this. */
function escapeXattrName(name: string): string {
  return name.replaceAll('%', '%25').replaceAll('=', '%3D');
}

export function unescapeXattrName(name: string): string {
  return name.replaceAll('%3D', '=').replaceAll('%25', '%');
}
