import { constants } from 'node:os';
import { SystemCallError } from '../errno.ts';
import { calls } from './calls.ts';
import { check } from './outcome.ts';

const { ENXIO } = constants.errno;

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
