import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Attributes,
  type BytePath,
  type FileNode,
  type FileStat,
  type FileTree,
  type FileType,
  StoreError,
  type TreeWriter,
} from '../../layers/index.ts';

interface Inode {
  type: FileType;
  mode: number;
  uid: number;
  gid: number;
  mtimeNs: bigint;
  ctimeNs: bigint;
  readonly ino: bigint;
  nlink: number;
  content: Buffer;
  target: BytePath;
  readonly rdevMajor: number;
  readonly rdevMinor: number;
  xattrs: readonly (readonly [string, Buffer])[];
  readonly children: Map<BytePath, Inode>;
}

/** How an entry is written down: a string is a file's content. */
export type Sketch =
  | string
  | {
      readonly type?: FileType;
      readonly content?: string | Buffer;
      readonly target?: string;
      readonly mode?: number;
      readonly owner?: readonly [uid: number, gid: number];
      readonly mtime?: number;
      readonly xattrs?: Readonly<Record<string, string>>;
      readonly linkTo?: string;
      readonly device?: readonly [major: number, minor: number];
    };

let inodes = 0n;
let clock = 1n;

/** A tree of files in memory that behaves as a real one for those who only know the interfaces. */
export class MemoryTree implements FileTree {
  readonly root = newInode('directory', 0o755);
  /** How often a directory was listed, a file opened and an entry looked up. */
  readonly calls = { children: 0, open: 0, lookup: 0 };

  constructor(sketch: Readonly<Record<string, Sketch>> = {}) {
    for (const [path, entry] of Object.entries(sketch)) this.add(path, entry);
  }

  add(path: string, entry: Sketch): this {
    const sketch = typeof entry === 'string' ? { content: entry } : entry;
    const names = path.split('/').filter((name) => name !== '');
    const last = names.pop();
    let directory = this.root;
    for (const name of names) {
      let next = directory.children.get(name);
      if (next === undefined) {
        next = newInode('directory', 0o755);
        directory.children.set(name, next);
      }
      directory = next;
    }
    const inode =
      sketch.linkTo !== undefined
        ? this.inodeAt(sketch.linkTo)
        : last === undefined
          ? this.root
          : (directory.children.get(last) ?? fromSketch(sketch));
    if (sketch.linkTo !== undefined) inode.nlink++;
    if (last !== undefined) directory.children.set(last, inode);
    if (sketch.mode !== undefined) inode.mode = sketch.mode;
    if (sketch.owner !== undefined) [inode.uid, inode.gid] = sketch.owner;
    if (sketch.mtime !== undefined) inode.mtimeNs = BigInt(sketch.mtime) * 1_000_000_000n;
    return this;
  }

  inodeAt(path: BytePath): Inode {
    const found = this.find(path, false)?.inode;
    if (found === undefined) throw new Error(`${path} is not in the tree`);
    return found;
  }

  /** Resolves as chroot(2) would; undefined when something is missing. */
  find(
    path: BytePath,
    follow: boolean,
    budget = { links: 40 },
  ): { readonly path: BytePath; readonly inode: Inode } | undefined {
    let at: { path: BytePath; inode: Inode }[] = [{ path: '/', inode: this.root }];
    const names = path.split('/').filter((name) => name !== '' && name !== '.');
    while (names.length > 0) {
      const name = names.shift()!;
      if (name === '..') {
        if (at.length > 1) at.pop();
        continue;
      }
      const here = at.at(-1)!;
      const inode = here.inode.children.get(name);
      if (inode === undefined) return undefined;
      if (inode.type === 'symlink' && (names.length > 0 || follow)) {
        if (budget.links-- === 0) throw new StoreError('SYSTEM', path, 'ELOOP: too many symbolic links');
        names.unshift(...inode.target.split('/').filter((part) => part !== '' && part !== '.'));
        if (inode.target.startsWith('/')) at = at.slice(0, 1);
        continue;
      }
      at.push({ path: here.path === '/' ? `/${name}` : `${here.path}/${name}`, inode });
    }
    return at.at(-1);
  }

