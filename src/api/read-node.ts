import { closeSync, readSync } from 'node:fs';
import { createHash, type FileNode, type FileTree } from '../../layers/index.ts';

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

/** sha256 of the bytes of a regular file of a tree. */
export function digestOfNode(tree: FileTree, node: FileNode): string {
  const fd = tree.open(node);
  try {
    const hash = createHash('sha256');
    const chunk = Buffer.allocUnsafe(1 << 16);
    for (let read = readSync(fd, chunk); read > 0; read = readSync(fd, chunk))
      hash.update(chunk.subarray(0, read));
    return hash.digest('hex');
  } finally {
    closeSync(fd);
  }
}
