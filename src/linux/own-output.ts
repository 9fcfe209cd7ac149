import { fstatSync, writeSync } from 'node:fs';
import type { Syscalls } from './syscalls.ts';

const POLLOUT = 4;
/** A pipe that can be written takes that many bytes at once: pipe(7), PIPE_BUF. */
const PIPE_BUF = 4096;

/** Writes what `fd` takes without waiting for a reader; the number of bytes. An error is left to who writes the rest. */
export function writeWhatFits(fd: number, bytes: Uint8Array, sys: Pick<Syscalls, 'pollNow'>): number {
  let done = 0;
  try {
    // A file takes all of it, as a whole: lines of several processes that append to it stay as they are.
    const most = bytes.length > PIPE_BUF && fstatSync(fd).isFile() ? bytes.length : PIPE_BUF;
    while (done < bytes.length && sys.pollNow(fd, POLLOUT))
      done += writeSync(fd, bytes, done, Math.min(most, bytes.length - done));
  } catch {
    // Gone, full, or taken by another writer meanwhile.
  }
  return done;
}
