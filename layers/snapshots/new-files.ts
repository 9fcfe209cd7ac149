import * as inode from '../linux/inode.ts';
import type { BytePath, FileStat } from './file-tree.ts';
import { isFileXattr } from './overlay-marks.ts';

/**
 * Foretells whom a file belongs to that this process makes in a directory, and its mode: mostly as wanted, which saves
 * two calls for each of many files. It depends on the directory alone, so the answer for the last one is kept.
 */
export class NewFiles {
  readonly #uid = process.geteuid!();
  readonly #gid = process.getegid!();
  readonly #umask = process.umask();
  #areBare: boolean | undefined;
  #last: { readonly path: BytePath; readonly isPlain: boolean } | undefined;

  /** Undefined: better ask the file. `mode` is what the file is made with. */
  in(path: BytePath, directory: number, mode: number): Pick<FileStat, 'uid' | 'gid' | 'mode'> | undefined {
    if (this.#last?.path !== path) {
      this.#last = { path, isPlain: this.#isPlain(directory) };
      this.#areBare = undefined;
    }
    if (!this.#last.isPlain) return undefined;
    return { uid: this.#uid, gid: this.#gid, mode: mode & 0o777 & ~this.#umask };
  }

  /**
   * Whether a file that was made in a directory for which {@link in} had an answer, and given none, has no extended
   * attributes: on some filesystems each has (NFS with its own ACLs), or each in some directories (compression of btrfs).
   * Asked of the first file.
   */
  areBare(fd: number): boolean {
    this.#areBare ??= !inode.listXattrsFd(fd).some(isFileXattr);
    return this.#areBare;
  }

  /** When the owner or attributes of a directory change. */
  forget(): void {
    this.#last = undefined;
  }

  /** A directory that is setgid (or a mount that takes every one so) hands on its group, one with default ACLs its modes. */
  #isPlain(directory: number): boolean {
    if (inode.statFd(directory).gid !== this.#gid) return false;
    return !inode.listXattrsFd(directory).includes('system.posix_acl_default');
  }
}
