import * as inode from '../linux/inode.ts';
import type { BytePath } from './file-tree.ts';
import type { LayerStack } from './layer-stack.ts';
import { isOpaque, type MarkSpace, removeOpaqueMark } from './overlay-marks.ts';
import { join } from './path.ts';

/**
 * Overlayfs marks directories as opaque also where they replace nothing: as the kernel's version and options have it,
 * every new one. Takes away those marks, so that the layer of `RUN mkdir /a` is that of `WORKDIR /a`, and the same on
 * every kernel.
 */
export function removeRedundantMarks(root: number, lower: LayerStack, space: MarkSpace): void {
  visit(root, '/', true);

  function isThere(directory: BytePath, name: BytePath): boolean {
    return lower.find(lower.directory(directory), name) !== undefined;
  }

  /** `isMerged`: lower layers have a part in the directory. */
  function visit(directory: number, path: BytePath, isMerged: boolean): void {
    // Links from `..` are counted where the filesystem counts them at all; most directories hold no others.
    if (inode.statFd(directory).nlink === 2) return;
    for (const name of subdirectories(directory)) {
      const child = inode.openAt(directory, name, inode.O.RDONLY | inode.O.DIRECTORY);
      try {
        const childPath = join(path, name);
        const isMarked = isOpaque(child, space);
        if (isMarked && !(isMerged && isThere(path, name))) removeOpaqueMark(child, space);
        visit(child, childPath, isMerged && !isMarked && lower.directory(childPath).length > 0);
      } finally {
        inode.close(child);
      }
    }
  }
}

function subdirectories(directory: number): BytePath[] {
  const fd = inode.openAt(directory, '.', inode.O.RDONLY | inode.O.DIRECTORY);
  try {
    return inode
      .readDirectory(fd)
      .filter(({ name, type }) => (type ?? inode.statAt(fd, name)?.type) === 'directory')
      .map(({ name }) => name);
  } finally {
    inode.close(fd);
  }
}
