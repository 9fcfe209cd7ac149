import { basename } from 'node:path';
import {
  AT_FDCWD,
  AT_RECURSIVE,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  O_DIRECTORY,
  O_PATH,
  OPEN_TREE_CLONE,
  S_IFDIR,
  S_IFMT,
} from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import { newFilesystem } from './filesystem.ts';
import type { CgroupHierarchy, MountPlan } from './plan.ts';
import type { Kind, RootTree } from './root-tree.ts';
import { SandboxError } from './sandbox.ts';

/** A mount that exists but is nowhere yet. */
export interface DetachedMount {
  readonly plan: MountPlan;
  readonly fd: number;
  readonly kind: Kind;
  /** Further mounts that go below it: the version 1 control group hierarchies. */
  readonly below: readonly { readonly hierarchy: CgroupHierarchy; readonly fd: number }[];
}

const CONTAINED = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;

export function makeMount(plan: MountPlan, sys: Syscalls): DetachedMount {
  const { make } = plan;
  if (make.kind === 'tree') throw new Error(`The tree at "${plan.destination}" is not made by itself`);
  if (make.kind === 'bind') return makeBind(plan, make, sys);
  if (make.kind === 'filesystem') {
    const what = `${make.type} at "${plan.destination}"`;
    return {
      plan,
      fd: newFilesystem(make.type, make.parameters, plan.set, what, sys),
      kind: 'directory',
      below: [],
    };
  }
  const fd = newFilesystem('tmpfs', [['mode', '755']], CONTAINED, `tmpfs at "${plan.destination}"`, sys);
  const below = make.hierarchies.map((hierarchy) => ({
    hierarchy,
    fd: newFilesystem('cgroup', hierarchy.parameters, plan.set, `cgroup "${hierarchy.directory}"`, sys),
  }));
  return { plan, fd, kind: 'directory', below };
}

function makeBind(
  plan: MountPlan,
  { source, recursive }: { source: string; recursive: boolean },
  sys: Syscalls,
): DetachedMount {
  return attempt(source, `mount "${source}" at "${plan.destination}"`, () => {
    const fd = sys.openTree(AT_FDCWD, source, OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0));
    setBindAttributes(fd, plan, sys);
    const kind = (sys.statAt(fd, '').mode & S_IFMT) === S_IFDIR ? 'directory' : 'file';
    return { plan, fd, kind, below: [] };
  });
}

/** What restricts goes for mounts below too; what loosens, such as `rw`, does not unless it says so. */
function setBindAttributes(fd: number, { set, clear, clearBelow }: MountPlan, sys: Syscalls): void {
  const accessTime = clear & MOUNT_ATTR__ATIME;
  if ((set | accessTime) !== 0) sys.mountSetattr(fd, { set, clear: accessTime }, true);
  const loosened = clear & ~MOUNT_ATTR__ATIME;
  if (loosened !== 0) sys.mountSetattr(fd, { set: 0, clear: loosened }, clearBelow);
}

/** Where a process must find the kernel's own directories, and not what an image put in their place. */
const KERNEL_DIRECTORY = /^\/(proc|sys|dev)(\/|$)/;

/** What Docker lets be mounted below /proc. */
const PROC_FILES = new Set(
  ['cpuinfo', 'diskstats', 'loadavg', 'meminfo', 'slabinfo', 'stat', 'swaps', 'uptime']
    .map((name) => `/proc/${name}`)
    .concat('/proc/sys/kernel/ns_last_pid', '/proc/sys/crypto/fips_enabled'),
);

export function attachMount(mount: DetachedMount, tree: RootTree, sys: Syscalls): void {
  const { destination } = mount.plan;
  attempt(destination, `mount at "${destination}"`, () => {
    const target = targetOf(mount, tree);
    sys.moveMount(mount.fd, target);
    if (mount.below.length > 0) attachBelow(mount, sys);
  });
}

function targetOf({ plan, kind, fd }: DetachedMount, tree: RootTree): number {
  const { destination } = plan;
  if (destination === '/proc' && tree.isOnProcfs(fd)) return plainDirectory(destination, tree);
  const isBound = plan.make.kind === 'bind' || plan.make.kind === 'tree';
  if (!isBound && KERNEL_DIRECTORY.test(destination)) return plainDirectory(destination, tree);
  const target = tree.mountPoint(destination, kind);
  if (destination === '/proc' || (tree.isOnProcfs(target) && !PROC_FILES.has(destination)))
    throw new SandboxError(
      'REFUSED',
      destination,
      `Cannot mount at "${destination}": it would cover files of procfs`,
    );
  return target;
}

/** With a link on the way, a container could be made to see something else where the kernel's directories belong. */
function plainDirectory(path: string, tree: RootTree): number {
  try {
    const found = tree.openPlain(path, O_DIRECTORY);
    if (found !== undefined) return found;
  } catch {
    throw new SandboxError('REFUSED', path, `Cannot mount at "${path}": it is a symbolic link in the image`);
  }
  return tree.mountPoint(path, 'directory');
}

/** Docker's view of version 1: a read-only tmpfs with a directory for each hierarchy, and links for its controllers. */
function attachBelow({ fd, below }: DetachedMount, sys: Syscalls): void {
  for (const { hierarchy, fd: mount } of below) {
    sys.mkdirat(fd, hierarchy.directory, 0o755);
    const target = sys.openat(fd, hierarchy.directory, O_PATH | O_DIRECTORY);
    sys.moveMount(mount, target);
    for (const link of hierarchy.links) sys.symlinkat(basename(hierarchy.directory), fd, link);
  }
  sys.mountSetattr(fd, { set: MOUNT_ATTR_RDONLY, clear: 0 }, false);
}
