import {
  AT_FDCWD,
  chmodFd,
  chownFd,
  close,
  makeDirectoryAt,
  O,
  openAt,
  openAt2,
  RESOLVE,
  readDirectory,
  readLinkAt,
  removeDirectoryAt,
  setTimesFd,
  setXattrFd,
  statAt,
  statFd,
  unlinkAt,
} from '../linux/inode.ts';
import { type BytePath, bytePath } from '../snapshots/file-tree.ts';
import { archiveError, invalidArchive } from './archive-error.ts';
import type { Xattr } from './tar-entry.ts';
import { isOverlayWhiteout, type OverlayXattrs, setLayerXattrs } from './whiteout.ts';

/** A directory of the layer, open O_PATH. */
export interface OpenDirectory {
  readonly fd: number;
  readonly ino: bigint;
}

/** What a directory gets once all below it is written, so that neither its mode nor its time matters before. */
export interface DirectoryAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly xattrs: readonly Xattr[];
}

/** image-spec layer.md leaves directories that no entry tells about to the reader; Docker makes them so. */
const IMPLIED: DirectoryAttributes = { mode: 0o755, uid: 0, gid: 0, mtimeNs: 0n, xattrs: [] };
/** As the kernel's MAXSYMLINKS. */
const MAX_LINKS = 40;
/** A path cannot name more than this, though symlinks could. */
const MAX_DEPTH = 2048;

/**
 * The directory a layer is unpacked into, reached by descriptor alone: symlinks that earlier entries made resolve
 * inside it, absolute ones and `..` too, so nothing is ever named outside of it.
 */
export class LayerRoot {
  readonly #root: OpenDirectory;
  #cached: { readonly path: BytePath; readonly directory: OpenDirectory } | undefined;
  #isStale = false;
  /** By inode: names change their meaning when an entry replaces another. */
  readonly #attributes = new Map<bigint, DirectoryAttributes>();
  readonly #opaque = new Set<bigint>();
  /** `INODE/NAME` of each entry that a whiteout of this layer hides in the layers below. */
  readonly #hidden = new Set<string>();
  /** Directories made so far. */
  made = 0;

  /** @param maxDirectories how many directories may be made, implied ones included. */
  constructor(
    directory: string,
    readonly maxDirectories: number,
  ) {
    const fd = openAt(AT_FDCWD, bytePath(directory), O.RDONLY | O.DIRECTORY);
    this.#root = { fd, ino: statFd(fd).ino };
    this.#attributes.set(this.#root.ino, IMPLIED);
  }

  close(): void {
    this.#drop();
    close(this.#root.fd);
  }

  #drop(): void {
    if (this.#cached !== undefined) close(this.#cached.directory.fd);
    this.#cached = undefined;
    this.#isStale = false;
  }

  /** The directory at a cleaned path, made with its parents where missing. Valid until the next call. */
  directory(path: BytePath): OpenDirectory {
    if (path === '') return this.#root;
    if (this.#cached?.path === path && !this.#isStale) return this.#cached.directory;
    this.#drop();
    const fd = this.#openDirectly(path) ?? this.#walk(path, true)!;
    const directory = { fd, ino: statFd(fd).ino };
    this.#cached = { path, directory };
    return directory;
  }

  /** The usual case, in one call: everything is there and no symlink on the way. */
  #openDirectly(path: BytePath): number | undefined {
    try {
      return openAt2(this.#root.fd, path, O.PATH | O.DIRECTORY, RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS);
    } catch {
      // Missing, a symlink, or no openat2 here: the walk finds out which.
      return undefined;
    }
  }

  /** A descriptor of the directory at a cleaned path, for the caller to close; undefined where there is none. */
  find(path: BytePath): number | undefined {
    return this.#openDirectly(path === '' ? '.' : path) ?? this.#walk(path, false);
  }

  /** Goes component by component, as after chroot(2); makes what is missing, or else ends there. */
  #walk(path: BytePath, makeMissing: boolean): number | undefined {
    const stack: number[] = [];
    const rest = path.split('/').reverse();
    const here = () => stack.at(-1) ?? this.#root.fd;
    let links = 0;
    try {
      for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
        if (name === '' || name === '.') continue;
        if (name === '..') {
          const left = stack.pop();
          if (left !== undefined) close(left);
          continue;
        }
        const stat = statAt(here(), name);
        if (stat?.type === 'symlink') {
          if (++links > MAX_LINKS) throw invalidArchive(path, 'Cannot unpack the layer: too many symlinks');
          const target = readLinkAt(here(), name);
          if (target.startsWith('/')) for (const fd of stack.splice(0)) close(fd);
          rest.push(...target.split('/').reverse());
          continue;
        }
        if (!makeMissing && stat?.type !== 'directory') return undefined;
        if (stat === undefined || isOverlayWhiteout(stat))
          this.#makeImplied(here(), name, stat !== undefined);
        else if (stat.type !== 'directory')
          throw invalidArchive(path, `Cannot unpack the layer: a parent is a ${stat.type}, no directory`);
        if (stack.length >= MAX_DEPTH)
          throw archiveError(
            'LIMIT_EXCEEDED',
            path,
            `Cannot unpack the layer: deeper than ${MAX_DEPTH} directories`,
          );
        stack.push(openAt(here(), name, O.PATH | O.DIRECTORY));
      }
      return stack.pop() ?? openAt(this.#root.fd, '.', O.PATH | O.DIRECTORY);
    } finally {
      for (const fd of stack) close(fd);
    }
  }

  #makeImplied(parent: number, name: BytePath, isWhiteout: boolean): void {
    if (isWhiteout) unlinkAt(parent, name);
    this.make({ fd: parent, ino: statFd(parent).ino }, name, IMPLIED);
  }

