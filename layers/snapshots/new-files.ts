import * as inode from '../linux/inode.ts';
import type { BytePath, FileStat } from './file-tree.ts';
import { isFileXattr } from './overlay-marks.ts';

/** Directories remembered at most: those on the way to the last one are asked about again and again. */
const MOST = 64;

interface Known {
  readonly isPlain: boolean;
  areBare: boolean | undefined;
}

/**
 * Foretells whom a file belongs to that this process makes in a directory, and its mode: mostly as wanted, which saves
 * two calls for each of many files. It depends on the directory alone, so the answers for the last ones are kept.
 */
export class NewFiles {
  readonly #uid = process.geteuid!();
  readonly #gid = process.getegid!();
  readonly #umask = process.umask();
  readonly #directories = new Map<BytePath, Known>();
  #last: { readonly path: BytePath; readonly known: Known } | undefined;

  /** Undefined: better ask the file. `mode` is what the file is made with. */
  in(path: BytePath, directory: number, mode: number): Pick<FileStat, 'uid' | 'gid' | 'mode'> | undefined {
    if (this.#last?.path !== path) this.#last = { path, known: this.#know(path, directory) };
    if (!this.#last.known.isPlain) return undefined;
    return { uid: this.#uid, gid: this.#gid, mode: mode & 0o777 & ~this.#umask };
  }

  #know(path: BytePath, directory: number): Known {
    let known = this.#directories.get(path);
    if (known === undefined) {
      if (this.#directories.size === MOST) this.#directories.clear();
      known = { isPlain: this.#isPlain(directory), areBare: undefined };
      this.#directories.set(path, known);
    }
    return known;
  }

  /**
   * Whether a file that was made in the directory for which {@link in} had an answer last, and given none, has no
   * extended attributes: on some filesystems each has (NFS with its own ACLs), or each in some directories (compression
   * of btrfs). Asked of the first file.
   */
  areBare(fd: number): boolean {
    const { known } = this.#last!;
    known.areBare ??= !inode.listXattrsFd(fd).some(isFileXattr);
    return known.areBare;
  }

  /** Whether {@link areBare} has said so already of the files in that directory. */
  get areKnownBare(): boolean {
    return this.#last?.known.areBare === true;
  }

  /** When the owner or attributes of a directory change, or any may be another than it was. */
  forget(path?: BytePath): void {
    if (path === undefined) this.#directories.clear();
    else this.#directories.delete(path);
    this.#last = undefined;
  }

  /** A directory that is setgid (or a mount that takes every one so) hands on its group, one with default ACLs its modes. */
  #isPlain(directory: number): boolean {
    if (inode.statFd(directory).gid !== this.#gid) return false;
    return !inode.listXattrsFd(directory).includes('system.posix_acl_default');
  }
}
