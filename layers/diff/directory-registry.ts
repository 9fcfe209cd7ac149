import {
  chmodFd,
  chownFd,
  close,
  O,
  openAt,
  readDirectory,
  setTimesFd,
  setXattrFd,
  statAt,
  statFd,
} from '../linux/inode.ts';
import { applyXattrs } from '../snapshots/apply-attributes.ts';
import type { BytePath } from '../snapshots/file-tree.ts';
import { type MarkSpace, makeOpaque } from '../snapshots/overlay-marks.ts';
import type { Xattr } from './tar-entry.ts';

export interface DirectoryAttributes {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeNs: bigint;
  readonly xattrs: readonly Xattr[];
}

/** image-spec layer.md leaves directories that no entry tells about to the reader; Docker makes them so. */
export const IMPLIED_DIRECTORY: DirectoryAttributes = {
  mode: 0o755,
  uid: 0,
  gid: 0,
  mtimeNs: 0n,
  xattrs: [],
};

/**
 * What the directories of a layer get once everything below them is written, so that until then neither mode nor
 * time nor default ACL matters. Kept by inode, since a name changes its meaning when an entry replaces another.
 */
export class DirectoryRegistry {
  readonly #attributes = new Map<bigint, DirectoryAttributes>();
  readonly #opaque = new Set<bigint>();
  /** `PARENT/NAME` of each entry that a whiteout of this layer hides in the layers below. */
  readonly #hidden = new Set<string>();

  /** A directory was made. What a whiteout hides under its name stays hidden. */
  made(parent: bigint, name: BytePath, ino: bigint, attributes: DirectoryAttributes): void {
    this.#attributes.set(ino, attributes);
    // Of another directory, which is gone, the number may have been the same.
    if (this.#hidden.has(`${parent}/${name}`)) this.#opaque.add(ino);
    else this.#opaque.delete(ino);
  }

  /** An entry tells about a directory that is there already. */
  describe(ino: bigint, attributes: DirectoryAttributes): void {
    this.#attributes.set(ino, attributes);
  }

  makeOpaque(ino: bigint): void {
    this.#opaque.add(ino);
  }

  /** A whiteout hides a name, whatever this layer puts there. */
  hide(parent: bigint, name: BytePath): void {
    this.#hidden.add(`${parent}/${name}`);
  }

  /** Gives every directory from `root` (a descriptor) on what it is to have; from below, since a mode may forbid to enter. */
  apply(root: number, marks: MarkSpace): void {
    this.#apply(root, '.', marks);
  }

  #apply(parent: number, name: BytePath, marks: MarkSpace): void {
    const fd = openAt(parent, name, O.RDONLY | O.DIRECTORY);
    try {
      const { ino, nlink, uid, gid } = statFd(fd);
      // Where a directory counts its children's `..`, two links mean that it has none.
      if (nlink !== 2) for (const child of subdirectories(fd)) this.#apply(fd, child, marks);
      const attributes = this.#attributes.get(ino) ?? IMPLIED_DIRECTORY;
      if (uid !== attributes.uid || gid !== attributes.gid) chownFd(fd, attributes.uid, attributes.gid);
      applyXattrs(attributes.xattrs, (attribute, value) => setXattrFd(fd, attribute, value));
      if (this.#opaque.has(ino)) makeOpaque(fd, marks);
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
