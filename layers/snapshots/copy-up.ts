import * as inode from '../linux/inode.ts';
import { applyToEntry, applyToFd } from './apply-attributes.ts';
import { copyContent } from './copy-content.ts';
import type { BytePath, FileStat } from './file-tree.ts';
import { readXattrs } from './tree-entry.ts';

/**
 * Copies of single entries from a layer directory into the upper one, with all their metadata: what overlayfs does
 * before something is changed that only a lower layer has.
 */

/** Copies the directory alone, without what it holds, and opens the copy. Its time is left to the caller. */
export function copyUpDirectory(source: number, target: number, name: BytePath): number {
  const stat = inode.statFd(source);
  const xattrs = readXattrs(source, '');
  inode.makeDirectoryAt(target, name, 0o700);
  const fd = inode.openAt(target, name, inode.O.RDONLY | inode.O.DIRECTORY);
  applyToFd(fd, { mode: stat.mode, uid: stat.uid, gid: stat.gid, xattrs });
  return fd;
}

/** Copies anything else; the name must be free. A file's other hard links stay with the original, as overlayfs has it. */
export function copyUpEntry(source: number, target: number, name: BytePath, stat: FileStat): void {
  const { mode, uid, gid, mtimeNs } = stat;
  const xattrs = readXattrs(source, name);
  switch (stat.type) {
    case 'file':
      copyUpFile(source, target, name, stat, xattrs);
      return;
    case 'symlink':
      inode.symlinkAt(inode.readLinkAt(source, name), target, name);
      break;
    case 'directory':
      throw new Error(`"${name}" is a directory`);
    default:
      inode.makeNodeAt(target, name, stat.type, 0o600, stat.rdevMajor, stat.rdevMinor);
  }
  applyToEntry(target, name, stat, { mode, uid, gid, mtimeNs, xattrs });
}

function copyUpFile(
  source: number,
  target: number,
  name: BytePath,
  stat: FileStat,
  xattrs: readonly (readonly [name: string, value: Buffer])[],
): void {
  const { mode, uid, gid, mtimeNs } = stat;
  const from = inode.openAt(source, name, inode.O.RDONLY | inode.O.NONBLOCK);
  try {
    const to = inode.openAt(target, name, inode.O.WRONLY | inode.O.CREAT | inode.O.EXCL, 0o600);
    try {
      copyContent(from, to, stat.size);
      applyToFd(to, { mode, uid, gid, xattrs });
      inode.setTimesFd(to, mtimeNs);
    } finally {
      inode.close(to);
    }
  } finally {
    inode.close(from);
  }
}
