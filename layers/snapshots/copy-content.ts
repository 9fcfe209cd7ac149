import { ftruncateSync } from 'node:fs';
import type { Room } from '../diff/step-batch.ts';
import { SystemCallError } from '../linux/errno.ts';
import * as inode from '../linux/inode.ts';

/** Below this a read and a write cost less than copy_file_range(2), and holes are not worth looking for. */
export const SMALL = 64 * 1024;
const BUFFER_SIZE = 1024 * 1024;
/** The kernel copies 2 GiB less a page at most in one call. */
const MAX_RANGE = 1024 * 1024 * 1024;

/** What copy_file_range(2) answers when it cannot serve these two files, rather than that something is wrong. */
const CANNOT_COPY_RANGE: ReadonlySet<string> = new Set([
  'EXDEV',
  'EINVAL',
  'ENOSYS',
  'EOPNOTSUPP',
  'EPERM',
  'EBADF',
]);

let shared: Room | undefined;

function buffer(): Room {
  if (shared === undefined) {
    const bytes = Buffer.allocUnsafeSlow(BUFFER_SIZE);
    shared = { bytes, offset: 0, address: inode.addressOf(bytes) };
  }
  return shared;
}

/**
 * Copies the first `size` bytes of a regular file into an empty one, or what there is when it has become shorter.
 * Holes stay holes. The empty one must be at its start; where they are afterwards is open.
 */
export function copyContent(from: number, to: number, size: number): void {
  if (size === 0) return;
  if (size <= SMALL) {
    copySmall(from, to, size, buffer());
    return;
  }
  for (let position = 0; position < size; ) {
    const data = inode.seek(from, position, inode.SEEK.DATA);
    if (data < 0 || data >= size) break;
    const hole = inode.seek(from, data, inode.SEEK.HOLE);
    const end = hole < 0 ? size : Math.min(hole, size);
    inode.seek(from, data, inode.SEEK.SET);
    inode.seek(to, data, inode.SEEK.SET);
    copyRange(from, to, end - data);
    position = end;
  }
  ftruncateSync(to, size);
}

/** Copies like {@link copyContent}, in as few calls as there can be: one to read and one to write, by way of the room. */
function copySmall(from: number, to: number, size: number, room: Room): void {
  writeAll(to, room.address, readSmall(from, size, room));
}

/** Reads the first `size` bytes of a file, or what there is when it has become shorter. */
export function readSmall(from: number, size: number, { address }: Room): number {
  let length = 0;
  while (length < size) {
    const count = inode.readIntoFrom(from, address + BigInt(length), size - length, length);
    if (count === 0) break;
    length += count;
  }
  return length;
}

/** Writes bytes into an empty file. */
export function writeContent(to: number, bytes: Uint8Array): void {
  const { bytes: window, address } = buffer();
  for (let offset = 0; offset < bytes.length; offset += BUFFER_SIZE) {
    const part = bytes.subarray(offset, offset + BUFFER_SIZE);
    window.set(part);
    writeAll(to, address, part.length);
  }
}

/** Copies from and to the current offsets. */
function copyRange(from: number, to: number, size: number): void {
  let left = size;
  if (left > SMALL) left -= copyInKernel(from, to, left);
  const { address } = buffer();
  while (left > 0) {
    const count = inode.readInto(from, address, Math.min(left, BUFFER_SIZE));
    if (count === 0) return;
    writeAll(to, address, count);
    left -= count;
  }
}

/** How many bytes the kernel was able to copy; the rest is to be read and written. */
function copyInKernel(from: number, to: number, size: number): number {
  let copied = 0;
  try {
    while (copied < size) {
      const count = inode.copyFileRange(from, to, Math.min(size - copied, MAX_RANGE));
      if (count === 0) break;
      copied += count;
    }
  } catch (error) {
    if (!(error instanceof SystemCallError && CANNOT_COPY_RANGE.has(error.code))) throw error;
  }
  return copied;
}

/** Writes on at the current offset. */
export function writeAll(to: number, address: bigint, size: number): void {
  for (let written = 0; written < size; ) {
    written += inode.writeFrom(to, address + BigInt(written), size - written);
  }
}
