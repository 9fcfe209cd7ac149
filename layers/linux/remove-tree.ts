import type { BytePath } from '../snapshots/file-tree.ts';
import * as inode from './inode.ts';

/** Removes an entry of an open directory with all below it, by descriptor and without following a symlink. */
export function removeTreeAt(directory: number, name: BytePath): void {
  if (inode.statAt(directory, name)?.type !== 'directory') {
    inode.unlinkAt(directory, name);
    return;
  }
  const fd = inode.openAt(directory, name, inode.O.RDONLY | inode.O.DIRECTORY);
  try {
    for (const entry of inode.readDirectory(fd)) {
      if (entry.type === 'directory' || entry.type === undefined) removeTreeAt(fd, entry.name);
      else inode.unlinkAt(fd, entry.name);
    }
  } finally {
    inode.close(fd);
  }
  inode.removeDirectoryAt(directory, name);
}
