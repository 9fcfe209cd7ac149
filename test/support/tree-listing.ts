import { closeSync, fstatSync, readFileSync } from 'node:fs';
import type { BytePath, FileNode, FileTree } from '../../layers/index.ts';

/** One line per entry, with everything that should be the same in two trees that are alike. */
export interface ListingOptions {
  /** Times of directories too, which depend on when their entries were made. */
  readonly directoryTimes?: boolean;
}

export function listTree(tree: FileTree, options: ListingOptions = {}): Record<BytePath, string> {
  const listing: Record<BytePath, string> = {};
  const visit = (node: FileNode) => {
    listing[node.path] = describeNode(tree, node, options);
    if (node.stat.type === 'directory') for (const child of tree.children(node)) visit(child);
  };
  visit(tree.lookup('/')!);
  return listing;
}

function describeNode(tree: FileTree, node: FileNode, options: ListingOptions): string {
  const { type, mode, uid, gid, size, mtimeNs, nlink, rdevMajor, rdevMinor } = node.stat;
  const parts: unknown[] = [type, mode.toString(8), uid, gid];
  if (type !== 'directory') parts.push(nlink, size);
  if (type !== 'directory' || options.directoryTimes) parts.push(mtimeNs);
  if (type === 'char' || type === 'block') parts.push(`${rdevMajor}:${rdevMinor}`);
  if (type === 'symlink') parts.push(tree.readlink(node));
  if (type === 'file') parts.push(JSON.stringify(contentOf(tree, node)));
  for (const [name, value] of tree.xattrs(node)) parts.push(`${name}=${value.toString('hex')}`);
  return parts.join(' ');
}

export function contentOf(tree: FileTree, node: FileNode): string {
  const fd = tree.open(node);
  try {
    return fstatSync(fd).size > 65536 ? `${fstatSync(fd).size} bytes` : readFileSync(fd, 'latin1');
  } finally {
    closeSync(fd);
  }
}

/** `{ '/a': 'd 755 0:0', '/a/f': 'f 644 0:0 text', '/l': 'l 0:0 -> target' }`: what a Dockerfile is about, the root left out. */
export function shortListing(tree: FileTree): Record<BytePath, string> {
  const listing: Record<BytePath, string> = {};
  const visit = (directory: FileNode) => {
    for (const node of tree.children(directory)) {
      listing[node.path] = shortLine(tree, node);
      if (node.stat.type === 'directory') visit(node);
    }
  };
  visit(tree.lookup('/')!);
  return listing;
}

function shortLine(tree: FileTree, node: FileNode): string {
  const { type, mode, uid, gid } = node.stat;
  if (type === 'symlink') return `l ${uid}:${gid} -> ${tree.readlink(node)}`;
  const head = `${type[0]} ${mode.toString(8)} ${uid}:${gid}`;
  if (type !== 'file') return head;
  const content = contentOf(tree, node);
  return `${head} ${content.includes('\0') ? `${content.length} bytes` : content}`;
}
