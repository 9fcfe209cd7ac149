import { closeSync, readSync } from 'node:fs';
import type { FileNode, FileTree } from '../../../layers/index.ts';

/** Text of a regular file; undefined for anything else, and for one with more than `limit` bytes. */
export function readText(tree: FileTree, node: FileNode | undefined, limit: number): string | undefined {
  if (node?.stat.type !== 'file' || node.stat.size > limit) return undefined;
  const fd = tree.open(node);
  try {
    const bytes = Buffer.allocUnsafe(node.stat.size);
    let length = 0;
    for (let read = -1; read !== 0 && length < bytes.length; length += read)
      read = readSync(fd, bytes, length, bytes.length - length, null);
    return bytes.toString('utf8', 0, length);
  } finally {
    closeSync(fd);
  }
}

/** The entry at a path of the tree, links followed inside it; undefined when there is none, or links go round. */
export function find(tree: FileTree, path: string): FileNode | undefined {
  try {
    return tree.lookup(path, { follow: true });
  } catch {
    return undefined;
  }
}
