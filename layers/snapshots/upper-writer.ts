import { StoreError, type StoreErrorCode } from '../errors.ts';
import { openBeneath } from '../linux/beneath.ts';
import { SystemCallError } from '../linux/errno.ts';
import * as inode from '../linux/inode.ts';
import { removeTreeAt } from '../linux/remove-tree.ts';
import { applyToEntry, applyToFd } from './apply-attributes.ts';
import { copyContent, writeContent } from './copy-content.ts';
import { copyUpDirectory, copyUpEntry } from './copy-up.ts';
import { type BytePath, displayPath, type FileNode, type FileTree } from './file-tree.ts';
import type { Found, LayerStack } from './layer-stack.ts';
import { MergedTree } from './merged-tree.ts';
import { NewFiles } from './new-files.ts';
import { isWhiteout, makeOpaque, makeWhiteout } from './overlay-marks.ts';
import { components, isClean, join, nameOf, parentOf } from './path.ts';
import type { Attributes, TreeWriter } from './tree-writer.ts';
import type { UpperDirectory, UpperLevel } from './upper-directory.ts';

const { O } = inode;

/**
 * Writes into an upper directory what a process would have left there through a mounted overlay. Nobody else may write
 * into it meanwhile. Each step goes from the descriptor of a directory to one name in it and never through a symlink:
 * links are resolved before, name by name in the merged view. In here `parent` is always a resolved path.
 */
export class UpperWriter implements TreeWriter {
  readonly tree: MergedTree;
  readonly #lower: LayerStack;
  readonly #upper: UpperDirectory;
  /** Modification times that directories get at the end, by resolved path. */
  readonly #times = new Map<BytePath, bigint>();
  readonly #newFiles = new NewFiles();
  /** The directory last written into, as asked for and resolved. */
  #recent: { readonly asked: BytePath; readonly resolved: BytePath } | undefined;

  constructor(lower: LayerStack, upper: UpperDirectory) {
    this.tree = new MergedTree(lower, upper, true);
    this.#lower = lower;
    this.#upper = upper;
  }

  resolve(path: BytePath): BytePath {
    return this.tree.resolve(path);
  }

  mkdirAll(path: BytePath, attributes: Attributes): boolean {
    const resolved = this.tree.resolve(path);
    if (this.tree.lookup(resolved)?.stat.type === 'directory') return false;
    let directory: BytePath = '/';
    for (const name of components(resolved)) {
      directory = join(directory, name);
      if (this.tree.lookup(directory)?.stat.type !== 'directory') this.mkdir(directory, attributes);
    }
    return true;
  }

