import type { BytePath, FileStat, FileType } from '../../snapshots/file-tree.ts';
import { SystemCallError } from '../errno.ts';
import { c, EMPTY } from './c-string.ts';
import { calls } from './calls.ts';
import { fileTypes } from './file-type.ts';
import { AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW } from './flags.ts';
import { check, isAbsent } from './outcome.ts';

const statBuffer = Buffer.allocUnsafeSlow(256);
// All machines that this runs on are little endian. Elements of these take a tenth of the time of Buffer's readers.
const u16 = new Uint16Array(statBuffer.buffer);
const u32 = new Uint32Array(statBuffer.buffer);
const u64 = new BigUint64Array(statBuffer.buffer);
const i64 = new BigInt64Array(statBuffer.buffer);
const STATX_BASIC_STATS = 0x7ff;
/** inode(7): a regular file. */
const REGULAR = 0o100000;

/** Where fields of struct statx are, in bytes: statx(2), "The returned information". */
const At = {
  nlink: 16,
  uid: 20,
  gid: 24,
  mode: 28,
  ino: 32,
  size: 40,
  blocks: 48,
  ctime: 96,
  mtime: 112,
  rdevMajor: 128,
  rdevMinor: 132,
  devMajor: 136,
  devMinor: 140,
} as const;

/** A time in `statBuffer`, in nanoseconds since 1970. */
function statTime(at: number): bigint {
  return i64[at / 8]! * 1_000_000_000n + BigInt(u32[at / 4 + 2]!);
}

/** A 64-bit number in `statBuffer` that is less than 2⁵³. */
function statNumber(at: number): number {
  return u32[at / 4]! + u32[at / 4 + 1]! * 0x1_0000_0000;
}

/** What is in `statBuffer`. */
function decodeStat(): FileStat {
  const mode = u16[At.mode / 2]!;
  const type = fileTypes.get(mode >> 12)!;
  return {
    type,
    mode: mode & 0o7777,
    nlink: u32[At.nlink / 4]!,
    uid: u32[At.uid / 4]!,
    gid: u32[At.gid / 4]!,
    ino: u64[At.ino / 8]!,
    size: type === 'file' ? statNumber(At.size) : 0,
    ctimeNs: statTime(At.ctime),
    mtimeNs: statTime(At.mtime),
    rdevMajor: u32[At.rdevMajor / 4]!,
    rdevMinor: u32[At.rdevMinor / 4]!,
    dev: (BigInt(u32[At.devMajor / 4]!) << 32n) | BigInt(u32[At.devMinor / 4]!),
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
  const bytes = statNumber(At.blocks) * 512;
  return { type, bytes, size: Number(size), nlink, key: `${dev}:${ino}` };
}

/** Whether a descriptor is of the inode that was looked up. */
export function isSameInode(fd: number, { ino, dev, type }: Pick<FileStat, 'ino' | 'dev' | 'type'>): boolean {
  check(calls().statx(fd, EMPTY, AT_EMPTY_PATH, STATX_BASIC_STATS, statBuffer), 'statx');
  return (
    fileTypes.get(u16[At.mode / 2]! >> 12) === type &&
    u64[At.ino / 8] === ino &&
    u32[At.devMajor / 4] === Number(dev >> 32n) &&
    u32[At.devMinor / 4] === Number(dev & 0xffff_ffffn)
  );
}

/** Whether an open file is a regular one with one name and just this metadata. */
export function isPlainFile(
  fd: number,
  { mode, uid, gid, size, mtimeNs }: Pick<FileStat, 'mode' | 'uid' | 'gid' | 'size' | 'mtimeNs'>,
): boolean {
  check(calls().statx(fd, EMPTY, AT_EMPTY_PATH, STATX_BASIC_STATS, statBuffer), 'statx');
  return (
    u16[At.mode / 2] === (REGULAR | mode) &&
    u32[At.nlink / 4] === 1 &&
    u32[At.uid / 4] === uid &&
    u32[At.gid / 4] === gid &&
    statNumber(At.size) === size &&
    statTime(At.mtime) === mtimeNs
  );
}

/** fstat; also of an O_PATH descriptor. */
export function statFd(fd: number): FileStat {
  check(calls().statx(fd, EMPTY, AT_EMPTY_PATH, STATX_BASIC_STATS, statBuffer), 'statx');
  return decodeStat();
}
