import { type BytePath, bytePath } from '../snapshots/file-tree.ts';
import { SystemCallError } from './errno.ts';
import * as inode from './inode.ts';

const DIRECTORY = inode.O.RDONLY | inode.O.DIRECTORY;

/** Bytes that a directory takes on disk with all below it: the blocks of each inode, once. 0 when it is not there. */
export function diskUsage(directory: string): number {
  return sumBelow(directory, ({ bytes }) => bytes);
}

/** Bytes in the files below a directory, each inode once; what Docker calls the size of a container. */
export function sizeOfFiles(directory: string): number {
  return sumBelow(directory, ({ type, size }) => (type === 'directory' ? 0 : size));
}

/** By descriptor, so that nothing in it leads outside; others may change it meanwhile. */
function sumBelow(directory: string, measure: (use: inode.DiskUse) => number): number {
  const seen = new Set<string>();
  let bytes = 0;

  const count = (use: inode.DiskUse | undefined): boolean => {
    if (use === undefined) return false;
    if (use.nlink > 1 && use.type !== 'directory') {
      if (seen.has(use.key)) return false;
      seen.add(use.key);
    }
    bytes += measure(use);
    return use.type === 'directory';
  };
  const visit = (fd: number): void => {
    for (const { name } of inode.readDirectory(fd)) {
      if (!count(inode.diskUseAt(fd, name))) continue;
      const child = openDirectory(fd, name);
      if (child === undefined) continue;
      try {
        visit(child);
      } finally {
        inode.close(child);
      }
    }
  };
  const root = openDirectory(inode.AT_FDCWD, bytePath(directory));
  if (root === undefined) return 0;
  try {
    count(inode.diskUseAt(root, ''));
    visit(root);
  } finally {
    inode.close(root);
  }
  return bytes;
}

/** Undefined when it is not there, or no directory any more. */
function openDirectory(parent: number, name: BytePath): number | undefined {
  try {
    return inode.openAt(parent, name, DIRECTORY);
  } catch (error) {
    if (error instanceof SystemCallError && ['ENOENT', 'ENOTDIR', 'ELOOP'].includes(error.code))
      return undefined;
    throw error;
  }
}
