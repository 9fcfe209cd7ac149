import type { BytePath, FileStat, FileType } from '../../snapshots/file-tree.ts';
import { SystemCallError } from '../errno.ts';
import { c, EMPTY } from './c-string.ts';
import { calls } from './calls.ts';
import { fileTypes } from './file-type.ts';
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from './flags.ts';
import { check, isAbsent } from './outcome.ts';

const statBuffer = Buffer.allocUnsafeSlow(256);
const STATX_BASIC_STATS = 0x7ff;
/** inode(7): a regular file. */
const REGULAR = 0o100000;

/** A time in `statBuffer`, in nanoseconds since 1970. */
function statTime(offset: number): bigint {
  return statBuffer.readBigInt64LE(offset) * 1_000_000_000n + BigInt(statBuffer.readUInt32LE(offset + 8));
}

/** statx(2), "The returned information": struct statx in `statBuffer`. */
function decodeStat(): FileStat {
  const b = statBuffer;
  const mode = b.readUInt16LE(28);
  const type = fileTypes.get(mode >> 12)!;
  return {
    type,
    mode: mode & 0o7777,
    nlink: b.readUInt32LE(16),
    uid: b.readUInt32LE(20),
    gid: b.readUInt32LE(24),
    ino: b.readBigUInt64LE(32),
    size: type === 'file' ? b.readUInt32LE(40) + b.readUInt32LE(44) * 0x1_0000_0000 : 0,
    ctimeNs: statTime(96),
    mtimeNs: statTime(112),
    rdevMajor: b.readUInt32LE(128),
    rdevMinor: b.readUInt32LE(132),
    dev: (BigInt(b.readUInt32LE(136)) << 32n) | BigInt(b.readUInt32LE(140)),
  };
}

/** lstat of a name in a directory; undefined when it is not there. */
export function statAt(directory: number, name: BytePath): FileStat | undefined {
  if (calls().statx(directory, c(name), AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, statBuffer) < 0) {
    if (isAbsent()) return undefined;
    throw new SystemCallError('statx', calls().errno(), name);
  }
  return decodeStat();
}

/** What an entry takes on disk. */
export interface DiskUse {
  readonly type: FileType;
  readonly bytes: number;
  /** Bytes that can be read of it. */
  readonly size: number;
  readonly nlink: number;
  /** Tells the inode from others. */
  readonly key: string;
}

/** Undefined when the entry is not there; of the directory itself with an empty name. */
export function diskUseAt(directory: number, name: BytePath): DiskUse | undefined {
  const flags = AT_SYMLINK_NOFOLLOW | (name === '' ? AT_EMPTY_PATH : 0);
  if (calls().statx(directory, c(name), flags, STATX_BASIC_STATS, statBuffer) < 0) {
    if (isAbsent()) return undefined;
    throw new SystemCallError('statx', calls().errno(), name);
  }
  const { type, nlink, dev, ino, size } = decodeStat();
  // stx_blocks, of 512 bytes each.
  const bytes = (statBuffer.readUInt32LE(48) + statBuffer.readUInt32LE(52) * 0x1_0000_0000) * 512;
  return { type, bytes, size: Number(size), nlink, key: `${dev}:${ino}` };
}

/** Whether a descriptor is of the inode that was looked up. */
export function isSameInode(fd: number, { ino, dev, type }: Pick<FileStat, 'ino' | 'dev' | 'type'>): boolean {
  check(calls().statx(fd, EMPTY, AT_EMPTY_PATH, STATX_BASIC_STATS, statBuffer), 'statx');
  const b = statBuffer;
  return (
    fileTypes.get(b.readUInt16LE(28) >> 12) === type &&
    b.readBigUInt64LE(32) === ino &&
    b.readUInt32LE(136) === Number(dev >> 32n) &&
    b.readUInt32LE(140) === Number(dev & 0xffff_ffffn)
  );
}

/** Whether an open file is a regular one with one name and just this metadata. */
export function isPlainFile(
  fd: number,
  { mode, uid, gid, size, mtimeNs }: Pick<FileStat, 'mode' | 'uid' | 'gid' | 'size' | 'mtimeNs'>,
): boolean {
  check(calls().statx(fd, EMPTY, AT_EMPTY_PATH, STATX_BASIC_STATS, statBuffer), 'statx');
  const b = statBuffer;
  return (
    b.readUInt16LE(28) === (REGULAR | mode) &&
    b.readUInt32LE(16) === 1 &&
    b.readUInt32LE(20) === uid &&
    b.readUInt32LE(24) === gid &&
    b.readUInt32LE(40) + b.readUInt32LE(44) * 0x1_0000_0000 === size &&
    statTime(112) === mtimeNs
  );
}

/** fstat; also of an O_PATH descriptor. */
export function statFd(fd: number): FileStat {
  check(calls().statx(fd, EMPTY, AT_EMPTY_PATH, STATX_BASIC_STATS, statBuffer), 'statx');
  return decodeStat();
}
