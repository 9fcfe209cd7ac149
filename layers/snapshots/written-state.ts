import * as inode from '../linux/inode.ts';
import { type Change, changesIn } from './changes.ts';
import { copyUpper } from './copy-upper.ts';
import type { DescriptorPool } from './descriptor-pool.ts';
import { bytePath, type FileTree } from './file-tree.ts';
import { LayerStack } from './layer-stack.ts';
import { MergedTree } from './merged-tree.ts';
import type { MarkSpace } from './overlay-marks.ts';
import type { ActiveSnapshot, Layer } from './snapshotter.ts';
import type { TreeWriter } from './tree-writer.ts';
import { UpperDirectory } from './upper-directory.ts';
import { UpperWriter } from './upper-writer.ts';

/**
 * A filesystem state whose top, an upper directory, belongs to the caller: what a container has written. It may change
 * while it is read; it may be written only while no overlay has it mounted.
 */
export interface WrittenState {
  tree(): FileTree & { close(): void };
  writer(): TreeWriter;
  /** What the upper directory changes; `ignore` as in `ActiveSnapshot.commit`. */
  changes(ignore?: readonly string[]): readonly Change[];
  /** A snapshot of the same parents with a copy of the upper directory. */
  copy(): ActiveSnapshot;
}

export interface WrittenStateOptions {
  readonly space: MarkSpace;
  readonly pool: DescriptorPool;
  prepare(): ActiveSnapshot;
}

export function writtenState(
  parents: readonly Layer[],
  upper: string,
  { space, pool, prepare }: WrittenStateOptions,
): WrittenState {
  const openLower = () => new LayerStack(parents, { space, pool });
  const openUpper = () => new UpperDirectory(upper, space, pool);
  return {
    tree: () => new MergedTree(openLower(), openUpper()),
    writer: () => new UpperWriter(openLower(), openUpper()),
    changes(ignore = []) {
      const [lower, top] = [openLower(), openUpper()];
      try {
        return changesIn(top, lower, ignore.map(bytePath));
      } finally {
        top.forget();
        lower.forget();
      }
    },
    copy() {
      const snapshot = prepare();
      try {
        copyBetween(upper, snapshot.root().upper!, space);
        return snapshot;
      } catch (error) {
        snapshot.abort();
        throw error;
      }
    },
  };
}

function copyBetween(from: string, to: string, space: MarkSpace): void {
  const flags = inode.O.RDONLY | inode.O.DIRECTORY;
  const source = inode.openAt(inode.AT_FDCWD, bytePath(from), flags);
  try {
    const target = inode.openAt(inode.AT_FDCWD, bytePath(to), flags);
    try {
      copyUpper(source, target, space);
    } finally {
      inode.close(target);
    }
  } finally {
    inode.close(source);
  }
}