  /** Makes a directory where nothing is. What it hides of the layers below stays hidden. */
  make(parent: OpenDirectory, name: BytePath, attributes: DirectoryAttributes): void {
    if (++this.made > this.maxDirectories)
      throw archiveError(
        'LIMIT_EXCEEDED',
        name,
        `Cannot unpack the layer: it makes more than ${this.maxDirectories} directories`,
      );
    makeDirectoryAt(parent.fd, name, 0o700);
    const { ino } = statAt(parent.fd, name)!;
    this.#attributes.set(ino, attributes);
    if (this.#hidden.has(`${parent.ino}/${name}`)) this.#opaque.add(ino);
    else this.#opaque.delete(ino);
  }

  /** Gives a directory that is there already what an entry says about it. */
  describe(ino: bigint, attributes: DirectoryAttributes): void {
    this.#attributes.set(ino, attributes);
  }

  /** Hides everything of the layers below in the directory. */
  makeOpaque({ ino }: Pick<OpenDirectory, 'ino'>): void {
    this.#opaque.add(ino);
  }

  /** Remembers that a name is hidden, whatever this layer puts there. */
  hide(parent: OpenDirectory, name: BytePath): void {
    this.#hidden.add(`${parent.ino}/${name}`);
  }

  /** Removes an entry of any type with all below it. */
  remove(parent: OpenDirectory, name: BytePath): void {
    // What is open may lie below it, or have been reached through it.
    this.#isStale = true;
    if (statAt(parent.fd, name)?.type === 'directory') removeTree(parent.fd, name);
    else unlinkAt(parent.fd, name);
  }

  /** Gives every directory its attributes; to be called once all entries are written. */
  finish(overlayXattrs: OverlayXattrs): void {
    this.#finish(this.#root.fd, '.', overlayXattrs);
  }

  /** From below, since a directory's mode may forbid to enter it. */
  #finish(parent: number, name: BytePath, overlayXattrs: OverlayXattrs): void {
    const fd = openAt(parent, name, O.RDONLY | O.DIRECTORY);
    try {
      const { ino, nlink, uid, gid } = statFd(fd);
      // Where a directory counts its children's `..`, two links mean that it has none.
      if (nlink !== 2) for (const child of subdirectories(fd)) this.#finish(fd, child, overlayXattrs);
      const attributes = this.#attributes.get(ino) ?? IMPLIED;
      if (uid !== attributes.uid || gid !== attributes.gid) chownFd(fd, attributes.uid, attributes.gid);
      setLayerXattrs(attributes.xattrs, (attribute, value) => setXattrFd(fd, attribute, value));
      if (this.#opaque.has(ino)) setXattrFd(fd, `${overlayXattrs}opaque`, Buffer.from('y'));
      chmodFd(fd, attributes.mode);
      setTimesFd(fd, attributes.mtimeNs);
    } finally {
      close(fd);
    }
  }
}

function subdirectories(fd: number): BytePath[] {
  const names: BytePath[] = [];
  for (const { name, type } of readDirectory(fd)) {
    if ((type ?? statAt(fd, name)?.type) === 'directory') names.push(name);
  }
  return names;
}

function removeTree(parent: number, name: BytePath): void {
  const fd = openAt(parent, name, O.RDONLY | O.DIRECTORY);
  try {
    for (const { name: child, type } of readDirectory(fd)) {
      if ((type ?? statAt(fd, child)?.type) === 'directory') removeTree(fd, child);
      else unlinkAt(fd, child);
    }
  } finally {
    close(fd);
  }
  removeDirectoryAt(parent, name);
}
