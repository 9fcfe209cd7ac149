import type { StoreError } from '../errors.ts';
import { openBeneath } from '../linux/beneath.ts';
import { SystemCallError } from '../linux/errno.ts';
import * as inode from '../linux/inode.ts';
import { removeTreeAt } from '../linux/remove-tree.ts';
import { WholeFile } from '../linux/whole-file.ts';
import { applyToEntry, applyToFd } from './apply-attributes.ts';
import { copyContent, writeContent } from './copy-content.ts';
import { copyEntry } from './copy-entry.ts';
import { type DirectoryTree, directoryTree } from './directory-tree.ts';
import { type BytePath, bytePath, type FileNode, type FileTree } from './file-tree.ts';
import { makeAll } from './make-all.ts';
import { isClean, join, nameOf, parentOf } from './path.ts';
import type { Attributes, TreeWriter } from './tree-writer.ts';
import { refusal } from './upper-editor.ts';

/** A {@link TreeWriter} of a directory that others may use at the same time. Holds descriptors until closed. */
export interface DirectoryWriter extends TreeWriter {
  readonly tree: DirectoryTree;
  close(): void;
}

/**
 * Opens a directory of the host for writing: the root of a running container, a volume, where `cp` puts things. Others
 * may write into it meanwhile, and are not trusted: each step goes by descriptor from the directory to one name below
 * it and follows no symlink that was not read and resolved inside before. A file appears whole, under its name.
 * Symlinks in the directory's own path are followed. Throws `NOT_FOUND`, `NOT_A_DIRECTORY`, `SYSTEM`.
 */
export function directoryWriter(directory: string): DirectoryWriter {
  return new LiveWriter(directoryTree(directory), directory);
}

const { O } = inode;
const DIRECTORY = O.RDONLY | O.DIRECTORY;

class LiveWriter implements DirectoryWriter {
  readonly #root: number;
  /** The directory last written into. */
  #recent: { readonly path: BytePath; readonly fd: number } | undefined;
  /** Times that directories get at the end, by resolved path. */
  readonly #times = new Map<BytePath, bigint>();

  constructor(
    readonly tree: DirectoryTree,
    directory: string,
  ) {
    this.#root = inode.openAt(inode.AT_FDCWD, `${bytePath(directory)}/.`, DIRECTORY);
  }

  resolve(path: BytePath): BytePath {
    return this.tree.resolve(path);
  }

  mkdirAll(path: BytePath, attributes: Attributes): boolean {
    return makeAll(this, path, attributes);
  }

