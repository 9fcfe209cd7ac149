import { openBeneath } from '../linux/beneath.ts';
import * as inode from '../linux/inode.ts';
import type { BytePath } from './file-tree.ts';

/** How many are open at once: a walk comes back to those above where it is. */
const MOST = 16;

/**
 * Directories below a root that were opened last, each within the one before: what is read next mostly lies in one of
 * them, and is then opened by its name alone. They stay what they were when they were opened, wherever they are moved.
 */
export class OpenDirectories {
  readonly #root: number;
  /** Outermost first; `prefix` is the path with a slash at its end. */
  readonly #open: { readonly prefix: BytePath; readonly fd: number }[] = [];

  constructor(root: number) {
    this.#root = root;
  }

  /** A descriptor to read the directory's entries from its start, not the caller's to close. Follows no symlink. */
  list(path: BytePath): number {
    const prefix = prefixOf(path);
    this.#backTo(prefix);
    if (this.#open.at(-1)?.prefix === prefix) inode.close(this.#open.pop()!.fd);
    return this.#enter(prefix, inode.O.RDONLY | inode.O.DIRECTORY);
  }

  /** A descriptor to look names up in, not the caller's to close. Follows no symlink. */
  at(path: BytePath): number {
    if (path === '/') return this.#root;
    const prefix = prefixOf(path);
    this.#backTo(prefix);
    const top = this.#open.at(-1);
    return top?.prefix === prefix ? top.fd : this.#enter(prefix, inode.O.PATH | inode.O.DIRECTORY);
  }

  /** Closes them all; they are opened again at need. */
  forget(): void {
    for (const { fd } of this.#open.splice(0)) inode.close(fd);
  }

  /** Closes those that the directory is not in. */
  #backTo(prefix: BytePath): void {
    for (let top = this.#open.at(-1); top !== undefined; top = this.#open.at(-1)) {
      if (prefix.startsWith(top.prefix)) return;
      inode.close(top.fd);
      this.#open.pop();
    }
  }

  #enter(prefix: BytePath, flags: number): number {
    const from = this.#open.at(-1) ?? { prefix: '/', fd: this.#root };
    const fd = openBeneath(from.fd, prefix.slice(from.prefix.length, -1), flags);
    this.#open.push({ prefix, fd });
    if (this.#open.length > MOST) inode.close(this.#open.shift()!.fd);
    return fd;
  }
}

function prefixOf(path: BytePath): BytePath {
  return path === '/' ? path : `${path}/`;
}
