import type { BytePath } from '../snapshots/file-tree.ts';
import { SystemCallError } from './errno.ts';
import * as inode from './inode.ts';
import { randomBytes } from './random.ts';

const { O } = inode;

/** What says that a filesystem has no files without names; EISDIR is from kernels older than the flag. */
const NO_TMPFILE: ReadonlySet<string> = new Set(['EOPNOTSUPP', 'EISDIR', 'ENOENT', 'EINVAL']);

/**
 * A file in the making in an open directory, which appears whole: until then without a name where the filesystem has
 * that, so that a killed process leaves nothing.
 */
export class WholeFile {
  /** To write to. */
  readonly fd: number;
  #temporary: BytePath | undefined;

  /** The mode is subject to the umask. The directory must stay open. */
  constructor(
    readonly directory: number,
    mode: number,
  ) {
    let fd = -1;
    try {
      fd = inode.openAt(directory, '.', O.TMPFILE | O.WRONLY, mode);
    } catch (error) {
      if (!(error instanceof SystemCallError && NO_TMPFILE.has(error.code))) throw error;
      this.#temporary = temporaryName();
      fd = inode.openAt(directory, this.#temporary, O.WRONLY | O.CREAT | O.EXCL, mode);
    }
    this.fd = fd;
  }

  /** Gives it its name, in place of what has that (no directory). */
  appearAs(name: BytePath): void {
    if (this.#temporary === undefined) {
      if (inode.statAt(this.directory, name) === undefined) {
        inode.linkFd(this.fd, this.directory, name);
        return;
      }
      const temporary = temporaryName();
      inode.linkFd(this.fd, this.directory, temporary);
      this.#temporary = temporary;
    }
    inode.renameAt(this.directory, this.#temporary, this.directory, name);
    this.#temporary = undefined;
  }

  /** To be called in any case; without a name, nothing is left of it. */
  close(): void {
    inode.close(this.fd);
    if (this.#temporary !== undefined) inode.unlinkAt(this.directory, this.#temporary);
  }
}

function temporaryName(): BytePath {
  return `.tsbuild-${randomBytes(8).toString('hex')}`;
}
