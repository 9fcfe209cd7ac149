import * as inode from '../linux/inode.ts';
import type { DescriptorHolder, DescriptorPool } from './descriptor-pool.ts';
import { type BytePath, bytePath } from './file-tree.ts';
import type { Level } from './layer-stack.ts';
import { isOpaque, type MarkSpace } from './overlay-marks.ts';
import { nameOf, parentOf } from './path.ts';

/** A directory of the upper layer. Its descriptor is O_RDONLY, so that the directory can be changed through it. */
export interface UpperLevel extends Level {
  /** It or one above it is opaque: lower layers have no part in it. */
  readonly hidesLower: boolean;
}

/** {@link Level.layer} of the upper directory. */
export const UPPER = -1;

const DIRECTORY = inode.O.RDONLY | inode.O.DIRECTORY;

/** Told before a name in a directory of the upper layer is looked up, or without a name the directory is listed. */
export type Look = (directory: BytePath, name?: BytePath) => void;

/**
 * The writable layer of a snapshot. What is remembered of it holds only as long as nobody else writes: whoever cannot
 * know forgets before each operation.
 */
export class UpperDirectory implements DescriptorHolder {
  readonly space: MarkSpace;
  readonly #path: string;
  readonly #pool: DescriptorPool;
  readonly #directories = new Map<BytePath, UpperLevel>();
  /** What is still to be written there is written then. */
  look: Look = () => {};

  constructor(path: string, space: MarkSpace, pool: DescriptorPool) {
    this.#path = path;
    this.space = space;
    this.#pool = pool;
  }

  /** The start of each operation; see {@link DescriptorPool.use}. */
  use(): void {
    this.#pool.use(this);
  }

  /**
   * A directory by its resolved path. `absent`: the upper layer says nothing about it, lower ones decide. `hidden`:
   * there is none, whatever lower layers have: a whiteout, a non-directory or an opaque directory is on the way.
   */
  directory(path: BytePath): UpperLevel | 'absent' | 'hidden' {
    const known = this.#directories.get(path);
    if (known !== undefined) return known;
    if (path === '/') {
      const fd = inode.openAt(inode.AT_FDCWD, bytePath(this.#path), DIRECTORY);
      return this.remember(path, fd, false);
    }
    const parent = this.directory(parentOf(path));
    if (typeof parent === 'string') return parent;
    const name = nameOf(path);
    this.look(parentOf(path), name);
    const fd = inode.tryOpenAt(parent.fd, name, DIRECTORY);
    if (fd < 0) {
      return parent.hidesLower || inode.statAt(parent.fd, name) !== undefined ? 'hidden' : 'absent';
    }
    return this.remember(path, fd, parent.hidesLower || isOpaque(fd, this.space));
  }

  /** Takes over the descriptor of a directory that was just made. */
  remember(path: BytePath, fd: number, hidesLower: boolean): UpperLevel {
    const level = { fd, layer: UPPER, hasWhiteoutFiles: false, hidesLower };
    this.#directories.set(path, level);
    this.#pool.open++;
    return level;
  }

  /** When a directory is gone: neither it nor what was in it is known any more. */
  forgetBelow(directory: BytePath): void {
    for (const [path, { fd }] of this.#directories) {
      if (path !== directory && !path.startsWith(`${directory}/`)) continue;
      inode.close(fd);
      this.#directories.delete(path);
      this.#pool.open--;
    }
  }

  forget(): void {
    for (const { fd } of this.#directories.values()) inode.close(fd);
    this.#pool.open -= this.#directories.size;
    this.#directories.clear();
    this.#pool.leave(this);
  }
}
