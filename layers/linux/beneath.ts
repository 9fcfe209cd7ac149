import type { BytePath } from '../snapshots/file-tree.ts';
import { SystemCallError } from './errno.ts';
import { close, O, openAt, openAt2, RESOLVE } from './inode.ts';

let isRefused = false;

/**
 * Opens a path below a directory descriptor, following no symlink in any component: one that is met fails with ELOOP
 * or ENOTDIR. The path is relative, clean and without `..`; empty is the directory itself. By openat2(2), or one
 * component at a time where the kernel lacks it or a seccomp filter refuses it.
 */
export function openBeneath(root: number, path: BytePath, flags: number): number {
  if (isRefused) return walkBeneath(root, path, flags);
  try {
    return openAt2(
      root,
      path === '' ? '.' : path,
      flags | O.NOFOLLOW,
      RESOLVE.BENEATH | RESOLVE.NO_SYMLINKS | RESOLVE.NO_MAGICLINKS,
    );
  } catch (error) {
    if (!(error instanceof SystemCallError) || (error.code !== 'ENOSYS' && error.code !== 'EPERM'))
      throw error;
    isRefused = true;
    return walkBeneath(root, path, flags);
  }
}

/** {@link openBeneath} without openat2(2). */
export function walkBeneath(root: number, path: BytePath, flags: number): number {
  const names = path === '' ? ['.'] : path.split('/');
  const last = names.pop()!;
  let directory = root;
  try {
    for (const name of names) {
      const next = openAt(directory, name, O.PATH | O.DIRECTORY);
      if (directory !== root) close(directory);
      directory = next;
    }
    return openAt(directory, last, flags);
  } finally {
    if (directory !== root) close(directory);
  }
}
