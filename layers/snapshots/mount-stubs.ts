import { SystemCallError } from '../linux/errno.ts';
import * as inode from '../linux/inode.ts';
import type { BytePath, FileStat } from './file-tree.ts';
import type { LayerStack } from './layer-stack.ts';
import { isClean, nameOf, parentOf } from './path.ts';
import { readXattrs } from './tree-entry.ts';
import type { UpperDirectory } from './upper-directory.ts';

/**
 * Removes mount points that were made only to mount something there: an entry of the upper directory that no lower
 * layer has, and that is still an empty directory or file. Anything else stays. A name is reached through directories
 * of the upper layer alone, and unlinked in the last of them: what a process put in its place, a symlink above all,
 * leads nowhere. The directories around are left as if the mount points had never been there.
 */
export function removeStubs(upper: UpperDirectory, lower: LayerStack, paths: readonly BytePath[]): void {
  // Backwards, so that what is in a directory comes before it.
  for (const path of [...paths].sort().reverse()) {
    if (path === '/' || !isClean(path) || path.includes('\0')) continue;
    if (removeEntry(upper, path, (parent) => isStub(upper, lower, parent, path))) {
      for (let above = parentOf(path); above !== '/'; above = parentOf(above)) {
        if (!removeEntry(upper, above, () => isMereCopy(upper, lower, above))) break;
      }
    }
  }
}

/** Removes an entry if it is what the test says, and keeps its directory's time. */
function removeEntry(upper: UpperDirectory, path: BytePath, test: (parent: number) => boolean): boolean {
  const parent = upper.directory(parentOf(path));
  if (typeof parent === 'string' || !test(parent.fd)) return false;
  const name = nameOf(path);
  const { mtimeNs } = inode.statFd(parent.fd);
  if (inode.statAt(parent.fd, name)?.type !== 'directory') inode.unlinkAt(parent.fd, name);
  else if (!removeIfEmpty(parent.fd, name)) return false;
  inode.setTimesFd(parent.fd, mtimeNs);
  upper.forgetBelow(path);
  return true;
}

function removeIfEmpty(parent: number, name: BytePath): boolean {
  try {
    inode.removeDirectoryAt(parent, name);
    return true;
  } catch (error) {
    if (error instanceof SystemCallError && (error.code === 'ENOTEMPTY' || error.code === 'EEXIST'))
      return false;
    throw error;
  }
}

/** Whether an entry of an open directory of the upper layer is no more than a place to mount something on. */
export function isStub(upper: UpperDirectory, lower: LayerStack, parent: number, path: BytePath): boolean {
  const name = nameOf(path);
  // First, since mostly a lower layer has it, this one has not, and then none of them needs to be asked.
  const stat = inode.statAt(parent, name);
  const isEmpty = stat?.type === 'file' && stat.size === 0 && stat.nlink === 1;
  if (stat?.type !== 'directory' && !isEmpty) return false;
  const level = upper.directory(parentOf(path));
  const hidesLower = typeof level === 'string' || level.hidesLower;
  return hidesLower || lower.find(lower.directory(parentOf(path)), name) === undefined;
}

/** Whether a directory of the upper layer is as the lower layers have it, its time apart. */
export function isMereCopy(upper: UpperDirectory, lower: LayerStack, path: BytePath): boolean {
  const level = upper.directory(path);
  const original = lower.directory(path)[0];
  if (typeof level === 'string' || level.hidesLower || original === undefined) return false;
  return describe(level.fd) === describe(original.fd);
}

function describe(directory: number): string {
  const { mode, uid, gid }: FileStat = inode.statFd(directory);
  const xattrs = readXattrs(directory, '').map(([name, value]) => [name, value.toString('latin1')]);
  return JSON.stringify([mode, uid, gid, xattrs]);
}
