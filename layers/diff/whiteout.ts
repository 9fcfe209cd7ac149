import { SystemCallError } from '../linux/errno.ts';
import type { BytePath, FileStat } from '../snapshots/file-tree.ts';
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

/** The kernel's overlayfs.rst, "whiteouts and opaque directories": a whiteout is a character device 0:0. */
export function isOverlayWhiteout(stat: Pick<FileStat, 'type' | 'rdevMajor' | 'rdevMinor'>): boolean {
  return stat.type === 'char' && stat.rdevMajor === 0 && stat.rdevMinor === 0;
}

/**
 * Where overlayfs keeps its marks: `trusted.overlay.` needs CAP_SYS_ADMIN in the initial user namespace; elsewhere
 * it is mounted with `userxattr` and they are `user.overlay.`.
 */
export type OverlayXattrs = 'trusted.overlay.' | 'user.overlay.';

/**
 * Whether an extended attribute is part of a layer. Left out: overlayfs's own, with which a layer could steer the
 * mount, and the labels of a host's security module (`security.selinux` and its like), which belong to the host.
 */
export function isLayerXattr(name: string): boolean {
  if (name.startsWith('security.')) return name === 'security.capability';
  return !name.startsWith('trusted.overlay.') && !name.startsWith('user.overlay.');
}

/**
 * Sets those attributes that are part of a layer. As in Docker, one that the filesystem cannot hold or the process
 * may not set is passed over; but not capabilities, without which a program would fail later and elsewhere.
 */
export function setLayerXattrs(xattrs: readonly Xattr[], set: (name: string, value: Buffer) => void): void {
  for (const [name, value] of xattrs) {
    if (!isLayerXattr(name)) continue;
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
