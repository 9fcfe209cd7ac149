import { SystemCallError } from '../linux/errno.ts';
import * as inode from '../linux/inode.ts';
import { type BytePath, bytePath, type FileNode, type FileTree, type FileType } from './file-tree.ts';
import { OpenDirectories } from './open-directories.ts';
import { isClean, join, nameOf, parentOf } from './path.ts';
import { resolvePath, type Steps } from './resolve.ts';
import { byPath, checkIsNode, readXattrs, readXattrsFd, unreadable } from './tree-entry.ts';

export interface DirectoryTreeOptions {
  /** Entries that the tree does not have, nor anything below them. Must answer alike each time it is asked. */
  readonly hidden?: (path: BytePath, type: FileType) => boolean;
}

/** A {@link FileTree} over one directory of the host. Holds a few descriptors until closed. */
export interface DirectoryTree extends FileTree {
  /** The path with every symlink followed inside the tree; what does not exist stays as it is. */
  resolve(path: BytePath): BytePath;
  close(): void;
}

/**
 * Opens a directory of the host, such as a build context, as a tree. It may change while it is read: every look-up walks
 * anew from the directory's descriptor, and what is read of its outcome goes from descriptor to name, so a name that is
 * swapped for a symlink leads nowhere. Symlinks in the directory's own path are followed. Throws `NOT_FOUND`,
 * `NOT_A_DIRECTORY`, `SYSTEM`.
 */
export function directoryTree(directory: string, options: DirectoryTreeOptions = {}): DirectoryTree {
  const path = bytePath(directory);
  try {
    return new HostTree(inode.openAt(inode.AT_FDCWD, `${path}/.`, DIRECTORY), options.hidden);
  } catch (error) {
    throw unreadable(path, error);
  }
}

const DIRECTORY = inode.O.PATH | inode.O.DIRECTORY;

class HostTree implements DirectoryTree {
  readonly #root: number;
  /** Of what was read since the last look-up. */
  readonly #directories: OpenDirectories;
  readonly #hidden: ((path: BytePath, type: FileType) => boolean) | undefined;
  /** Answers of `hidden` for directories, which are asked for with every path below them. */
  readonly #hiddenDirectories = new Map<BytePath, boolean>();
  readonly #steps: Steps;
  #isClosed = false;

  constructor(root: number, hidden: DirectoryTreeOptions['hidden']) {
    this.#root = root;
    this.#directories = new OpenDirectories(root);
    this.#hidden = hidden;
    this.#steps = {
      typeOf: (directory, name) => this.#entry(join(directory, name))?.stat.type,
      linkTarget: (directory, name) => this.#within(join(directory, name), inode.readLinkAt),
    };
  }

  lookup(path: BytePath, options: { readonly follow?: boolean } = {}): FileNode | undefined {
    this.#directories.forget();
    if (path.includes('\0')) return undefined;
    const follow = options.follow ?? false;
    if (isClean(path)) {
      const node = this.#entry(path);
      if (node !== undefined && !(follow && node.stat.type === 'symlink')) return node;
    }
    const resolved = resolvePath(path, this.#steps, { follow, keepMissing: false });
    return resolved === undefined ? undefined : this.#entry(resolved);
  }

  resolve(path: BytePath): BytePath {
    this.#directories.forget();
    return resolvePath(path, this.#steps, { follow: true, keepMissing: true })!;
  }

  children(directory: FileNode): readonly FileNode[] {
    const nodes: FileNode[] = [];
    try {
      const fd = this.#directories.list(directory.path);
      for (const { name } of inode.readDirectory(fd)) {
        const stat = inode.statAt(fd, name);
        const path = join(directory.path, name);
        if (stat !== undefined && !this.#isHidden(path, stat.type)) nodes.push({ path, stat });
      }
    } catch (error) {
      throw unreadable(directory.path, error);
    }
    return nodes.sort(byPath);
  }

  readlink(symlink: FileNode): BytePath {
    return this.#within(symlink.path, inode.readLinkAt);
  }

  open(file: FileNode): number {
    const flags = inode.O.RDONLY | inode.O.NONBLOCK;
    return checkIsNode(
      this.#within(file.path, (directory, name) => inode.openAt(directory, name || '.', flags)),
      file,
    );
  }

  xattrs(node: FileNode, fd?: number): readonly (readonly [name: string, value: Buffer])[] {
    if (fd !== undefined) return readXattrsFd(fd);
    return this.#within(node.path, readXattrs);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#directories.forget();
    inode.close(this.#root);
  }

  /** lstat of a path that must have no symlink in any parent. */
  #entry(path: BytePath): FileNode | undefined {
    if (path === '/') return { path, stat: inode.statFd(this.#root) };
    try {
      const stat = inode.statAt(this.#directories.at(parentOf(path)), nameOf(path));
      return stat === undefined || this.#isHiddenBelow(path, stat.type) ? undefined : { path, stat };
    } catch (error) {
      if (error instanceof SystemCallError && ABSENT.has(error.code)) return undefined;
      throw unreadable(path, error);
    }
  }

  /** Runs `body` on an entry of its open directory; on the root itself with an empty name. */
  #within<T>(path: BytePath, body: (directory: number, name: BytePath) => T): T {
    if (path === '/') return body(this.#root, '');
    try {
      return body(this.#directories.at(parentOf(path)), nameOf(path));
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  /** Whether the entry or a directory on the way to it is hidden. */
  #isHiddenBelow(path: BytePath, type: FileType): boolean {
    if (this.#hidden === undefined) return false;
    for (let cut = path.indexOf('/', 1); cut > 0; cut = path.indexOf('/', cut + 1)) {
      if (this.#isHidden(path.slice(0, cut), 'directory')) return true;
    }
    return this.#isHidden(path, type);
  }

  #isHidden(path: BytePath, type: FileType): boolean {
    if (this.#hidden === undefined) return false;
    if (type !== 'directory') return this.#hidden(path, type);
    let answer = this.#hiddenDirectories.get(path);
    if (answer === undefined) {
      answer = this.#hidden(path, type);
      this.#hiddenDirectories.set(path, answer);
    }
    return answer;
  }
}

/** What opening a parent says when it is missing, no directory, or reached through a symlink. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENOTDIR', 'ELOOP']);
