import { SystemCallError } from '../linux/errno.ts';
import type { BytePath } from '../snapshots/file-tree.ts';
import { isFileXattr } from '../snapshots/overlay-marks.ts';
import type { Xattr } from './tar-entry.ts';

/** image-spec layer.md, "Whiteouts": `.wh.NAME` says that NAME of the layers below is gone. */
export const WHITEOUT_PREFIX = '.wh.';
/** image-spec layer.md, "Opaque Whiteout": nothing of the layers below shows in this directory. */
export const OPAQUE_MARKER = '.wh..wh..opq';
/** Names of aufs's own bookkeeping, which very old images hold; no content. */
export const AUFS_PREFIX = '.wh..wh.';

/** Whether a component of a cleaned path begins as a whiteout. */
export function hasWhiteout(path: BytePath): boolean {
  return path.startsWith(WHITEOUT_PREFIX) || path.includes(`/${WHITEOUT_PREFIX}`);
}

/**
 * Sets those attributes that are part of a layer. As in Docker, one that the filesystem cannot hold or the process
 * may not set is passed over; but not capabilities, without which a program would fail later and elsewhere.
 */
export function setLayerXattrs(xattrs: readonly Xattr[], set: (name: string, value: Buffer) => void): void {
  for (const [name, value] of xattrs) {
    if (!isFileXattr(name)) continue;
    try {
      set(name, value);
    } catch (error) {
      const code = error instanceof SystemCallError ? error.code : undefined;
      const isRefused = code === 'EOPNOTSUPP' || code === 'ENOTSUP' || code === 'EPERM';
      if (!isRefused || name === 'security.capability') throw error;
    }
  }
}

/** The last component, and what stands before it (without the slash between). */
export function splitPath(path: BytePath): readonly [parent: BytePath, name: BytePath] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}
