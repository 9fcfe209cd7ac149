import { constants } from 'node:os';
import type { BytePath, FileStat, FileType } from '../snapshots/file-tree.ts';
import { SystemCallError } from './errno.ts';
import { type Koffi, koffi } from './koffi.ts';

/**
 * The inode calls that Node lacks or has only for whole paths: everything relative to a directory descriptor, with
 * names as bytes. All are synchronous, throw {@link SystemCallError}, and never follow a symlink in the last component.
 */

export const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_REMOVEDIR = 0x200;
const AT_SYMLINK_FOLLOW = 0x400;
const AT_EMPTY_PATH = 0x1000;

/** open(2) flags. */
export const O = {
  RDONLY: 0,
  WRONLY: 1,
  RDWR: 2,
  CREAT: 0o100,
  EXCL: 0o200,
  TRUNC: 0o1000,
  NONBLOCK: 0o4000,
  DIRECTORY: 0o200000,
  NOFOLLOW: 0o400000,
  CLOEXEC: 0o2000000,
  PATH: 0o10000000,
  TMPFILE: 0o20200000,
} as const;

/** openat2(2) resolve flags. */
export const RESOLVE = { NO_XDEV: 1, NO_MAGICLINKS: 2, NO_SYMLINKS: 4, BENEATH: 8, IN_ROOT: 16 } as const;

const { EAGAIN, EEXIST, ENODATA, ENOENT, ENOTDIR, ENXIO, EOPNOTSUPP, ERANGE } = constants.errno;

/** System call numbers that differ between architectures or lack a libc wrapper. */
const NUMBERS: Readonly<Record<string, Numbers>> = {
  x64: { getdents64: 217, renameat2: 316, openat2: 437 },
  arm64: { getdents64: 61, renameat2: 276, openat2: 437 },
};

interface Numbers {
  readonly getdents64: number;
  readonly renameat2: number;
  readonly openat2: number;
}

interface Calls {
  readonly errno: () => number;
  readonly numbers: Numbers;
  readonly address: (buffer: Uint8Array) => bigint;
  readonly openat: (fd: number, name: Uint8Array, flags: number, mode: number) => number;
  readonly openat2: (number: number, fd: number, name: Uint8Array, how: Uint8Array, size: number) => number;
  readonly close: (fd: number) => number;
  readonly getdents: (number: number, fd: number, buffer: Uint8Array, size: number) => number;
  readonly statx: (fd: number, name: Uint8Array, flags: number, mask: number, buffer: Uint8Array) => number;
  readonly readlinkat: (fd: number, name: Uint8Array, buffer: Uint8Array, size: number) => number;
  readonly mkdirat: (fd: number, name: Uint8Array, mode: number) => number;
  readonly mknodat: (fd: number, name: Uint8Array, mode: number, device: number) => number;
  readonly symlinkat: (target: Uint8Array, fd: number, name: Uint8Array) => number;
  readonly linkat: (fromFd: number, from: Uint8Array, toFd: number, to: Uint8Array, flags: number) => number;
  readonly unlinkat: (fd: number, name: Uint8Array, flags: number) => number;
  readonly renameat: (fromFd: number, from: Uint8Array, toFd: number, to: Uint8Array) => number;
  readonly renameat2: (
    number: number,
    fromFd: number,
    from: Uint8Array,
    toFd: number,
    to: Uint8Array,
    flags: number,
  ) => number;
  readonly fchownat: (fd: number, name: Uint8Array, uid: number, gid: number, flags: number) => number;
  readonly fchown: (fd: number, uid: number, gid: number) => number;
  readonly fchmod: (fd: number, mode: number) => number;
  readonly fchmodat: (fd: number, name: Uint8Array, mode: number, flags: number) => number;
  readonly utimensat: (fd: number, name: Uint8Array, times: Uint8Array, flags: number) => number;
  readonly futimens: (fd: number, times: Uint8Array) => number;
  readonly copyFileRange: (
    from: number,
    fromOffset: null,
    to: number,
    toOffset: null,
    size: number,
    flags: number,
  ) => number;
  readonly lseek: (fd: number, offset: number, whence: number) => number;
  readonly read: (fd: number, address: bigint, size: number) => number;
  readonly pread: (fd: number, address: bigint, size: number, offset: number) => number;
  readonly write: (fd: number, address: bigint, size: number) => number;
  readonly llistxattr: (path: Uint8Array, list: Uint8Array, size: number) => number;
  readonly lgetxattr: (path: Uint8Array, name: Uint8Array, value: Uint8Array, size: number) => number;
  readonly lsetxattr: (
    path: Uint8Array,
    name: Uint8Array,
    value: Uint8Array,
    size: number,
    flags: number,
  ) => number;
  readonly lremovexattr: (path: Uint8Array, name: Uint8Array) => number;
  readonly flistxattr: (fd: number, list: Uint8Array, size: number) => number;
  readonly fgetxattr: (fd: number, name: Uint8Array, value: Uint8Array, size: number) => number;
  readonly fsetxattr: (
    fd: number,
    name: Uint8Array,
    value: Uint8Array,
    size: number,
    flags: number,
  ) => number;
  readonly umask: (mask: number) => number;
}

