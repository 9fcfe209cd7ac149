import { openBeneath } from '../linux/beneath.ts';
import {
  AT_FDCWD,
  close,
  makeDirectoryAt,
  O,
  openAt,
  readLinkAt,
  statAt,
  statFd,
  unlinkAt,
} from '../linux/inode.ts';
import { removeTreeAt } from '../linux/remove-tree.ts';
import { type BytePath, bytePath } from '../snapshots/file-tree.ts';
import { isWhiteout } from '../snapshots/overlay-marks.ts';
import { archiveError, invalidArchive } from './archive-error.ts';
import { type DirectoryAttributes, DirectoryRegistry, IMPLIED_DIRECTORY } from './directory-registry.ts';

/** A directory of the layer, open O_PATH. */
export interface OpenDirectory {
  readonly fd: number;
  readonly ino: bigint;
}

/** As the kernel's MAXSYMLINKS. */
const MAX_LINKS = 40;
/** A path cannot name more than this, though symlinks could. */
const MAX_DEPTH = 2048;

/**
 * The directory a layer is unpacked into, reached by descriptor alone: symlinks that earlier entries made resolve
 * inside it, absolute ones and `..` too, so nothing is ever named outside of it.
 */
export class LayerRoot {
  readonly directories = new DirectoryRegistry();
  readonly root: OpenDirectory;
  /** Directories made so far. */
  made = 0;

  readonly #maxDirectories: number;
  #cached: { readonly path: BytePath; readonly directory: OpenDirectory } | undefined;
  #isStale = false;

  /** @param maxDirectories how many directories may be made, implied ones included. */
  constructor(directory: string, maxDirectories: number) {
    const fd = openAt(AT_FDCWD, bytePath(directory), O.RDONLY | O.DIRECTORY);
    this.root = { fd, ino: statFd(fd).ino };
    this.#maxDirectories = maxDirectories;
  }

  close(): void {
    this.#drop();
    close(this.root.fd);
  }

  #drop(): void {
    if (this.#cached !== undefined) close(this.#cached.directory.fd);
    this.#cached = undefined;
    this.#isStale = false;
  }

  /** The directory at a cleaned path, made with its parents where missing. Open until the next call. */
  directory(path: BytePath): OpenDirectory {
    if (path === '') return this.root;
    if (this.#cached?.path === path && !this.#isStale) return this.#cached.directory;
    this.#drop();
    const fd = this.#openDirectly(path) ?? this.#walk(path, true)!;
    const directory = { fd, ino: statFd(fd).ino };
    this.#cached = { path, directory };
    return directory;
  }

  /** A descriptor of the directory at a cleaned path, for the caller to close; undefined where there is none. */
  find(path: BytePath): number | undefined {
    return this.#openDirectly(path) ?? this.#walk(path, false);
  }

  /** The usual case, in one call: everything is there and no symlink on the way. */
  #openDirectly(path: BytePath): number | undefined {
    try {
      return openBeneath(this.root.fd, path, O.PATH | O.DIRECTORY);
    } catch {
      // Missing, a symlink, or something else: the walk finds out.
      return undefined;
    }
  }

  /** Goes component by component, as after chroot(2); makes what is missing, or else ends there. */
  #walk(path: BytePath, makeMissing: boolean): number | undefined {
    const stack: number[] = [];
    const rest = path.split('/').reverse();
    const here = () => stack.at(-1) ?? this.root.fd;
    let links = 0;
    try {
      for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
        if (name === '' || name === '.') continue;
        if (name === '..') {
          if (stack.length > 0) close(stack.pop()!);
          continue;
        }
        const target = symlinkTarget(here(), name);
        if (target === undefined) {
          const next = this.#step(here(), name, path, makeMissing);
          if (next === undefined) return undefined;
          stack.push(next);
        } else {
          if (target.startsWith('/')) for (const fd of stack.splice(0)) close(fd);
          rest.push(...target.split('/').reverse());
        }
        if (stack.length > MAX_DEPTH)
          throw tooMuch(path, `has more than ${MAX_DEPTH} directories in each other`);
        if (target !== undefined && ++links > MAX_LINKS)
          throw invalidArchive(path, 'Cannot unpack the layer: too many symlinks in a path');
      }
      return stack.pop() ?? openAt(this.root.fd, '.', O.PATH | O.DIRECTORY);
    } finally {
      for (const fd of stack) close(fd);
    }
  }

  /** Opens the directory of that name, made if missing; undefined when it may not be and is. */
  #step(parent: number, name: BytePath, path: BytePath, makeMissing: boolean): number | undefined {
    const stat = statAt(parent, name);
    if (stat?.type !== 'directory') {
      if (!makeMissing) return undefined;
      if (stat !== undefined && !isWhiteout(stat))
        throw invalidArchive(path, `Cannot unpack the layer: the parent of an entry is a ${stat.type}`);
      if (stat !== undefined) unlinkAt(parent, name);
      this.make({ fd: parent, ino: statFd(parent).ino }, name, IMPLIED_DIRECTORY);
    }
    return openAt(parent, name, O.PATH | O.DIRECTORY);
  }

  /** Makes a directory where nothing is. */
  make(parent: OpenDirectory, name: BytePath, attributes: DirectoryAttributes): void {
    if (++this.made > this.#maxDirectories)
      throw tooMuch(name, `makes more than ${this.#maxDirectories} directories`);
    makeDirectoryAt(parent.fd, name, 0o700);
    this.directories.made(parent.ino, name, statAt(parent.fd, name)!.ino, attributes);
  }

  /** Removes an entry of any type with all below it. */
  remove(parent: OpenDirectory, name: BytePath): void {
    // What is open may lie below it, or have been reached through it.
    this.#isStale = true;
    removeTreeAt(parent.fd, name);
  }
}

function symlinkTarget(parent: number, name: BytePath): BytePath | undefined {
  return statAt(parent, name)?.type === 'symlink' ? readLinkAt(parent, name) : undefined;
}

function tooMuch(path: BytePath, what: string) {
  return archiveError('LIMIT_EXCEEDED', path, `Cannot unpack the layer: it ${what}`);
}
