import { readDirectory } from '../linux/inode.ts';
import type { BytePath } from '../snapshots/file-tree.ts';
import type { Content, Room, WrittenStat } from './step-batch.ts';

/** The step out of a directory; no name holds a slash. */
export const LEAVE = '/';

/**
 * A step through a layer in the order of its tar: the next entry of the directory one is in, by its name, or out of
 * the directory. A directory is entered with its entry; where its modification time is not yet what it will be, the
 * step tells. Of a regular file that has one name and no extended attributes it can tell all there is to know.
 */
export type LayerStep =
  | BytePath
  | { readonly enter: BytePath; readonly mtimeNs: bigint }
  | { readonly file: BytePath; readonly stat: WrittenStat; readonly content: Content };

/** A file that is not there yet, and the mode that it will have when it is made. */
export interface UnwrittenFile {
  readonly file: BytePath;
  readonly stat: WrittenStat;
  readonly content: Room;
  readonly made: number;
}

/** Leads through a layer. */
export interface LayerWalk {
  /** A directory, first of all the root, was entered; its descriptor is open until it is left. */
  enter(fd: number): void;
  /** Undefined when it is not known yet. */
  next(): LayerStep | undefined;
}

/** Leads through what is there, names bytewise. */
export class DirectoryWalk implements LayerWalk {
  readonly #levels: { readonly names: readonly BytePath[]; next: number }[] = [];

  enter(fd: number): void {
    const names: BytePath[] = [];
    for (const { name } of readDirectory(fd)) names.push(name);
    // One char per byte, so the default order is bytewise.
    this.#levels.push({ names: names.sort(), next: 0 });
  }

  next(): LayerStep {
    const level = this.#levels.at(-1)!;
    const name = level.names[level.next++];
    if (name !== undefined) return name;
    this.#levels.pop();
    return LEAVE;
  }
}