let cached: Calls | undefined;

function calls(): Calls {
  cached ??= declare(koffi());
  return cached;
}

function declare(library: Koffi): Calls {
  const libc = library.load(null);
  const prototypes: Readonly<
    Record<string, readonly [symbol: string, result: string, parameters: readonly string[]]>
  > = {
    openat: ['openat', 'int', ['int', 'void*', 'int', 'uint']],
    openat2: ['syscall', 'long', ['long', 'int', 'void*', 'void*', 'ulong']],
    close: ['close', 'int', ['int']],
    getdents: ['syscall', 'long', ['long', 'int', 'void*', 'ulong']],
    statx: ['statx', 'int', ['int', 'void*', 'int', 'uint', 'void*']],
    readlinkat: ['readlinkat', 'long', ['int', 'void*', 'void*', 'ulong']],
    mkdirat: ['mkdirat', 'int', ['int', 'void*', 'uint']],
    mknodat: ['mknodat', 'int', ['int', 'void*', 'uint', 'ulong']],
    symlinkat: ['symlinkat', 'int', ['void*', 'int', 'void*']],
    linkat: ['linkat', 'int', ['int', 'void*', 'int', 'void*', 'int']],
    unlinkat: ['unlinkat', 'int', ['int', 'void*', 'int']],
    renameat: ['renameat', 'int', ['int', 'void*', 'int', 'void*']],
    renameat2: ['syscall', 'long', ['long', 'int', 'void*', 'int', 'void*', 'uint']],
    fchownat: ['fchownat', 'int', ['int', 'void*', 'uint', 'uint', 'int']],
    fchown: ['fchown', 'int', ['int', 'uint', 'uint']],
    fchmod: ['fchmod', 'int', ['int', 'uint']],
    fchmodat: ['fchmodat', 'int', ['int', 'void*', 'uint', 'int']],
    utimensat: ['utimensat', 'int', ['int', 'void*', 'void*', 'int']],
    futimens: ['futimens', 'int', ['int', 'void*']],
    copyFileRange: ['copy_file_range', 'long', ['int', 'void*', 'int', 'void*', 'ulong', 'uint']],
    lseek: ['lseek', 'long', ['int', 'long', 'int']],
    read: ['read', 'long', ['int', 'void*', 'ulong']],
    pread: ['pread', 'long', ['int', 'void*', 'ulong', 'long']],
    write: ['write', 'long', ['int', 'void*', 'ulong']],
    llistxattr: ['llistxattr', 'long', ['void*', 'void*', 'ulong']],
    lgetxattr: ['lgetxattr', 'long', ['void*', 'void*', 'void*', 'ulong']],
    lsetxattr: ['lsetxattr', 'int', ['void*', 'void*', 'void*', 'ulong', 'int']],
    lremovexattr: ['lremovexattr', 'int', ['void*', 'void*']],
    flistxattr: ['flistxattr', 'long', ['int', 'void*', 'ulong']],
    fgetxattr: ['fgetxattr', 'long', ['int', 'void*', 'void*', 'ulong']],
    fsetxattr: ['fsetxattr', 'int', ['int', 'void*', 'void*', 'ulong', 'int']],
    umask: ['umask', 'uint', ['uint']],
  };
  const numbers = NUMBERS[process.arch];
  if (numbers === undefined)
    throw new Error(`No system call numbers are known for the architecture ${process.arch}`);
  const table = {
    errno: () => library.errno(),
    numbers,
    address: (buffer: Uint8Array) => library.address(buffer),
  };
  // Declaring a function costs 25 µs: each is declared when first called, and takes the place of its getter.
  for (const [name, [symbol, result, parameters]] of Object.entries(prototypes)) {
    Object.defineProperty(table, name, {
      configurable: true,
      get() {
        const value = libc.func(symbol, result, [...parameters]);
        Object.defineProperty(table, name, { value });
        return value;
      },
    });
  }
  return table as Calls;
}

/** No call takes more than two strings, so two buffers serve in turn: an allocation costs as much as a call. */
const strings = [Buffer.allocUnsafeSlow(8192), Buffer.allocUnsafeSlow(8192)] as const;
let nextString: 0 | 1 = 0;

