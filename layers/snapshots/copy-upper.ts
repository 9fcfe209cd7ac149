import * as inode from '../linux/inode.ts';
import { applyToFd } from './apply-attributes.ts';
import { copyUpDirectory, copyUpEntry } from './copy-up.ts';
import type { BytePath, FileStat } from './file-tree.ts';
import { isOpaque, isWhiteout, type MarkSpace, makeOpaque, makeWhiteout } from './overlay-marks.ts';
import { readXattrs } from './tree-entry.ts';

/**
 * Copies an upper directory into an empty one as it is: whiteouts stay whiteouts, opaque directories opaque, and hard
 * links within it links. By descriptor; what goes away meanwhile is left out. Sockets are left out.
 */
export function copyUpper(source: number, target: number, space: MarkSpace): void {
  const links = new Map<string, { readonly directory: number; readonly name: BytePath }>();
  const open: number[] = [];
  try {
    directory(source, target);
  } finally {
    for (const fd of open) inode.close(fd);
  }

  function directory(from: number, to: number): void {
    for (const { name } of inode.readDirectory(from)) {
      const stat = inode.statAt(from, name);
      if (stat === undefined || stat.type === 'socket') continue;
      if (isWhiteout(stat)) makeWhiteout(to, name);
      else if (stat.type === 'directory') subdirectory(from, to, name);
      else entry(from, to, name, stat);
    }
    const { mode, uid, gid, mtimeNs } = inode.statFd(from);
    applyToFd(to, { mode, uid, gid, xattrs: readXattrs(from, '') });
    inode.setTimesFd(to, mtimeNs);
  }

  function subdirectory(from: number, to: number, name: BytePath): void {
    const fd = inode.openAt(from, name, inode.O.RDONLY | inode.O.DIRECTORY);
    try {
      const copy = copyUpDirectory(fd, to, name);
      try {
        if (isOpaque(fd, space)) makeOpaque(copy, space);
        directory(fd, copy);
      } finally {
        inode.close(copy);
      }
    } finally {
      inode.close(fd);
    }
  }

  function entry(from: number, to: number, name: BytePath, stat: FileStat): void {
    const key = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1 ? links.get(key) : undefined;
    if (first !== undefined) {
      inode.linkAt(first.directory, first.name, to, name);
      return;
    }
    copyUpEntry(from, to, name, stat);
    if (stat.nlink < 2) return;
    const kept = inode.openAt(to, '.', inode.O.PATH | inode.O.DIRECTORY);
    open.push(kept);
    links.set(key, { directory: kept, name });
  }
}
