import { koffi } from '../../layers/index.ts';
import { SyscallError } from './errno.ts';
import { cString, inUse } from './invoke.ts';
import { pointers } from './process-calls.ts';

/** Larger than posix_spawn_file_actions_t of any C library. */
const ACTIONS_BYTES = 256;

/**
 * posix_spawn(3): a child of the calling thread, which is in the pid namespace that the thread's children go to. `fds`
 * become its 0, 1, 2 and so on, and are all that it has; they must be above these numbers.
 */
export function spawn(
  path: string,
  args: readonly string[],
  env: readonly string[],
  fds: readonly number[],
): number {
  const libc = koffi().load(null);
  const pointer = 'void *';
  const add = libc.func('posix_spawn_file_actions_adddup2', 'int', [pointer, 'int', 'int']);
  const start = libc.func('posix_spawn', 'int', [pointer, pointer, pointer, pointer, pointer, pointer]);
  const actions = Buffer.alloc(ACTIONS_BYTES);
  libc.func('posix_spawn_file_actions_init', 'int', [pointer])(actions);
  try {
    fds.forEach((fd, index) => {
      add(actions, fd, index);
    });
    const vectors = [pointers(args), pointers(env)] as const;
    inUse.indirect = vectors;
    const pid = Buffer.alloc(4);
    const errno = Number(start(pid, cString(path), actions, null, vectors[0].vector, vectors[1].vector));
    if (errno !== 0) throw new SyscallError('posix_spawn', errno);
    return pid.readInt32LE(0);
  } finally {
    libc.func('posix_spawn_file_actions_destroy', 'int', [pointer])(actions);
  }
}
