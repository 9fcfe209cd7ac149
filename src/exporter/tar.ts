import { closeSync, createWriteStream, readSync } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  encodeTarEntry,
  type FileNode,
  type FileTree,
  StoreError,
  type TarEntry,
} from '../../layers/index.ts';
import { writeWhole } from './write-whole.ts';

/** Bytes of a chunk: small entries are put together, large files cut. */
const CHUNK = 1 << 20;
const BLOCK = 512;

/**
 * Writes a filesystem as a tar: sorted by name, owners and extended attributes kept, hard links as such. Sockets are
 * left out, since a tar cannot hold them. A path gets the archive when it is whole, or nothing.
 */
export async function writeTar(
  tree: FileTree,
  output: string | Writable,
  options: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  const bytes = Readable.from(gathered(tarOf(tree)), { objectMode: false, highWaterMark: 2 * CHUNK });
  const signal = options.signal && { signal: options.signal };
  if (typeof output !== 'string') await pipeline(bytes, output, { end: false, ...signal });
  else await writeWhole(output, (path) => pipeline(bytes, createWriteStream(path), { ...signal }));
}

function* tarOf(tree: FileTree): Generator<Buffer> {
  const root = tree.lookup('/');
  const links = new Map<string, string>();
  if (root !== undefined) yield* entriesBelow(tree, root, links);
  yield Buffer.alloc(2 * BLOCK);
}

function* entriesBelow(tree: FileTree, directory: FileNode, links: Map<string, string>): Generator<Buffer> {
  for (const node of tree.children(directory)) {
    const { type, nlink, dev, ino } = node.stat;
    if (type === 'socket') continue;
    const path = node.path.slice(1);
    const inode = `${dev}:${ino}`;
    const first = type !== 'directory' && nlink > 1 ? links.get(inode) : undefined;
    const entry = entryOf(tree, node, path, first);
    yield encodeTarEntry(entry);
    if (entry.type === 'file') yield* bodyOf(tree, node);
    if (type !== 'directory' && nlink > 1) links.set(inode, first ?? path);
    if (type === 'directory') yield* entriesBelow(tree, node, links);
  }
}

function entryOf(tree: FileTree, node: FileNode, path: string, first: string | undefined): TarEntry {
  const { stat } = node;
  const common = { mode: stat.mode, uid: stat.uid, gid: stat.gid, mtimeNs: stat.mtimeNs };
  const empty = { size: 0, linkpath: '', devMajor: 0, devMinor: 0 };
  if (first !== undefined) return { ...common, ...empty, path, type: 'link', linkpath: first, xattrs: [] };
  const xattrs = tree.xattrs(node);
  switch (stat.type) {
    case 'directory':
      return { ...common, ...empty, path: `${path}/`, type: 'directory', xattrs };
    case 'symlink':
      return { ...common, ...empty, path, type: 'symlink', linkpath: tree.readlink(node), xattrs };
    case 'file':
      return { ...common, ...empty, path, type: 'file', size: stat.size, xattrs };
    case 'char':
    case 'block': {
      const device = { devMajor: stat.rdevMajor, devMinor: stat.rdevMinor };
      return { ...common, ...empty, ...device, path, type: stat.type, xattrs };
    }
    default:
      return { ...common, ...empty, path, type: 'fifo', xattrs };
  }
}

/** The file's bytes, padded to whole blocks. */
function* bodyOf(tree: FileTree, node: FileNode): Generator<Buffer> {
  const { size } = node.stat;
  const fd = tree.open(node);
  try {
    for (let left = size; left > 0; ) {
      const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK));
      const length = readSync(fd, chunk, 0, chunk.length, null);
      if (length === 0)
        throw new StoreError('CORRUPT', node.path, `File "${node.path}" is shorter than it was`);
      yield chunk.subarray(0, length);
      left -= length;
    }
  } finally {
    closeSync(fd);
  }
  if (size % BLOCK !== 0) yield Buffer.alloc(BLOCK - (size % BLOCK));
}

/** Fewer, larger chunks: what a stream costs, it costs per chunk. */
function* gathered(source: Iterable<Buffer>): Generator<Buffer> {
  let parts: Buffer[] = [];
  let size = 0;
  for (const part of source) {
    parts.push(part);
    size += part.length;
    if (size < CHUNK) continue;
    yield Buffer.concat(parts);
    parts = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(parts);
}
