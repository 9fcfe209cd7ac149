import type { BytePath, FileType } from '../../snapshots/file-tree.ts';
import { calls } from './calls.ts';
import { fileTypes } from './file-type.ts';
import { check } from './outcome.ts';

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
    for (let offset = 0; offset < length; offset += recordLength(offset)) {
      const start = offset + 19;
      let end = start;
      while (end < length && direntBuffer[end] !== 0) end++;
      const name = direntBuffer.toString('latin1', start, end);
      if (name !== '.' && name !== '..')
        entries.push({ name, type: fileTypes.get(direntBuffer[offset + 18]!) });
    }
  }
}

/** d_reclen. */
function recordLength(offset: number): number {
  return direntBuffer[offset + 16]! | (direntBuffer[offset + 17]! << 8);
}
