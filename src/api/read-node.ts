import { closeSync, readSync } from 'node:fs';
import type { FileNode, FileTree } from '../../layers/index.ts';

/** The text of a regular file of a tree. */
export function readNode(tree: FileTree, node: FileNode): string {
  const fd = tree.open(node);
  try {
    const bytes = Buffer.alloc(node.stat.size);
    let length = 0;
    for (;;) {
      const read = readSync(fd, bytes, length, bytes.length - length, null);
      length += read;
      if (read === 0) return bytes.toString('utf8', 0, length);
    }
  } finally {
    closeSync(fd);
  }
}
