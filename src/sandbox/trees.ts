import {
  AT_EMPTY_PATH,
  O_PATH,
  OPEN_TREE_CLONE,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  S_IFDIR,
  S_IFMT,
} from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import type { DetachedMount } from './mounts.ts';
import type { MountPlan } from './plan.ts';
import { mountStack, type Scratch } from './stack.ts';

/**
 * The trees among the mounts of a root. Each stack is mounted in the scratch, out of which the source is taken: what
 * links in it say leads nowhere else.
 */
export function makeTrees(
  plans: readonly MountPlan[],
  scratch: Scratch,
  sys: Syscalls,
): ReadonlyMap<MountPlan, DetachedMount> {
  const made = new Map<MountPlan, DetachedMount>();
  for (const plan of plans) {
    const { make, destination } = plan;
    if (make.kind !== 'tree') continue;
    attempt(make.source, `mount "${make.source}" at "${destination}"`, () => {
      const root = mountStack(make.stack, `tree${made.size}`, scratch, sys);
      const source = sys.openat2(root, make.source, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
      const fd = sys.openTree(source, '', AT_EMPTY_PATH | OPEN_TREE_CLONE);
      if (plan.set !== 0) sys.mountSetattr(fd, { set: plan.set, clear: 0 }, false);
      const kind = (sys.statAt(fd, '').mode & S_IFMT) === S_IFDIR ? 'directory' : 'file';
      made.set(plan, { plan, fd, kind, below: [] });
    });
  }
  return made;
}
