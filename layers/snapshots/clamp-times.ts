import * as inode from '../linux/inode.ts';
import { type BytePath, bytePath } from './file-tree.ts';

/**
 * Makes nothing in a layer's directory newer than `newestNs`, itself and links included; older times stay. As BuildKit's
 * rewrite-timestamp, https://reproducible-builds.org/specs/source-date-epoch. No link is followed.
 */
export function clampTimes(directory: string, newestNs: bigint): void {
  inRoot(directory, (fd) => clampBelow(fd, newestNs));
}

/** Whether anything below the directory is newer than `newestNs`. */
export function hasNewer(directory: string, newestNs: bigint): boolean {
  return inRoot(directory, (fd) => isNewerBelow(fd, newestNs));
}

function inRoot<T>(directory: string, body: (fd: number) => T): T {
  const fd = inode.openAt(inode.AT_FDCWD, bytePath(directory), inode.O.RDONLY | inode.O.DIRECTORY);
  try {
    return body(fd);
  } finally {
    inode.close(fd);
  }
}

/** Setting times changes no directory's own, so the order does not matter. */
function clampBelow(fd: number, newestNs: bigint): void {
  if (inode.statFd(fd).mtimeNs > newestNs) inode.setTimesFd(fd, newestNs);
  for (const { name, type } of inode.readDirectory(fd)) {
    const stat = inode.statAt(fd, name);
    if (stat === undefined) continue;
    if ((type ?? stat.type) === 'directory') inSubdirectory(fd, name, (child) => clampBelow(child, newestNs));
    else if (stat.mtimeNs > newestNs) inode.setTimesAt(fd, name, newestNs);
  }
}

function isNewerBelow(fd: number, newestNs: bigint): boolean {
  return inode.readDirectory(fd).some(({ name, type }) => {
    const stat = inode.statAt(fd, name);
    if (stat === undefined) return false;
    if (stat.mtimeNs > newestNs) return true;
    return (
      (type ?? stat.type) === 'directory' &&
      inSubdirectory(fd, name, (child) => isNewerBelow(child, newestNs))
    );
  });
}

function inSubdirectory<T>(fd: number, name: BytePath, body: (child: number) => T): T {
  const flags = inode.O.RDONLY | inode.O.DIRECTORY | inode.O.NOFOLLOW;
  const child = inode.openAt(fd, name, flags);
  try {
    return body(child);
  } finally {
    inode.close(child);
  }
}
