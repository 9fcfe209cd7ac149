import * as inode from '../linux/inode.ts';
import type { BytePath, FileNode, FileTree } from './file-tree.ts';
import type { Attributes, TreeWriter } from './tree-writer.ts';

/** Writes one entry (not its children) of another tree, with the attributes given laid over its own. */
export function copyEntry(
  writer: TreeWriter,
  path: BytePath,
  from: FileTree,
  node: FileNode,
  attributes: Partial<Attributes>,
): void {
  const { type, mode, uid, gid, mtimeNs, size, rdevMajor, rdevMinor } = node.stat;
  const own = { mode, uid, gid, mtimeNs };
  if (type === 'file') {
    const fd = from.open(node);
    try {
      const xattrs = attributes.xattrs ?? from.xattrs(node, fd);
      writer.file(path, { fd, size }, { ...own, ...attributes, xattrs });
    } finally {
      inode.close(fd);
    }
    return;
  }
  const all: Attributes = { ...own, ...attributes, xattrs: attributes.xattrs ?? from.xattrs(node) };
  if (type === 'directory') writer.mkdir(path, all);
  else if (type === 'symlink') writer.symlink(path, from.readlink(node), all);
  // A socket is nothing without its process, and a layer tar cannot hold one.
  else if (type !== 'socket') writer.mknod(path, { type, major: rdevMajor, minor: rdevMinor }, all);
}
