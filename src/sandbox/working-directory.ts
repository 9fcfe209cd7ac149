import { O_DIRECTORY } from '../linux/constants.ts';
import { errnoMessage, failedWith, SyscallError } from '../linux/errno.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import type { RootTree } from './root-tree.ts';
import { SandboxError } from './sandbox.ts';

/** Makes the working directory, root's, where the container has none: as Docker does, and before its root is sealed. */
export function makeWorkingDirectory(cwd: string, tree: RootTree): void {
  permitted(cwd, () => tree.ensureDirectory(cwd));
}

/**
 * Changes to `cwd`, which must exist. False when this user may not: the container's user perhaps may. A directory that
 * can only be reached through an open file (`/proc/self/fd/N`) is refused, and so is one outside the root.
 */
export function enterWorkingDirectory(cwd: string, tree: RootTree, sys: Syscalls): boolean {
  const entered = permitted(cwd, () => {
    const fd = tree.open(cwd, O_DIRECTORY);
    if (fd === undefined)
      throw tree.open(cwd) === undefined
        ? chdirError(cwd, 'no such file or directory', 'NOT_FOUND')
        : chdirError(cwd, 'not a directory', 'BAD_SPEC');
    sys.fchdir(fd);
    sys.close(fd);
  });
  if (!entered) return false;
  const reached = sys.getcwd();
  if (!reached.startsWith('/'))
    throw chdirError(cwd, `it is outside of the container ("${reached}")`, 'REFUSED');
  return true;
}

/** False when the kernel says that this user may not; other failures are errors about `cwd`. */
function permitted(cwd: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (failedWith(error, 'EACCES', 'EPERM')) return false;
    if (failedWith(error, 'ELOOP'))
      throw chdirError(cwd, 'it leads through a link of procfs, or through too many links', 'REFUSED');
    if (error instanceof SyscallError) throw chdirError(cwd, errnoMessage(error.code), 'BAD_SPEC');
    throw error;
  }
}

export function chdirError(cwd: string, reason: string, code: SandboxError['code']): SandboxError {
  return new SandboxError(code, cwd, `Cannot change to working directory "${cwd}": ${reason}`);
}
