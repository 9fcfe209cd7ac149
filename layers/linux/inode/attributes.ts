import type { BytePath } from '../../snapshots/file-tree.ts';
import { c } from './c-string.ts';
import { calls } from './calls.ts';
import { AT_SYMLINK_NOFOLLOW } from './flags.ts';
import { check } from './outcome.ts';

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

/** Two of struct timespec: seconds, nanoseconds. */
const times = new BigInt64Array(4);
const timesBuffer = Buffer.from(times.buffer);

function encodeTimes(mtimeNs: bigint): Buffer {
  let seconds = mtimeNs / 1_000_000_000n;
  let rest = mtimeNs % 1_000_000_000n;
  if (rest < 0n) {
    seconds -= 1n;
    rest += 1_000_000_000n;
  }
  times[0] = times[2] = seconds;
  times[1] = times[3] = rest;
  return timesBuffer;
}

/** Access and modification time alike. */
export function setTimesAt(directory: number, name: BytePath, mtimeNs: bigint): void {
  check(calls().utimensat(directory, c(name), encodeTimes(mtimeNs), AT_SYMLINK_NOFOLLOW), 'utimensat', name);
}

export function setTimesFd(fd: number, mtimeNs: bigint): void {
  check(calls().futimens(fd, encodeTimes(mtimeNs)), 'futimens');
}

export function setUmask(mask: number): number {
  return calls().umask(mask);
}
