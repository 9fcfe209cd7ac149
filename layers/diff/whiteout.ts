import type { BytePath } from '../snapshots/file-tree.ts';

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

/** The last component, and what stands before it (without the slash between). */
export function splitPath(path: BytePath): readonly [parent: BytePath, name: BytePath] {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? ['', path] : [path.slice(0, slash), path.slice(slash + 1)];
}
