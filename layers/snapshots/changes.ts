import * as inode from '../linux/inode.ts';
import type { BytePath } from './file-tree.ts';
import type { LayerStack } from './layer-stack.ts';
import { isMereCopy, isStub } from './mount-stubs.ts';
import { isWhiteout } from './overlay-marks.ts';
import { join } from './path.ts';
import type { UpperDirectory } from './upper-directory.ts';

/** One thing that an upper directory does to the layers below it. */
export interface Change {
  readonly kind: 'added' | 'changed' | 'deleted';
  readonly path: BytePath;
}

/**
 * What an upper directory changes, sorted by path: a directory before what is in it, and itself as changed when
 * anything in it is. `ignore` names stubs of mounts (see `removeStubs`), which do not count while they are empty.
 */
export function changesIn(
  upper: UpperDirectory,
  lower: LayerStack,
  ignore: readonly BytePath[] = [],
): readonly Change[] {
  const ignored = new Set(ignore);
  return below('/');

  function below(directory: BytePath): Change[] {
    const level = upper.directory(directory);
    if (typeof level === 'string') return [];
    const names = namesIn(level.fd);
    const lowerLevels = lower.directory(directory);
    const hidden = level.hidesLower ? lowerLevels.flatMap(({ fd }) => namesIn(fd)) : [];
    return [...new Set([...names, ...hidden])].sort().flatMap((name) => {
      const path = join(directory, name);
      const stat = inode.statAt(level.fd, name);
      const wasThere = lower.find(lowerLevels, name) !== undefined;
      if (stat === undefined || isWhiteout(stat)) return wasThere ? [{ kind: 'deleted', path }] : [];
      const inside = stat.type === 'directory' ? below(path) : [];
      if (inside.length === 0 && ignored.has(path) && isStub(upper, lower, level.fd, path)) return [];
      if (inside.length === 0 && stat.type === 'directory' && isMereCopy(upper, lower, path)) return [];
      return [{ kind: wasThere ? 'changed' : 'added', path }, ...inside];
    });
  }
}

function namesIn(directory: number): BytePath[] {
  // A descriptor of its own, since the position in a directory belongs to the descriptor.
  const fd = inode.openAt(directory, '.', inode.O.RDONLY | inode.O.DIRECTORY);
  try {
    return inode.readDirectory(fd).map(({ name }) => name);
  } finally {
    inode.close(fd);
  }
}