  lookup(path: BytePath, options: { readonly follow?: boolean } = {}): FileNode | undefined {
    this.calls.lookup++;
    const found = this.find(path, options.follow === true);
    return found && { path: found.path, stat: statOf(found.inode) };
  }

  children(directory: FileNode): readonly FileNode[] {
    this.calls.children++;
    const prefix = directory.path === '/' ? '' : directory.path;
    return [...this.inodeAt(directory.path).children]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, inode]) => ({ path: `${prefix}/${name}`, stat: statOf(inode) }));
  }

  readlink(symlink: FileNode): BytePath {
    return this.inodeAt(symlink.path).target;
  }

  open(file: FileNode): number {
    this.calls.open++;
    const directory = mkdtempSync(join(tmpdir(), 'memory-tree-'));
    writeFileSync(join(directory, 'file'), this.inodeAt(file.path).content);
    const fd = openSync(join(directory, 'file'), 'r');
    rmSync(directory, { recursive: true });
    return fd;
  }

  xattrs(node: FileNode): readonly (readonly [string, Buffer])[] {
    return this.inodeAt(node.path).xattrs;
  }
}

/** Writes into a {@link MemoryTree}, by the contract of the real writer. */
export class MemoryWriter implements TreeWriter {
  finished = false;

  constructor(readonly tree: MemoryTree) {}

  resolve(path: BytePath): BytePath {
    const names = path.split('/').filter((name) => name !== '' && name !== '.');
    let at = '/';
    for (let links = 0; names.length > 0; ) {
      const name = names.shift()!;
      if (name === '..') {
        at = at.slice(0, at.lastIndexOf('/')) || '/';
        continue;
      }
      const next = at === '/' ? `/${name}` : `${at}/${name}`;
      const inode = this.tree.find(next, false)?.inode;
      if (inode?.type === 'symlink') {
        if (links++ === 40) throw new StoreError('SYSTEM', path, 'ELOOP: too many symbolic links');
        names.unshift(...inode.target.split('/').filter((part) => part !== ''));
        if (inode.target.startsWith('/')) at = '/';
      } else at = next;
    }
    return at;
  }

  mkdirAll(path: BytePath, attributes: Attributes): boolean {
    const names = this.resolve(path)
      .split('/')
      .filter((name) => name !== '');
    let directory = this.tree.root;
    let made = false;
    for (const name of names) {
      let next = directory.children.get(name);
      made = next === undefined;
      if (next === undefined) {
        next = withAttributes(newInode('directory', 0), attributes);
        directory.children.set(name, next);
      }
      if (next.type !== 'directory')
        throw new StoreError('NOT_A_DIRECTORY', path, `${path}: not a directory`);
      directory = next;
    }
    return made;
  }

  mkdir(path: BytePath, attributes: Attributes): void {
    const { directory, name } = this.#parent(path);
    const existing = name === '' ? this.tree.root : directory.children.get(name);
    if (existing !== undefined && existing.type !== 'directory')
      throw new StoreError('NOT_A_DIRECTORY', path, `${path}: not a directory`);
    if (existing === undefined)
      directory.children.set(name, withAttributes(newInode('directory', 0), attributes));
    else withAttributes(existing, attributes);
  }

  file(
    path: BytePath,
    content: { readonly fd: number; readonly size: number } | Uint8Array,
    attributes: Attributes,
  ): void {
    const inode = newInode('file', 0);
    inode.content = content instanceof Uint8Array ? Buffer.from(content) : readAll(content.fd);
    this.#put(path, withAttributes(inode, attributes));
  }

  symlink(path: BytePath, target: BytePath, attributes: Attributes): void {
    const inode = newInode('symlink', 0o777);
    inode.target = target;
    this.#put(path, withAttributes(inode, attributes));
  }

  link(path: BytePath, existing: BytePath): void {
    const inode = this.tree.inodeAt(existing);
    inode.nlink++;
    this.#put(path, inode);
  }

  mknod(
    path: BytePath,
    node: { readonly type: 'char' | 'block' | 'fifo'; readonly major: number; readonly minor: number },
    attributes: Attributes,
  ): void {
    this.#put(path, withAttributes(newInode(node.type, 0, [node.major, node.minor]), attributes));
  }

