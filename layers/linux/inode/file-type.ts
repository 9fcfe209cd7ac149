import type { FileType } from '../../snapshots/file-tree.ts';

/** inode(7), "The file type and mode": by the top four bits of the mode, which d_type of readdir(3) is too. */
export const fileTypes = new Map<number, FileType>([
  [1, 'fifo'],
  [2, 'char'],
  [4, 'directory'],
  [6, 'block'],
  [8, 'file'],
  [10, 'symlink'],
  [12, 'socket'],
]);
