import type { Room, WrittenStat } from '../diff/step-batch.ts';
import * as inode from '../linux/inode.ts';
import { applyToFd } from './apply-attributes.ts';
import { writeAll } from './copy-content.ts';
import type { BytePath, FileStat } from './file-tree.ts';
import type { Attributes } from './tree-writer.ts';

/** A file just made: its descriptor, and its owner and mode where they are known. */
export interface NewFile {
  readonly fd: number;
  readonly now: Pick<FileStat, 'uid' | 'gid' | 'mode'> | undefined;
  /** It certainly has no extended attributes. */
  readonly isBare: boolean;
}

/** Creates a file; -1 when the name is taken. It gets its mode, or less, and its special bits later. */
export function tryCreate(directory: number, name: BytePath, mode: number): number {
  const { WRONLY, CREAT, EXCL } = inode.O;
  return inode.tryCreateAt(directory, name, WRONLY | CREAT | EXCL, mode & 0o777);
}

/** The same in place of whatever but a directory has the name. */
export function createInstead(directory: number, name: BytePath, mode: number): number {
  const fd = tryCreate(directory, name, mode);
  if (fd >= 0) return fd;
  inode.unlinkAt(directory, name);
  return inode.openAt(directory, name, inode.O.WRONLY | inode.O.CREAT | inode.O.EXCL, mode & 0o777);
}

/**
 * Gives a new file, whose content of `size` bytes was written, its metadata. Answers with it when that is all there is
 * to tell of the file besides its content.
 */
export function complete(
  { fd, now, isBare }: NewFile,
  attributes: Attributes,
  size: number | undefined,
): WrittenStat | undefined {
  const { mtimeNs, xattrs = [] } = attributes;
  applyToFd(fd, attributes, now);
  if (mtimeNs === undefined) return undefined;
  inode.setTimesFd(fd, mtimeNs);
  if (size === undefined || !isBare || xattrs.length > 0) return undefined;
  const stat = { ...attributes, mtimeNs, size };
  return inode.isPlainFile(fd, stat) ? stat : undefined;
}

/** Writes a whole file out of memory, in a directory where new files are `now`, and bare. Answers as {@link complete}. */
export function writeFile(
  directory: number,
  name: BytePath,
  { address }: Room,
  stat: WrittenStat,
  now: NonNullable<NewFile['now']>,
): WrittenStat | undefined {
  const fd = createInstead(directory, name, stat.mode);
  try {
    writeAll(fd, address, stat.size);
    return complete({ fd, now, isBare: true }, stat, stat.size);
  } finally {
    inode.close(fd);
  }
}