/** A NUL-terminated C string of a byte path, valid until the second call after it. */
function c(path: BytePath): Buffer {
  nextString = nextString === 0 ? 1 : 0;
  const buffer = strings[nextString];
  if (path.length >= buffer.length) return Buffer.from(`${path}\0`, 'latin1');
  buffer[buffer.write(path, 0, 'latin1')] = 0;
  return buffer;
}

const EMPTY = Buffer.alloc(1);

function check(result: number, syscall: string, path?: BytePath): number {
  if (result < 0) throw new SystemCallError(syscall, calls().errno(), path);
  return result;
}

/** O_CLOEXEC and O_NOFOLLOW are added. */
export function openAt(directory: number, name: BytePath, flags: number, mode = 0): number {
  return check(calls().openat(directory, c(name), flags | O.CLOEXEC | O.NOFOLLOW, mode), 'openat', name);
}

/** Like {@link openAt}; -1 when the entry is not there (ENOENT, ENOTDIR). */
export function tryOpenAt(directory: number, name: BytePath, flags: number): number {
  const fd = calls().openat(directory, c(name), flags | O.CLOEXEC | O.NOFOLLOW, 0);
  if (fd < 0 && !isAbsent()) throw new SystemCallError('openat', calls().errno(), name);
  return fd;
}

/** Creates a regular file; -1 when the name is taken. `flags` with O_CREAT and O_EXCL. */
export function tryCreateAt(directory: number, name: BytePath, flags: number, mode: number): number {
  const fd = calls().openat(directory, c(name), flags | O.CLOEXEC | O.NOFOLLOW, mode);
  if (fd < 0 && calls().errno() !== EEXIST) throw new SystemCallError('openat', calls().errno(), name);
  return fd;
}

const how = Buffer.alloc(24);
const MOST_ATTEMPTS = 1000;

/** openat2(2); `resolve` from {@link RESOLVE}. O_CLOEXEC is added. */
export function openAt2(directory: number, path: BytePath, flags: number, resolve: number, mode = 0): number {
  // Three 64-bit fields, of which the upper halves are zero.
  how.writeUInt32LE(flags | O.CLOEXEC, 0);
  how.writeUInt32LE(mode, 8);
  how.writeUInt32LE(resolve, 16);
  const { openat2, numbers, errno } = calls();
  for (let attempt = 0; ; attempt++) {
    const fd = openat2(numbers.openat2, directory, c(path), how, how.length);
    // EAGAIN: something on the machine was renamed or mounted while a `..` was walked, so the kernel cannot be sure
    // that it did not lead out. openat2(2) says to try again; whoever renames without end only stops this call.
    if (fd >= 0 || errno() !== EAGAIN || attempt === MOST_ATTEMPTS) return check(fd, 'openat2', path);
  }
}

export function close(fd: number): void {
  calls().close(fd);
}

/** Whether the last failed call said "not there". */
function isAbsent(): boolean {
  const errno = calls().errno();
  return errno === ENOENT || errno === ENOTDIR;
}
/** inode(7), "The file type and mode": by the top four bits of the mode, which d_type of readdir(3) is too. */
const fileTypes = new Map<number, FileType>([
  [1, 'fifo'],
  [2, 'char'],
  [4, 'directory'],
  [6, 'block'],
  [8, 'file'],
  [10, 'symlink'],
  [12, 'socket'],
]);

export interface DirectoryEntry {
  readonly name: BytePath;
  /** Undefined where the filesystem does not tell. */
  readonly type: FileType | undefined;
}

const direntBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** Entries of an open directory from its current position, unsorted, without `.` and `..`. */
export function readDirectory(fd: number): DirectoryEntry[] {
  const { getdents, numbers } = calls();
  const entries: DirectoryEntry[] = [];
  for (;;) {
    const length = check(getdents(numbers.getdents64, fd, direntBuffer, direntBuffer.length), 'getdents64');
    if (length === 0) return entries;
    for (let offset = 0; offset < length; offset += direntBuffer.readUInt16LE(offset + 16)) {
      const start = offset + 19;
      const name = direntBuffer.toString('latin1', start, direntBuffer.indexOf(0, start));
      if (name !== '.' && name !== '..')
        entries.push({ name, type: fileTypes.get(direntBuffer[offset + 18]!) });
    }
  }
}

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

const linkBuffer = Buffer.allocUnsafeSlow(4096);

