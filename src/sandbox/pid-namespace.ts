import { CLONE_NEWPID } from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import type { NamespacePlan } from './plan.ts';

/**
 * Runs `start` so that the children it makes are in the planned pid namespace: that of a process never changes, only
 * the one of its children does. `makesNew` starts make a new one themselves.
 */
export function inPidNamespace<T>(
  pid: NamespacePlan['pid'],
  makesNew: boolean,
  sys: Syscalls,
  start: () => T,
): T {
  if (pid === undefined || (pid === 'new' && makesNew)) return start();
  const own = sys.open('/proc/self/ns/pid', 0);
  try {
    if (pid === 'new') attempt('pid', 'make a pid namespace', () => sys.unshare(CLONE_NEWPID));
    else joinPid(pid.path, sys);
    // Until it is set back this thread cannot make others, so nothing but `start` may happen.
    return start();
  } finally {
    sys.setns(own, CLONE_NEWPID);
    sys.close(own);
  }
}

/** Children of the calling thread are born there from now on. */
export function joinPid(path: string, sys: Syscalls): void {
  attempt(path, `join pid namespace "${path}"`, () => {
    const fd = sys.open(path, 0);
    try {
      sys.setns(fd, CLONE_NEWPID);
    } finally {
      sys.close(fd);
    }
  });
}