  setAttributes(path: BytePath, attributes: Partial<Attributes>): void {
    withAttributes(this.tree.inodeAt(path), attributes);
  }

  remove(path: BytePath): void {
    const { directory, name } = this.#parent(path);
    directory.children.delete(name);
  }

  copy(path: BytePath, from: FileTree, node: FileNode, attributes: Partial<Attributes>): void {
    const { stat } = node;
    const all: Attributes = {
      mode: stat.mode,
      uid: stat.uid,
      gid: stat.gid,
      mtimeNs: stat.mtimeNs,
      xattrs: from.xattrs(node),
      ...attributes,
    };
    if (stat.type === 'directory') this.mkdir(path, all);
    else if (stat.type === 'symlink') this.symlink(path, from.readlink(node), all);
    else if (stat.type === 'socket') throw new StoreError('UNSUPPORTED', path, 'sockets cannot be copied');
    else if (stat.type !== 'file')
      this.mknod(path, { type: stat.type, major: stat.rdevMajor, minor: stat.rdevMinor }, all);
    else {
      const fd = from.open(node);
      this.file(path, { fd, size: stat.size }, all);
      closeSync(fd);
    }
  }

  finish(): void {
    this.finished = true;
  }

  #parent(path: BytePath): { readonly directory: Inode; readonly name: BytePath } {
    const slash = path.lastIndexOf('/');
    const parent = this.tree.find(path.slice(0, slash) || '/', true)?.inode;
    if (parent === undefined) throw new StoreError('NOT_FOUND', path, `${path}: no such file or directory`);
    if (parent.type !== 'directory')
      throw new StoreError('NOT_A_DIRECTORY', path, `${path}: not a directory`);
    return { directory: parent, name: path.slice(slash + 1) };
  }

  #put(path: BytePath, inode: Inode): void {
    const { directory, name } = this.#parent(path);
    if (directory.children.get(name)?.type === 'directory')
      throw new StoreError('IS_A_DIRECTORY', path, `${path}: is a directory`);
    directory.children.set(name, inode);
  }
}

function newInode(
  type: FileType,
  mode: number,
  [rdevMajor, rdevMinor]: readonly [number, number] = [0, 0],
): Inode {
  const now = clock++;
  return {
    type,
    mode,
    uid: 0,
    gid: 0,
    mtimeNs: now,
    ctimeNs: now,
    ino: ++inodes,
    nlink: 1,
    content: Buffer.alloc(0),
    target: '',
    rdevMajor,
    rdevMinor,
    xattrs: [],
    children: new Map(),
  };
}

function fromSketch(sketch: Exclude<Sketch, string>): Inode {
  const type = sketch.type ?? (sketch.target === undefined ? 'file' : 'symlink');
  const inode = newInode(
    type,
    type === 'directory' ? 0o755 : type === 'symlink' ? 0o777 : 0o644,
    sketch.device,
  );
  inode.content = Buffer.from(sketch.content ?? '');
  inode.target = sketch.target ?? '';
  inode.xattrs = Object.entries(sketch.xattrs ?? {}).map(([name, value]) => [name, Buffer.from(value)]);
  return inode;
}

function withAttributes(inode: Inode, attributes: Partial<Attributes>): Inode {
  if (inode.type !== 'symlink') inode.mode = attributes.mode ?? inode.mode;
  inode.uid = attributes.uid ?? inode.uid;
  inode.gid = attributes.gid ?? inode.gid;
  inode.mtimeNs = attributes.mtimeNs ?? inode.mtimeNs;
  inode.xattrs = attributes.xattrs ?? inode.xattrs;
  inode.ctimeNs = clock++;
  return inode;
}

function statOf(inode: Inode): FileStat {
  const { type, mode, uid, gid, mtimeNs, ctimeNs, ino, nlink, rdevMajor, rdevMinor } = inode;
  return {
    type,
    mode,
    uid,
    gid,
    size: inode.content.length,
    mtimeNs,
    ctimeNs,
    dev: 1n,
    ino,
    nlink,
    rdevMajor,
    rdevMinor,
  };
}

function readAll(fd: number): Buffer {
  const bytes = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, bytes, 0, bytes.length, 0);
  return bytes;
}
