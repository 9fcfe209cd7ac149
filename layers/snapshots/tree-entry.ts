import { StoreError } from '../errors.ts';
import * as inode from '../linux/inode.ts';
import { type BytePath, displayPath, type FileNode } from './file-tree.ts';
import { isFileXattr } from './overlay-marks.ts';

/** Bytewise, since names are one char per byte. */
export function byPath(a: FileNode, b: FileNode): number {
  return a.path < b.path ? -1 : a.path > b.path ? 1 : 0;
}

/** Extended attributes of an entry of an open directory, as {@link FileTree.xattrs} has them; of itself with an empty name. */
export function readXattrs(directory: number, name: BytePath): [name: string, value: Buffer][] {
  const found: [string, Buffer][] = [];
  for (const attribute of inode.listXattrs(directory, name).sort()) {
    if (!isFileXattr(attribute)) continue;
    const value = inode.getXattr(directory, name, attribute);
    if (value !== undefined) found.push([attribute, value]);
  }
  return found;
}

/** {@link readXattrs} of an open file. */
export function readXattrsFd(fd: number): [name: string, value: Buffer][] {
  const found: [string, Buffer][] = [];
  for (const attribute of inode.listXattrsFd(fd).sort()) {
    if (!isFileXattr(attribute)) continue;
    const value = inode.getXattrFd(fd, attribute);
    if (value !== undefined) found.push([attribute, value]);
  }
  return found;
}

/** Closes the descriptor again and throws unless it is the regular file that was looked up. */
export function checkIsNode(fd: number, node: FileNode): number {
  if (node.stat.type === 'file' && inode.isSameInode(fd, node.stat)) return fd;
  inode.close(fd);
  throw new StoreError(
    'NOT_FOUND',
    displayPath(node.path),
    `Cannot open "${displayPath(node.path)}": it is no longer the file that was looked up`,
  );
}

/** An entry that was there a moment ago, or its directory, cannot be read. */
export function unreadable(path: BytePath, cause: unknown): StoreError {
  if (cause instanceof StoreError) return cause;
  const shown = displayPath(path);
  const code = codeOf(cause);
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new StoreError(code, shown, `Cannot read "${shown}": ${reason}`, { cause });
}

function codeOf(cause: unknown): 'NOT_FOUND' | 'NOT_A_DIRECTORY' | 'SYSTEM' {
  if (!(cause instanceof Error && 'code' in cause)) return 'SYSTEM';
  if (cause.code === 'ENOENT') return 'NOT_FOUND';
  return cause.code === 'ENOTDIR' || cause.code === 'ELOOP' ? 'NOT_A_DIRECTORY' : 'SYSTEM';
}
