import { SystemCallError } from '../linux/errno.ts';
import * as inode from '../linux/inode.ts';
import type { BytePath, FileStat } from './file-tree.ts';
import { isFileXattr } from './overlay-marks.ts';
import type { Attributes } from './tree-writer.ts';

type Xattrs = NonNullable<Attributes['xattrs']>;

/**
 * Gives an open file or directory its owner, mode and attributes, in the one order that keeps them: a change of owner
 * clears setuid bits and capabilities. Times are not set. What it is known to have already (`now`) costs no call.
 */
export function applyToFd(
  fd: number,
  { uid, gid, mode, xattrs }: Attributes,
  now?: Pick<FileStat, 'uid' | 'gid' | 'mode'>,
): void {
  const isOwned = now?.uid === uid && now.gid === gid;
  if (!isOwned) inode.chownFd(fd, uid, gid);
  if (!isOwned || now.mode !== mode) inode.chmodFd(fd, mode);
  if (xattrs !== undefined) applyXattrs(xattrs, (name, value) => inode.setXattrFd(fd, name, value));
}

/**
 * The same for an entry of an open directory that is no directory itself, its time included. What is not given stays
 * as `now` has it.
 */
export function applyToEntry(
  directory: number,
  name: BytePath,
  now: Pick<FileStat, 'type' | 'uid' | 'gid' | 'mode'>,
  { uid, gid, mode, mtimeNs, xattrs }: Partial<Attributes>,
): void {
  const changesOwner = uid !== undefined || gid !== undefined;
  if (changesOwner) inode.chownAt(directory, name, uid ?? now.uid, gid ?? now.gid);
  if (now.type !== 'symlink' && (mode !== undefined || changesOwner))
    chmodNode(directory, name, mode ?? now.mode);
  if (xattrs !== undefined)
    applyXattrs(xattrs, (attribute, value) => inode.setXattr(directory, name, attribute, value));
  if (mtimeNs !== undefined) inode.setTimesAt(directory, name, mtimeNs);
}

/** chmod(2) has no form that leaves symlinks alone; through an O_PATH descriptor the inode is certain, and not opened. */
function chmodNode(directory: number, name: BytePath, mode: number): void {
  const fd = inode.openAt(directory, name, inode.O.PATH);
  try {
    inode.chmodAt(inode.AT_FDCWD, `/proc/self/fd/${fd}`, mode);
  } finally {
    inode.close(fd);
  }
}

/**
 * Sets those attributes that are part of a layer. As in Docker, one that the filesystem cannot hold or the process may
 * not set is passed over; but not capabilities, without which a program would fail later and elsewhere.
 */
export function applyXattrs(xattrs: Xattrs, set: (name: string, value: Uint8Array) => void): void {
  for (const [name, value] of xattrs) {
    if (!isFileXattr(name)) continue;
    try {
      set(name, value);
    } catch (error) {
      const isRefused =
        error instanceof SystemCallError && (error.code === 'EOPNOTSUPP' || error.code === 'EPERM');
      if (!isRefused || name === 'security.capability') throw error;
    }
  }
}