/** With an empty name: of the O_PATH descriptor itself. */
export function readLinkAt(directory: number, name: BytePath): BytePath {
  const length = check(
    calls().readlinkat(directory, c(name), linkBuffer, linkBuffer.length),
    'readlinkat',
    name,
  );
  return linkBuffer.toString('latin1', 0, length);
}

/** The mode is subject to the umask: set it with {@link chmodFd} where it matters. */
export function makeDirectoryAt(directory: number, name: BytePath, mode: number): void {
  check(calls().mkdirat(directory, c(name), mode), 'mkdirat', name);
}

const nodeTypes = { fifo: 0o010000, char: 0o020000, block: 0o060000, socket: 0o140000 } as const;

export function makeNodeAt(
  directory: number,
  name: BytePath,
  type: keyof typeof nodeTypes,
  mode: number,
  major: number,
  minor: number,
): void {
  // The kernel's 32-bit encoding (new_encode_dev), which glibc's makedev extends.
  const device = (minor & 0xff) + (major & 0xfff) * 0x100 + Math.floor(minor / 0x100) * 0x10_0000;
  check(calls().mknodat(directory, c(name), nodeTypes[type] | mode, device), 'mknodat', name);
}

export function symlinkAt(target: BytePath, directory: number, name: BytePath): void {
  check(calls().symlinkat(c(target), directory, c(name)), 'symlinkat', name);
}

export function linkAt(fromDirectory: number, from: BytePath, toDirectory: number, to: BytePath): void {
  check(calls().linkat(fromDirectory, c(from), toDirectory, c(to), 0), 'linkat', to);
}

/** Gives a file that has no name yet (made with `O.TMPFILE`) its name, which must be free. */
export function linkFd(fd: number, directory: number, name: BytePath): void {
  // Without AT_EMPTY_PATH, which takes a capability over the whole machine: open(2), O_TMPFILE.
  check(
    calls().linkat(AT_FDCWD, c(`/proc/self/fd/${fd}`), directory, c(name), AT_SYMLINK_FOLLOW),
    'linkat',
    name,
  );
}

export function unlinkAt(directory: number, name: BytePath): void {
  check(calls().unlinkat(directory, c(name), 0), 'unlinkat', name);
}

export function removeDirectoryAt(directory: number, name: BytePath): void {
  check(calls().unlinkat(directory, c(name), AT_REMOVEDIR), 'unlinkat', name);
}

export function renameAt(fromDirectory: number, from: BytePath, toDirectory: number, to: BytePath): void {
  check(calls().renameat(fromDirectory, c(from), toDirectory, c(to)), 'renameat', to);
}

const RENAME_EXCHANGE = 2;

/** Swaps two entries at one instant: no name is missing in between. */
export function exchangeAt(fromDirectory: number, from: BytePath, toDirectory: number, to: BytePath): void {
  const { renameat2, numbers } = calls();
  check(
    renameat2(numbers.renameat2, fromDirectory, c(from), toDirectory, c(to), RENAME_EXCHANGE),
    'renameat2',
    to,
  );
}

export function chownAt(directory: number, name: BytePath, uid: number, gid: number): void {
  check(calls().fchownat(directory, c(name), uid, gid, AT_SYMLINK_NOFOLLOW), 'fchownat', name);
}

export function chownFd(fd: number, uid: number, gid: number): void {
  check(calls().fchown(fd, uid, gid), 'fchown');
}

export function chmodFd(fd: number, mode: number): void {
  check(calls().fchmod(fd, mode), 'fchmod');
}

/** Follows a symlink (fchmodat(2) cannot do otherwise): only for names known to be no symlink. */
export function chmodAt(directory: number, name: BytePath, mode: number): void {
  check(calls().fchmodat(directory, c(name), mode, 0), 'fchmodat', name);
}

const timesBuffer = Buffer.alloc(32);

function encodeTimes(mtimeNs: bigint): Buffer {
  let seconds = mtimeNs / 1_000_000_000n;
  let rest = mtimeNs % 1_000_000_000n;
  if (rest < 0n) {
    seconds -= 1n;
    rest += 1_000_000_000n;
  }
  for (const offset of [0, 16]) {
    timesBuffer.writeBigInt64LE(seconds, offset);
    timesBuffer.writeBigInt64LE(rest, offset + 8);
  }
  return timesBuffer;
}

/** Access and modification time alike. */
export function setTimesAt(directory: number, name: BytePath, mtimeNs: bigint): void {
  check(calls().utimensat(directory, c(name), encodeTimes(mtimeNs), AT_SYMLINK_NOFOLLOW), 'utimensat', name);
}

export function setTimesFd(fd: number, mtimeNs: bigint): void {
  check(calls().futimens(fd, encodeTimes(mtimeNs)), 'futimens');
}

