import * as inode from '../linux/inode.ts';
import type { DescriptorHolder, DescriptorPool } from './descriptor-pool.ts';
import { type BytePath, bytePath, type FileStat } from './file-tree.ts';
import { isWhiteout, isWhiteoutFile, type MarkSpace, opaqueMark } from './overlay-marks.ts';
import { nameOf, parentOf } from './path.ts';
import type { Layer } from './snapshotter.ts';

/** The directory that one layer contributes to a merged directory. */
export interface Level {
  /** O_PATH. */
  readonly fd: number;
  /** Position in the stack, 0 at the bottom. */
  readonly layer: number;
  /** Empty files with a whiteout attribute are whiteouts here. */
  readonly hasWhiteoutFiles: boolean;
}

/** The topmost entry of a name, and where it is. */
export interface Found {
  readonly stat: FileStat;
  readonly level: Level;
}

/** What all stacks of a store share. */
export interface LayerStackHost {
  /** Asked for when there is a mark to look for: finding out takes calls. */
  readonly space: MarkSpace;
  readonly pool: DescriptorPool;
}

/** Directories remembered at most, counting those that are not there. */
const MEMO_LIMIT = 20_000;
const DIRECTORY = inode.O.PATH | inode.O.DIRECTORY;

/**
 * Committed layers on top of each other. They never change, so which layers contribute to a directory is found once
 * and remembered, with the descriptors.
 */
export class LayerStack implements DescriptorHolder {
  readonly #layers: readonly Pick<Layer, 'directory'>[];
  readonly #host: LayerStackHost;
  readonly #directories = new Map<BytePath, readonly Level[]>();

  /** Layers bottom first. */
  constructor(layers: readonly Pick<Layer, 'directory'>[], host: LayerStackHost) {
    this.#layers = layers;
    this.#host = host;
  }

  /** The start of each operation; see {@link DescriptorPool.use}. */
  use(): void {
    if (this.#directories.size > MEMO_LIMIT) this.forget();
    this.#host.pool.use(this);
  }

  /** What makes up a directory, topmost first; nothing when there is no such directory, or a symlink on the way. */
  directory(path: BytePath): readonly Level[] {
    let levels = this.#directories.get(path);
    if (levels === undefined) {
      levels = path === '/' ? this.#openRoots() : this.#open(this.directory(parentOf(path)), nameOf(path));
      this.#directories.set(path, levels);
      this.#host.pool.open += levels.length;
    }
    return levels;
  }

  /** One look per layer at most. */
  find(levels: readonly Level[], name: BytePath): Found | undefined {
    for (const level of levels) {
      const stat = inode.statAt(level.fd, name);
      if (stat !== undefined) return this.isGone(level, name, stat) ? undefined : { stat, level };
    }
    return undefined;
  }

  /** Whether what a layer has at the name says that there is nothing. */
  isGone(level: Level, name: BytePath, stat: FileStat): boolean {
    return (
      isWhiteout(stat) || (level.hasWhiteoutFiles && isWhiteoutFile(level.fd, name, stat, this.#host.space))
    );
  }

  forget(): void {
    for (const levels of this.#directories.values()) {
      for (const { fd } of levels) inode.close(fd);
      this.#host.pool.open -= levels.length;
    }
    this.#directories.clear();
    this.#host.pool.leave(this);
  }

  #openRoots(): Level[] {
    return this.#layers
      .map((layer, index) => ({
        fd: inode.openAt(inode.AT_FDCWD, bytePath(layer.directory()), DIRECTORY),
        layer: index,
        hasWhiteoutFiles: false,
      }))
      .reverse();
  }

  #open(parents: readonly Level[], name: BytePath): Level[] {
    const levels: Level[] = [];
    for (const parent of parents) {
      const stat = inode.statAt(parent.fd, name);
      if (stat === undefined) continue;
      if (stat.type !== 'directory') break;
      // Below the bottom layer there is nothing to hide.
      const mark = parent.layer === 0 ? undefined : opaqueMark(parent.fd, name, this.#host.space);
      const fd = inode.openAt(parent.fd, name, DIRECTORY);
      levels.push({ fd, layer: parent.layer, hasWhiteoutFiles: mark === 'x' });
      if (mark === 'y') break;
    }
    return levels;
  }
}
