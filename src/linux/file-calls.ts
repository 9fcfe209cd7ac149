import { constants } from 'node:os';
import { AT_EMPTY_PATH, AT_FDCWD, AT_SYMLINK_NOFOLLOW, O_CLOEXEC } from './constants.ts';
import { errnoName, SyscallError } from './errno.ts';
import type { Invoke } from './invoke.ts';
import type { FileCalls, FileStatus } from './syscalls.ts';

const STATX_BASIC_STATS = 0x7ff;
const PATH_MAX = 4096;
const OPEN_HOW_BYTES = 24;
const { EAGAIN, ENOENT, ENOTDIR } = constants.errno;
const MOST_ATTEMPTS = 1000;
const F_DUPFD_CLOEXEC = 1030;
const MFD_CLOEXEC = 1;

export function fileCalls(invoke: Invoke): FileCalls {
  return {
    open: (path, flags, mode = 0) => invoke('openat', AT_FDCWD, path, flags | O_CLOEXEC, mode),
    openat: (directory, path, flags, mode = 0) => invoke('openat', directory, path, flags | O_CLOEXEC, mode),
    openat2: (directory, path, flags, resolve) => {
      const found = openat2(invoke, directory, path, openHow(flags, resolve));
      if (found < 0) throw new SyscallError('openat2', -found);
      return found;
    },
    findat2: (directory, path, flags, resolve) => {
      const found = openat2(invoke, directory, path, openHow(flags, resolve));
      if (found >= 0) return found;
      if (found === -ENOENT || found === -ENOTDIR) return undefined;
      throw new SyscallError('openat2', -found);
    },
    close: (fd) => {
      invoke('close', fd);
    },
    closeRange: (first, flags) => {
      invoke('close_range', first, 0xffffffff, flags);
    },
    dup2: (from, to) => {
      invoke('dup3', from, to, 0);
    },
    duplicate: (fd) => invoke('fcntl', fd, F_DUPFD_CLOEXEC, 10),
    memfdCreate: (name) => invoke('memfd_create', name, MFD_CLOEXEC),
    read: (fd, into) => invoke('read', fd, into, into.length),
    write: (fd, bytes) => invoke('write', fd, bytes, bytes.length),
    mkdirat: (directory, name, mode) => {
      invoke('mkdirat', directory, name, mode);
    },
    mknodat: (directory, name, mode, major, minor) => {
      invoke('mknodat', directory, name, mode, deviceNumber(major, minor));
    },
    symlinkat: (target, directory, name) => {
      invoke('symlinkat', target, directory, name);
    },
    readlink: (fd) => {
      const target = Buffer.alloc(PATH_MAX);
      return target.toString('utf8', 0, invoke('readlinkat', fd, '', target, target.length));
    },
    fchown: (fd, uid, gid) => {
      invoke('fchownat', fd, '', uid, gid, AT_EMPTY_PATH);
    },
    fchmod: (fd, mode) => {
      invoke('fchmod', fd, mode);
    },
    statAt: (directory, path) => {
      const status = Buffer.alloc(256);
      const flags = AT_SYMLINK_NOFOLLOW | (path === '' ? AT_EMPTY_PATH : 0);
      invoke('statx', directory, path, flags, STATX_BASIC_STATS, status);
      return decodeStatx(status);
    },
    filesystemType: (fd) => {
      const status = Buffer.alloc(120);
      invoke('fstatfs', fd, status);
      return status.readUInt32LE(0);
    },
    access: (path, mode) => {
      const result = invoke.answer('faccessat', AT_FDCWD, path, mode);
      return result < 0 ? errnoName(-result) : undefined;
    },
    chdir: (path) => {
      invoke('chdir', path);
    },
    fchdir: (fd) => {
      invoke('fchdir', fd);
    },
    getcwd: () => {
      const path = Buffer.alloc(PATH_MAX);
      return path.toString('utf8', 0, invoke('getcwd', path, path.length) - 1);
    },
    ioctl: (fd, request, argument) => invoke('ioctl', fd, request, argument),
    pollNow: (fd, events) => {
      const pollfd = Buffer.alloc(8);
      pollfd.writeInt32LE(fd, 0);
      pollfd.writeInt16LE(events, 4);
      return invoke('ppoll', pollfd, 1, Buffer.alloc(16), null, 0) > 0;
    },
  };
}

/**
 * The descriptor, or a negative errno. EAGAIN: something on the machine was renamed or mounted while a `..` was walked,
 * so the kernel cannot be sure that it did not lead out; openat2(2) says to try again.
 */
function openat2(invoke: Invoke, directory: number, path: string, how: Uint8Array): number {
  for (let attempt = 0; ; attempt++) {
    const found = invoke.answer('openat2', directory, path, how, OPEN_HOW_BYTES);
    if (found !== -EAGAIN || attempt === MOST_ATTEMPTS) return found;
  }
}

/** openat2(2), struct open_how. */
function openHow(flags: number, resolve: number): Buffer {
  const how = Buffer.alloc(OPEN_HOW_BYTES);
  how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return how;
}

/** include/linux/kdev_t.h, new_encode_dev. */
function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0;
}

/** statx(2), struct statx. */
function decodeStatx(status: Buffer): FileStatus {
  return {
    mode: status.readUInt16LE(28),
    inode: status.readBigUInt64LE(32),
    rdev: { major: status.readUInt32LE(128), minor: status.readUInt32LE(132) },
    device: { major: status.readUInt32LE(136), minor: status.readUInt32LE(140) },
  };
}