/** Up to `size` bytes from and at the current offsets; 0 at the end of the source. */
export function copyFileRange(from: number, to: number, size: number): number {
  return check(calls().copyFileRange(from, null, to, null, size, 0), 'copy_file_range');
}

/** Where {@link seek} counts from: the start; or the next data or hole at or after the offset. */
export const SEEK = { SET: 0, DATA: 3, HOLE: 4 } as const;

/** lseek(2). `DATA` and `HOLE` answer -1 when there is none up to the end. */
export function seek(fd: number, offset: number, whence: number): number {
  const position = calls().lseek(fd, offset, whence);
  if (position < 0 && !(whence !== SEEK.SET && calls().errno() === ENXIO))
    throw new SystemCallError('lseek', calls().errno());
  return position;
}

/** Address of a buffer made with `Buffer.allocUnsafeSlow`, for {@link readInto} and {@link writeFrom}. */
export function addressOf(buffer: Uint8Array): bigint {
  return calls().address(buffer);
}

/** read(2) to an address; 0 at the end. */
export function readInto(fd: number, address: bigint, size: number): number {
  return check(calls().read(fd, address, size), 'read');
}

/** pread(2) to an address: from an offset, which leaves the descriptor's own alone; 0 at the end. */
export function readIntoFrom(fd: number, address: bigint, size: number, offset: number): number {
  return check(calls().pread(fd, address, size, offset), 'pread');
}

/** write(2) from an address; may be short. */
export function writeFrom(fd: number, address: bigint, size: number): number {
  return check(calls().write(fd, address, size), 'write');
}

export function setUmask(mask: number): number {
  return calls().umask(mask);
}

const xattrList = Buffer.allocUnsafeSlow(64 * 1024);
const xattrValue = Buffer.allocUnsafeSlow(64 * 1024);

/**
 * Path that names an entry for the xattr calls, which have no *at form: the directory by descriptor, so only the
 * last component is looked up (and, being `l…xattr`, not followed).
 */
function xattrPath(directory: number, name: BytePath): Buffer {
  return c(name === '' ? `/proc/self/fd/${directory}/.` : `/proc/self/fd/${directory}/${name}`);
}

/** Names of the extended attributes of an entry; of the directory itself when the name is empty. */
export function listXattrs(directory: number, name: BytePath): string[] {
  return splitXattrList(calls().llistxattr(xattrPath(directory, name), xattrList, xattrList.length), name);
}

/** {@link listXattrs} of an open file or directory (not O_PATH). */
export function listXattrsFd(fd: number): string[] {
  return splitXattrList(calls().flistxattr(fd, xattrList, xattrList.length));
}

function splitXattrList(length: number, name?: BytePath): string[] {
  if (length < 0) {
    if (calls().errno() === EOPNOTSUPP) return [];
    throw new SystemCallError('listxattr', calls().errno(), name);
  }
  return length === 0 ? [] : xattrList.toString('latin1', 0, length - 1).split('\0');
}

/** Undefined when there is no such attribute. */
export function getXattr(directory: number, name: BytePath, attribute: string): Buffer | undefined {
  return copyXattrValue(
    calls().lgetxattr(xattrPath(directory, name), c(attribute), xattrValue, xattrValue.length),
    name,
  );
}

/** {@link getXattr} of an open file or directory (not O_PATH). */
export function getXattrFd(fd: number, attribute: string): Buffer | undefined {
  return copyXattrValue(calls().fgetxattr(fd, c(attribute), xattrValue, xattrValue.length));
}

function copyXattrValue(length: number, name?: BytePath): Buffer | undefined {
  if (length < 0) {
    const errno = calls().errno();
    if (errno === ENODATA || errno === EOPNOTSUPP || errno === ERANGE) return undefined;
    throw new SystemCallError('getxattr', errno, name);
  }
  return Buffer.from(xattrValue.subarray(0, length));
}

export function setXattr(directory: number, name: BytePath, attribute: string, value: Uint8Array): void {
  check(
    calls().lsetxattr(xattrPath(directory, name), c(attribute), value, value.length, 0),
    `lsetxattr ${attribute}`,
    name,
  );
}

/** {@link setXattr} of an open file or directory (not O_PATH). */
export function setXattrFd(fd: number, attribute: string, value: Uint8Array): void {
  check(calls().fsetxattr(fd, c(attribute), value, value.length, 0), `fsetxattr ${attribute}`);
}

export function removeXattr(directory: number, name: BytePath, attribute: string): void {
  check(calls().lremovexattr(xattrPath(directory, name), c(attribute)), `lremovexattr ${attribute}`, name);
}
