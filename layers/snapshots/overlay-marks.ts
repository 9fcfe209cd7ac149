import { constants } from 'node:os';
import * as inode from '../linux/inode.ts';
import type { BytePath, FileStat } from './file-tree.ts';

/**
 * What overlayfs writes into an upper directory besides the files: whiteouts and opaque directories
 * (Documentation/filesystems/overlayfs.rst, "whiteouts and opaque directories").
 */

/**
 * Prefix of overlayfs's own attributes: `user.` when mounted with `userxattr`. A mount heeds only one of the two, and
 * a process in a container can set the other, so nothing may heed both.
 */
export type MarkSpace = 'trusted.overlay.' | 'user.overlay.';

const { EPERM, EOPNOTSUPP } = constants.errno;

/** Which of them this process can use on the filesystem of an open directory: `trusted.` needs CAP_SYS_ADMIN on the host. */
export function markSpace(directory: number): MarkSpace {
  // With the right to set it, the answer is that it is not there.
  const errno = inode.tryRemoveXattr(directory, '', 'trusted.overlay.none');
  return errno === EPERM || errno === EOPNOTSUPP ? 'user.overlay.' : 'trusted.overlay.';
}

/**
 * Whether an attribute is part of the file. Overlayfs's own are not, under either prefix: with them a layer could steer
 * a mount. Nor are the labels of the host's security modules (`security.selinux` and its like).
 */
export function isFileXattr(attribute: string): boolean {
  if (attribute.startsWith('security.')) return attribute === 'security.capability';
  return !attribute.startsWith('trusted.overlay.') && !attribute.startsWith('user.overlay.');
}

/** A character device 0:0 says that the name is gone. */
export function isWhiteout(stat: FileStat): boolean {
  return stat.type === 'char' && stat.rdevMajor === 0 && stat.rdevMinor === 0;
}

export function makeWhiteout(directory: number, name: BytePath): void {
  inode.makeNodeAt(directory, name, 'char', 0, 0, 0);
}

/**
 * The opaque attribute of a directory, an entry of an open one. `y` hides what lower layers have in it; `x` says that
 * empty files with a whiteout attribute count as whiteouts in it.
 */
export function opaqueMark(directory: number, name: BytePath, space: MarkSpace): 'y' | 'x' | undefined {
  const value = inode.getXattr(directory, name, `${space}opaque`)?.toString('latin1');
  return value === 'y' || value === 'x' ? value : undefined;
}

/** Whether an open directory (not O_PATH) hides what lower layers have in it. */
export function isOpaque(fd: number, space: MarkSpace): boolean {
  return inode.getXattrFd(fd, `${space}opaque`)?.toString('latin1') === 'y';
}

export function makeOpaque(fd: number, space: MarkSpace): void {
  inode.setXattrFd(fd, `${space}opaque`, Buffer.from('y'));
}

export function removeOpaqueMark(fd: number, space: MarkSpace): void {
  inode.removeXattr(fd, '', `${space}opaque`);
}

/** Whether an empty regular file in a directory marked `x` is a whiteout. */
export function isWhiteoutFile(directory: number, name: BytePath, stat: FileStat, space: MarkSpace): boolean {
  if (stat.type !== 'file' || stat.size !== 0) return false;
  return inode.getXattr(directory, name, `${space}whiteout`) !== undefined;
}
