import * as inode from '../../layers/linux/inode.ts';
import { type BytePath, bytePath, type FileStat, type FileType } from '../../layers/snapshots/file-tree.ts';

/** All that a layer keeps about an entry, for comparison; bytes as latin1, times as text. */
export interface TreeEntry {
  /** `whiteout` is a character device 0:0, of which nothing else matters. */
  readonly type: FileType | 'whiteout';
  readonly mode: string;
  readonly owner: string;
  readonly mtime: string;
  readonly content?: string;
  readonly target?: string;
  readonly device?: string;
  readonly xattrs?: Readonly<Record<string, string>>;
  /** First path, in order, of an inode with several names. */
  readonly linkOf?: string;
}

/** Every entry below a directory by its path (bytes as latin1), in bytewise order; the root is `.`. */
export function inspectTree(directory: string): Record<string, TreeEntry> {
  const found: Record<string, TreeEntry> = {};
  const links = new Map<string, string>();
  const visit = (parent: number, name: BytePath, path: string) => {
    const stat = inode.statAt(parent, name)!;
    if (stat.type === 'char' && stat.rdevMajor === 0 && stat.rdevMinor === 0) {
      found[path] = { type: 'whiteout', mode: '', owner: '', mtime: '' };
      return;
    }
    const key = `${stat.ino}`;
    const first = stat.type !== 'directory' && stat.nlink > 1 ? links.get(key) : undefined;
    if (first === undefined) links.set(key, path);
    found[path] = { ...entryOf(parent, name, stat), ...(first === undefined ? {} : { linkOf: first }) };
    if (stat.type !== 'directory') return;
    const fd = inode.openAt(parent, name, inode.O.DIRECTORY);
    for (const child of inode
      .readDirectory(fd)
      .map((entry) => entry.name)
      .sort())
      visit(fd, child, path === '.' ? child : `${path}/${child}`);
    inode.close(fd);
  };
  const root = inode.openAt(inode.AT_FDCWD, bytePath(directory), inode.O.DIRECTORY);
  visit(root, '.', '.');
  inode.close(root);
  return found;
}

function entryOf(parent: number, name: BytePath, stat: FileStat): TreeEntry {
  const names = inode.listXattrs(parent, name).sort();
  const xattrs = names.map((key) => [key, inode.getXattr(parent, name, key)!.toString('latin1')] as const);
  const isDevice = stat.type === 'char' || stat.type === 'block';
  return {
    type: stat.type,
    mode: stat.mode.toString(8),
    owner: `${stat.uid}:${stat.gid}`,
    mtime: `${stat.mtimeNs}`,
    ...(stat.type === 'file' ? { content: readAll(parent, name, stat.size) } : {}),
    ...(stat.type === 'symlink' ? { target: inode.readLinkAt(parent, name) } : {}),
    ...(isDevice ? { device: `${stat.rdevMajor}:${stat.rdevMinor}` } : {}),
    ...(xattrs.length > 0 ? { xattrs: Object.fromEntries(xattrs) } : {}),
  };
}

function readAll(parent: number, name: BytePath, size: number): string {
  if (size === 0) return '';
  const fd = inode.openAt(parent, name, inode.O.RDONLY);
  const bytes = Buffer.allocUnsafeSlow(size);
  for (let at = 0; at < size; ) at += inode.readInto(fd, inode.addressOf(bytes) + BigInt(at), size - at);
  inode.close(fd);
  return bytes.toString('latin1');
}

/**
 * One line per entry, for listings written by hand: `directory`, `directory opaque`, `file TEXT`, `symlink TARGET`,
 * `whiteout`, `link FIRST-NAME`, `char 1:3`, `fifo`. The root is left out.
 */
export function outlineTree(directory: string): Record<string, string> {
  const lines = Object.entries(inspectTree(directory))
    .filter(([path]) => path !== '.')
    .map(([path, entry]) => [path, outline(entry)] as const);
  return Object.fromEntries(lines);
}

function outline(entry: TreeEntry): string {
  if (entry.linkOf !== undefined) return `link ${entry.linkOf}`;
  const isOpaque = entry.xattrs?.['trusted.overlay.opaque'] === 'y';
  switch (entry.type) {
    case 'directory':
      return isOpaque ? 'directory opaque' : 'directory';
    case 'file':
      return `file ${entry.content}`.trimEnd();
    case 'symlink':
      return `symlink ${entry.target}`;
    case 'char':
    case 'block':
      return `${entry.type} ${entry.device}`;
    default:
      return entry.type;
  }
}