  mkdir(path: BytePath, attributes: Attributes): void {
    this.#change(path, (parent, name, resolved) => {
      const type = name === '' ? 'directory' : inode.statAt(parent, name)?.type;
      if (type === undefined) inode.makeDirectoryAt(parent, name, 0o700);
      else if (type !== 'directory') throw refusal('NOT_A_DIRECTORY', path, `a ${type} is there`);
      this.#changeDirectory(parent, name, resolved, attributes);
    });
  }

  file(
    path: BytePath,
    content: { readonly fd: number; readonly size: number } | Uint8Array,
    attributes: Attributes,
  ): void {
    this.#change(path, (parent, name) => {
      const there = name === '' ? inode.statFd(parent) : inode.statAt(parent, name);
      if (there?.type === 'directory') throw isADirectory(path);
      const file = new WholeFile(parent, 0o600);
      try {
        if (content instanceof Uint8Array) writeContent(file.fd, content);
        else copyContent(content.fd, file.fd, content.size);
        applyToFd(file.fd, attributes);
        if (attributes.mtimeNs !== undefined) inode.setTimesFd(file.fd, attributes.mtimeNs);
        file.appearAs(name);
      } finally {
        file.close();
      }
    });
  }

  symlink(path: BytePath, target: BytePath, attributes: Attributes): void {
    this.#change(path, (parent, name) => {
      makeRoom(path, parent, name);
      inode.symlinkAt(target, parent, name);
      applyToEntry(parent, name, { type: 'symlink', ...attributes }, attributes);
    });
  }

  link(path: BytePath, existing: BytePath): void {
    const source = inode.openAt(this.#directory(this.resolve(parentOf(existing))), '.', DIRECTORY);
    try {
      this.#change(path, (parent, name) => {
        makeRoom(path, parent, name);
        inode.linkAt(source, nameOf(existing), parent, name);
      });
    } finally {
      inode.close(source);
    }
  }

  mknod(
    path: BytePath,
    node: { readonly type: 'char' | 'block' | 'fifo'; readonly major: number; readonly minor: number },
    attributes: Attributes,
  ): void {
    this.#change(path, (parent, name) => {
      makeRoom(path, parent, name);
      inode.makeNodeAt(parent, name, node.type, 0o600, node.major, node.minor);
      applyToEntry(parent, name, { ...attributes, type: node.type }, attributes);
    });
  }

  setAttributes(path: BytePath, attributes: Partial<Attributes>): void {
    this.#change(path, (parent, name, resolved) => {
      const stat = name === '' ? inode.statFd(parent) : inode.statAt(parent, name);
      if (stat === undefined) throw refusal('NOT_FOUND', path, 'there is no such file');
      if (stat.type === 'directory') this.#changeDirectory(parent, name, resolved, attributes);
      else applyToEntry(parent, name, stat, attributes);
    });
  }

  remove(path: BytePath): void {
    this.#change(path, (parent, name) => {
      if (name === '') throw refusal('UNSUPPORTED', '/', 'the root cannot be removed');
      if (inode.statAt(parent, name) !== undefined) removeTreeAt(parent, name);
    });
    this.#forget();
  }

  copy(path: BytePath, from: FileTree, node: FileNode, attributes: Partial<Attributes>): void {
    copyEntry(this, path, from, node, attributes);
  }

  /** A directory that somebody has taken away meanwhile has no time to be set. */
  finish(): void {
    this.#forget();
    for (const [path, mtimeNs] of this.#times) {
      try {
        const fd = openBeneath(this.#root, path.slice(1), DIRECTORY);
        inode.setTimesFd(fd, mtimeNs);
        inode.close(fd);
      } catch (error) {
        if (!(error instanceof SystemCallError)) throw error;
      }
    }
    this.#times.clear();
  }

  close(): void {
    this.#forget();
    this.tree.close();
    inode.close(this.#root);
  }

  #changeDirectory(
    parent: number,
    name: BytePath,
    resolved: BytePath,
    attributes: Partial<Attributes>,
  ): void {
    const fd = inode.openAt(parent, name === '' ? '.' : name, DIRECTORY);
    try {
      const { mode, uid, gid } = inode.statFd(fd);
      applyToFd(fd, { mode, uid, gid, ...attributes });
    } finally {
      inode.close(fd);
    }
    if (attributes.mtimeNs !== undefined) this.#times.set(resolved, attributes.mtimeNs);
  }

  /** Runs one change of the entry a path names: in the open directory that holds it; no name is the root itself. */
  #change(path: BytePath, body: (parent: number, name: BytePath, resolved: BytePath) => void): void {
    if (path.includes('\0')) throw refusal('UNSUPPORTED', path, 'its name contains a NUL');
    try {
      const clean = isClean(path) ? path : this.resolve(path);
      const parent = this.resolve(parentOf(clean));
      const name = nameOf(clean);
      body(this.#directory(parent), name, name === '' ? '/' : join(parent, name));
    } catch (error) {
      if (!(error instanceof SystemCallError)) throw error;
      throw refusal(error.code === 'ENOENT' ? 'NOT_FOUND' : 'SYSTEM', path, error.message, error);
    }
  }

  /** A resolved path: what has become a symlink since is not followed. */
  #directory(path: BytePath): number {
    if (this.#recent?.path === path) return this.#recent.fd;
    this.#forget();
    this.#recent = { path, fd: openBeneath(this.#root, path.slice(1), DIRECTORY) };
    return this.#recent.fd;
  }

  #forget(): void {
    if (this.#recent !== undefined) inode.close(this.#recent.fd);
    this.#recent = undefined;
  }
}

/** Frees a name for something that is no directory. */
function makeRoom(path: BytePath, parent: number, name: BytePath): void {
  const stat = name === '' ? inode.statFd(parent) : inode.statAt(parent, name);
  if (stat?.type === 'directory') throw isADirectory(path);
  if (stat !== undefined) inode.unlinkAt(parent, name);
}

function isADirectory(path: BytePath): StoreError {
  return refusal('IS_A_DIRECTORY', path, 'it is a directory');
}
