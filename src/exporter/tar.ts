import { closeSync, createWriteStream, readSync } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type BytePath,
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

/** A filesystem, and the folder of the tar that it goes into; empty for the top. */
export interface TarPart {
  readonly tree: FileTree;
  readonly folder: string;
  /** Files that belong to it and are not of the tree, by name; what the tree has there is left out. */
  readonly added?: ReadonlyMap<string, Buffer>;
}

/**
 * Writes a filesystem, or several, as a tar: sorted by name, owners and extended attributes kept, hard links as such. Sockets are
 * left out, since a tar cannot hold them. A path gets the archive when it is whole, or nothing.
 */
export async function writeTar(
  trees: FileTree | readonly TarPart[],
  output: string | Writable,
  options: { readonly signal?: AbortSignal } & TarOptions = {},
): Promise<void> {
  const tar = 'lookup' in trees ? tarOf(trees, options) : tarOfParts(trees, options);
  const bytes = Readable.from(gathered(tar), {
    objectMode: false,
    highWaterMark: 2 * CHUNK,
  });
  const signal = options.signal && { signal: options.signal };
  if (typeof output !== 'string') await pipeline(bytes, output, { end: false, ...signal });
  else await writeWhole(output, (path) => pipeline(bytes, createWriteStream(path), { ...signal }));
}

export interface TarOptions {
  /** What it is of; the whole tree, without an entry for its root, unless told. */
  readonly of?: {
    readonly node: FileNode;
    /** What the entry is called in the archive, in place of its own name; `.` for a directory's content. */
    readonly name: BytePath;
  };
  /** Others write into the tree meanwhile: what goes is left out, what shrinks is filled up with zeros. */
  readonly changing?: boolean;
  /** Nanoseconds since 1970: the time of every entry; undefined: each its own. */
  readonly mtimeNs?: bigint;
}

/** The archive piece by piece. */
export function* tarOf(tree: FileTree, options: TarOptions = {}): Generator<Buffer> {
  const writer = new TarWriter(tree, options);
  const root = tree.lookup('/');
  const { of } = options;
  if (of !== undefined) yield* writer.entry(of.node, of.name);
  else if (root !== undefined) yield* writer.below(root, '');
  yield Buffer.alloc(2 * BLOCK);
}

function* tarOfParts(parts: readonly TarPart[], options: TarOptions): Generator<Buffer> {
  for (const { tree, folder, added = new Map<string, Buffer>() } of parts) {
    const hidden = new Set([...added.keys()].map((name) => `/${name}`));
    const writer = new TarWriter(tree, options, hidden);
    const root = tree.lookup('/');
    if (root !== undefined) yield* folder === '' ? writer.below(root, '') : writer.entry(root, folder);
    for (const [name, bytes] of added)
      yield* addedFile(folder === '' ? name : `${folder}/${name}`, bytes, options.mtimeNs);
  }
  yield Buffer.alloc(2 * BLOCK);
}

function* addedFile(path: string, bytes: Buffer, mtimeNs = BigInt(Date.now()) * 1_000_000n) {
  const owner = { mode: 0o644, uid: 0, gid: 0, linkpath: '', devMajor: 0, devMinor: 0 };
  yield encodeTarEntry({ ...owner, path, type: 'file', size: bytes.length, mtimeNs, xattrs: [] });
  yield bytes;
  yield Buffer.alloc(-bytes.length & (BLOCK - 1));
}

class TarWriter {
  /** First name of each inode with several. */
  readonly #links = new Map<string, BytePath>();

  constructor(
    readonly tree: FileTree,
    readonly options: TarOptions,
    readonly hidden: ReadonlySet<BytePath> = new Set(),
  ) {}

  /** `prefix` ends with a slash, or is empty. */
  *below(directory: FileNode, prefix: BytePath): Generator<Buffer> {
    const children = this.#tolerant(() => this.tree.children(directory)) ?? [];
    for (const node of children.filter(({ path }) => !this.hidden.has(path)))
      yield* this.entry(node, prefix + node.path.slice(node.path.lastIndexOf('/') + 1));
  }

  *entry(node: FileNode, path: BytePath): Generator<Buffer> {
    const { type, nlink, dev, ino } = node.stat;
    if (type === 'socket') return;
    const inode = `${dev}:${ino}`;
    const isLinked = type !== 'directory' && nlink > 1;
    const first = isLinked ? this.#links.get(inode) : undefined;
    const isWritten =
      type === 'file' && first === undefined
        ? yield* this.#file(node, path)
        : yield* this.#other(node, path, first);
    if (!isWritten) return;
    if (isLinked) this.#links.set(inode, first ?? path);
    if (type === 'directory') yield* this.below(node, `${path}/`);
  }

  #entryOf(node: FileNode, path: BytePath, first: BytePath | undefined): TarEntry {
    const entry = entryOf(this.tree, node, path, first);
    const { mtimeNs } = this.options;
    return mtimeNs === undefined ? entry : { ...entry, mtimeNs };
  }

  *#other(node: FileNode, path: BytePath, first: BytePath | undefined): Generator<Buffer, boolean> {
    const entry = this.#tolerant(() => this.#entryOf(node, path, first));
    if (entry === undefined) return false;
    yield encodeTarEntry(entry);
    return true;
  }

  *#file(node: FileNode, path: BytePath): Generator<Buffer, boolean> {
    const fd = this.#tolerant(() => this.tree.open(node));
    if (fd === undefined) return false;
    try {
      yield encodeTarEntry(this.#entryOf(node, path, undefined));
      yield* this.#body(fd, node);
    } finally {
      closeSync(fd);
    }
    return true;
  }

  /** The file's bytes, padded to whole blocks. */
  *#body(fd: number, { path, stat: { size } }: FileNode): Generator<Buffer> {
    for (let left = size; left > 0; ) {
      const chunk = Buffer.allocUnsafe(Math.min(left, CHUNK));
      let length = readSync(fd, chunk, 0, chunk.length, null);
      if (length === 0) {
        if (!this.options.changing)
          throw new StoreError('CORRUPT', path, `File "${path}" is shorter than it was`);
        length = chunk.fill(0).length;
      }
      yield chunk.subarray(0, length);
      left -= length;
    }
    if (size % BLOCK !== 0) yield Buffer.alloc(BLOCK - (size % BLOCK));
  }

  /** Undefined for what is gone by now, in a tree that changes. */
  #tolerant<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      const isGone =
        error instanceof StoreError && (error.code === 'NOT_FOUND' || error.code === 'NOT_A_DIRECTORY');
      if (this.options.changing && isGone) return undefined;
      throw error;
    }
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
