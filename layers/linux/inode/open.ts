import { constants } from 'node:os';
import type { BytePath } from '../../snapshots/file-tree.ts';
import { SystemCallError } from '../errno.ts';
import { c } from './c-string.ts';
import { calls } from './calls.ts';
import { O } from './flags.ts';
import { check, isAbsent } from './outcome.ts';

const { EAGAIN, EEXIST } = constants.errno;

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

/** struct open_how: flags, mode and resolve, each of 64 bits, of which the upper halves are zero. */
const how = new Uint32Array(6);
const howBuffer = Buffer.from(how.buffer);
const MOST_ATTEMPTS = 1000;

/** openat2(2); `resolve` from {@link RESOLVE}. O_CLOEXEC is added. */
export function openAt2(directory: number, path: BytePath, flags: number, resolve: number, mode = 0): number {
  how[0] = flags | O.CLOEXEC;
  how[2] = mode;
  how[4] = resolve;
  const { openat2, numbers, errno } = calls();
  for (let attempt = 0; ; attempt++) {
    const fd = openat2(numbers.openat2, directory, c(path), howBuffer, howBuffer.length);
    // EAGAIN: something on the machine was renamed or mounted while a `..` was walked, so the kernel cannot be sure
    // that it did not lead out. openat2(2) says to try again; whoever renames without end only stops this call.
    if (fd >= 0 || errno() !== EAGAIN || attempt === MOST_ATTEMPTS) return check(fd, 'openat2', path);
  }
}

export function close(fd: number): void {
  calls().close(fd);
}
