import type { OverlayRoot } from '../../layers/index.ts';
import {
  AT_EMPTY_PATH,
  O_DIRECTORY,
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
import { mountOverlay } from './overlay.ts';
import type { MountPlan } from './plan.ts';
import { SandboxError } from './sandbox.ts';

/** Where the private tmpfs is while the root is being made. */
export interface Scratch {
  readonly fd: number;
  readonly path: string;
}

/**
 * Parts of layer stacks as detached mounts. Each stack is mounted on the private tmpfs, what is wanted of it is
 * looked up inside it and cloned; the rest disappears with the tmpfs.
 */
export function makeTrees(
  plans: readonly MountPlan[],
  scratch: Scratch,
  sys: Syscalls,
): Map<MountPlan, DetachedMount> {
  const made = new Map<MountPlan, DetachedMount>();
  for (const [index, plan] of plans.entries()) {
    if (plan.make.kind !== 'tree') continue;
    const { overlay, source } = plan.make;
    const top = mountStack(overlay, `tree${index}`, scratch, sys);
    const found = sys.findat2(top, source, O_PATH, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    if (found === undefined) {
      throw new SandboxError(
        'BAD_SPEC',
        source,
        `Cannot mount "${source}" at "${plan.destination}": no such file or directory`,
      );
    }
    const kind = (sys.statAt(found, '').mode & S_IFMT) === S_IFDIR ? 'directory' : 'file';
    const fd = attempt(source, `mount "${source}" at "${plan.destination}"`, () =>
      sys.openTree(found, '', OPEN_TREE_CLONE | AT_EMPTY_PATH),
    );
    sys.mountSetattr(fd, { set: plan.set, clear: plan.clear }, false);
    made.set(plan, { plan, fd, kind, below: [] });
  }
  return made;
}

/** A descriptor of the root of the mounted stack. */
function mountStack(overlay: OverlayRoot, name: string, scratch: Scratch, sys: Syscalls): number {
  sys.mkdirat(scratch.fd, name, 0o755);
  if (overlay.lower.length === 0 && overlay.upper !== undefined)
    return sys.open(overlay.upper, O_PATH | O_DIRECTORY);
  if (overlay.lower.length > 0) {
    const target = sys.openat(scratch.fd, name, O_PATH | O_DIRECTORY);
    mountOverlay(withUpper(overlay, name, scratch, sys), `${scratch.path}/${name}`, target, sys);
  }
  return sys.openat(scratch.fd, name, O_PATH | O_DIRECTORY);
}

/** A stack that nobody writes to gets an upper directory in memory: overlayfs takes a single lower one only with it. */
export function withUpper(overlay: OverlayRoot, name: string, scratch: Scratch, sys: Syscalls): OverlayRoot {
  if (overlay.upper !== undefined) return overlay;
  const [upper, work] = [`${name}.upper`, `${name}.work`] as const;
  for (const directory of [upper, work]) sys.mkdirat(scratch.fd, directory, 0o755);
  return { ...overlay, upper: `${scratch.path}/${upper}`, work: `${scratch.path}/${work}` };
}