  mkdir(path: BytePath, attributes: Attributes): void {
    this.#change(path, (parent, name) => {
      const level = name === '' ? this.#level('/') : this.#makeDirectory(parent, name);
      this.#changeDirectory(join(parent, name), level, attributes);
    });
  }

  file(
    path: BytePath,
    content: { readonly fd: number; readonly size: number } | Uint8Array,
    attributes: Attributes,
  ): void {
    if (!(content instanceof Uint8Array)) inode.seek(content.fd, 0, inode.SEEK.SET);
    this.#file(path, content, attributes);
  }

  symlink(path: BytePath, target: BytePath, attributes: Attributes): void {
    this.#change(path, (parent, name) => {
      const { fd } = this.#makeRoom(parent, name);
      inode.symlinkAt(target, fd, name);
      applyToEntry(fd, name, { type: 'symlink', ...attributes }, attributes);
    });
  }

  link(path: BytePath, existing: BytePath): void {
    this.#change(path, (parent, name) => {
      const source = this.#locate(existing);
      if (source.parent === parent && source.name === name) return;
      if (this.#copyUp(source.parent, source.name) !== undefined)
        throw new StoreError(
          'IS_A_DIRECTORY',
          displayPath(path),
          `Cannot link to "${displayPath(existing)}": it is a directory`,
        );
      const { fd } = this.#makeRoom(parent, name);
      inode.linkAt(this.#level(source.parent).fd, source.name, fd, name);
    });
  }

  mknod(
    path: BytePath,
    node: { readonly type: 'char' | 'block' | 'fifo'; readonly major: number; readonly minor: number },
    attributes: Attributes,
  ): void {
    this.#change(path, (parent, name) => {
      if (node.type === 'char' && node.major === 0 && node.minor === 0)
        throw refusal(
          'UNSUPPORTED',
          path,
          'a character device 0:0 stands for a deleted file and cannot be stored',
        );
      const { fd } = this.#makeRoom(parent, name);
      inode.makeNodeAt(fd, name, node.type, 0o600, node.major, node.minor);
      applyToEntry(fd, name, { ...attributes, type: node.type }, attributes);
    });
  }

  setAttributes(path: BytePath, attributes: Partial<Attributes>): void {
    this.#change(path, (parent, name) => {
      const directory = this.#copyUp(parent, name);
      if (directory !== undefined) {
        this.#changeDirectory(join(parent, name), directory, attributes);
        return;
      }
      const { fd } = this.#level(parent);
      applyToEntry(fd, name, inode.statAt(fd, name)!, attributes);
    });
  }

  remove(path: BytePath): void {
    if (this.tree.lookup(path) === undefined) return;
    this.#change(path, (parent, name) => {
      if (name === '') throw refusal('UNSUPPORTED', path, 'the root cannot be removed');
      const level = this.#level(parent);
      this.#touch(parent, level);
      const stat = inode.statAt(level.fd, name);
      if (stat?.type === 'directory') this.#removeDirectory(join(parent, name), level.fd, name);
      else if (stat !== undefined) inode.unlinkAt(level.fd, name);
      this.#recent = undefined;
      const left = this.#level(parent);
      if (this.#below(parent, name, left) !== undefined) makeWhiteout(left.fd, name);
    });
  }

  copy(path: BytePath, from: FileTree, node: FileNode, attributes: Partial<Attributes>): void {
    const { type, mode, uid, gid, mtimeNs, size, rdevMajor, rdevMinor } = node.stat;
    const own = { mode, uid, gid, mtimeNs };
    if (type === 'file') {
      const fd = from.open(node);
      try {
        const xattrs = inode.listXattrsFd(fd).length === 0 ? [] : from.xattrs(node);
        this.#file(path, { fd, size }, { ...own, xattrs, ...attributes });
      } finally {
        inode.close(fd);
      }
      return;
    }
    const all: Attributes = { ...own, xattrs: from.xattrs(node), ...attributes };
    if (type === 'directory') this.mkdir(path, all);
    else if (type === 'symlink') this.symlink(path, from.readlink(node), all);
    // A socket is nothing without its process, and a layer tar cannot hold one.
    else if (type !== 'socket') this.mknod(path, { type, major: rdevMajor, minor: rdevMinor }, all);
  }

  finish(): void {
    const root = this.#level('/').fd;
    for (const [path, mtimeNs] of this.#times) {
      const fd = openBeneath(root, path.slice(1), O.RDONLY | O.DIRECTORY);
      try {
        inode.setTimesFd(fd, mtimeNs);
      } finally {
        inode.close(fd);
      }
    }
    this.#times.clear();
    this.#recent = undefined;
    this.#newFiles.forget();
    this.tree.close();
  }

  #file(
    path: BytePath,
    content: { readonly fd: number; readonly size: number } | Uint8Array,
    attributes: Attributes,
  ): void {
    this.#change(path, (parent, name) => {
      const fd = this.#createFile(parent, name, attributes.mode);
      try {
        if (content instanceof Uint8Array) writeContent(fd, content);
        else copyContent(content.fd, fd, content.size);
        applyToFd(fd, attributes, this.#newFiles.in(parent, this.#level(parent).fd, attributes.mode));
        if (attributes.mtimeNs !== undefined) inode.setTimesFd(fd, attributes.mtimeNs);
      } finally {
        inode.close(fd);
      }
    });
  }

  /** Runs one change of the entry a path names. What it throws names the path. */
  #change(path: BytePath, body: (parent: BytePath, name: BytePath) => void): void {
    try {
      this.#upper.use();
      const { parent, name } = this.#locate(path);
      body(parent, name);
    } catch (error) {
      throw unwritable(path, error);
    }
  }

  /** The directory of an entry, resolved, and its name in it; empty for the root. */
  #locate(path: BytePath): { readonly parent: BytePath; readonly name: BytePath } {
    if (path.includes('\0')) throw refusal('UNSUPPORTED', path, 'its name contains a NUL');
    if (!isClean(path)) return this.#locateUnclean(path);
    const asked = parentOf(path);
    if (this.#recent?.asked !== asked) this.#recent = { asked, resolved: this.tree.resolve(asked) };
    return { parent: this.#recent!.resolved, name: nameOf(path) };
  }

  #locateUnclean(path: BytePath): { readonly parent: BytePath; readonly name: BytePath } {
    const names = components(path);
    if (names.at(-1) === '..') return this.#locate(this.tree.resolve(path));
    if (!names.includes('..')) return this.#locate(`/${names.join('/')}`);
    const name = names.pop()!;
    return { parent: this.tree.resolve(names.join('/')), name };
  }

  /** A directory in the upper layer, copied up with all above it when only lower layers have it. */
  #level(path: BytePath): UpperLevel {
    const level = this.#upper.directory(path);
    if (typeof level === 'object') return level;
    const source = level === 'absent' ? this.#lower.directory(path)[0] : undefined;
    if (source === undefined) throw this.#notADirectory(path);
    const parent = this.#level(parentOf(path));
    this.#touch(parentOf(path), parent);
    const fd = copyUpDirectory(source.fd, parent.fd, nameOf(path));
    this.#times.set(path, inode.statFd(source.fd).mtimeNs);
    return this.#upper.remember(path, fd, false);
  }

  #notADirectory(path: BytePath): StoreError {
    return this.tree.lookup(path) === undefined
      ? refusal('NOT_FOUND', path, 'there is no such directory')
      : refusal('NOT_A_DIRECTORY', path, 'it is not a directory');
  }

  /** Notes the time of a directory before something in it changes. */
  #touch(path: BytePath, { fd }: UpperLevel): void {
    if (!this.#times.has(path)) this.#times.set(path, inode.statFd(fd).mtimeNs);
  }

  /** What lower layers have at a name, whether or not the upper one hides it. */
  #below(parent: BytePath, name: BytePath, level: UpperLevel): Found | undefined {
    return level.hidesLower ? undefined : this.#lower.find(this.#lower.directory(parent), name);
  }

  #makeDirectory(parent: BytePath, name: BytePath): UpperLevel {
    const path = join(parent, name);
    const level = this.#level(parent);
    const stat = inode.statAt(level.fd, name);
    const below = this.#below(parent, name, level);
    const isDeleted = stat !== undefined && isWhiteout(stat);
    const type = isDeleted ? undefined : (stat ?? below?.stat)?.type;
    if (type === 'directory') return this.#level(path);
    if (type !== undefined) throw refusal('NOT_A_DIRECTORY', path, `a ${type} is there`);
    this.#touch(parent, level);
    if (isDeleted) inode.unlinkAt(level.fd, name);
    inode.makeDirectoryAt(level.fd, name, 0o700);
    const fd = inode.openAt(level.fd, name, O.RDONLY | O.DIRECTORY);
    const made = this.#upper.remember(path, fd, true);
    if (below?.stat.type === 'directory') makeOpaque(fd, this.#upper.space);
    return made;
  }

  #changeDirectory(path: BytePath, level: UpperLevel, attributes: Partial<Attributes>): void {
    this.#touch(path, level);
    this.#newFiles.forget();
    const { mode, uid, gid } = inode.statFd(level.fd);
    applyToFd(level.fd, { mode, uid, gid, ...attributes });
    if (attributes.mtimeNs !== undefined) this.#times.set(path, attributes.mtimeNs);
  }

  /** A new file, open for writing, in place of whatever but a directory is there. */
  #createFile(parent: BytePath, name: BytePath, mode: number): number {
    const flags = O.WRONLY | O.CREAT | O.EXCL;
    const permissions = mode & 0o777;
    let level = this.#level(parent);
    this.#touch(parent, level);
    // Mostly there is nothing, and then this is one call.
    const fd = name === '' ? -1 : inode.tryCreateAt(level.fd, name, flags, permissions);
    if (fd < 0) {
      level = this.#makeRoom(parent, name);
      return inode.openAt(level.fd, name, flags, permissions);
    }
    const below = this.#below(parent, name, level);
    if (below?.stat.type === 'symlink') this.#recent = undefined;
    if (below?.stat.type !== 'directory') return fd;
    inode.close(fd);
    inode.unlinkAt(level.fd, name);
    throw isADirectory(join(parent, name));
  }

  /** Frees a name for something that is no directory. */
  #makeRoom(parent: BytePath, name: BytePath): UpperLevel {
    if (name === '') throw isADirectory('/');
    const level = this.#level(parent);
    this.#touch(parent, level);
    const stat = inode.statAt(level.fd, name);
    const type = stat?.type ?? this.#below(parent, name, level)?.stat.type;
    if (type === 'directory') throw isADirectory(join(parent, name));
    if (type === 'symlink') this.#recent = undefined;
    if (stat !== undefined) inode.unlinkAt(level.fd, name);
    return level;
  }

  /** Sees to it that an existing entry is in the upper layer; answers with it when it is a directory. */
  #copyUp(parent: BytePath, name: BytePath): UpperLevel | undefined {
    if (name === '') return this.#level('/');
    const path = join(parent, name);
    const level = this.#level(parent);
    const stat = inode.statAt(level.fd, name);
    if (stat !== undefined && !isWhiteout(stat))
      return stat.type === 'directory' ? this.#level(path) : undefined;
    const below = stat === undefined ? this.#below(parent, name, level) : undefined;
    if (below === undefined) throw refusal('NOT_FOUND', path, 'there is no such file');
    if (below.stat.type === 'directory') return this.#level(path);
    this.#touch(parent, level);
    copyUpEntry(below.level.fd, level.fd, name, below.stat);
    return undefined;
  }

  #removeDirectory(path: BytePath, parent: number, name: BytePath): void {
    removeTreeAt(parent, name);
    for (const known of this.#times.keys()) {
      if (known === path || known.startsWith(`${path}/`)) this.#times.delete(known);
    }
    this.#upper.forget();
  }
}

function refusal(code: StoreErrorCode, path: BytePath, reason: string): StoreError {
  return new StoreError(code, displayPath(path), `Cannot write "${displayPath(path)}": ${reason}`);
}

function isADirectory(path: BytePath): StoreError {
  return refusal('IS_A_DIRECTORY', path, 'it is a directory');
}

function unwritable(path: BytePath, cause: unknown): unknown {
  if (!(cause instanceof SystemCallError)) return cause;
  const shown = displayPath(path);
  return new StoreError('SYSTEM', shown, `Cannot write "${shown}": ${cause.message}`, { cause });
}
