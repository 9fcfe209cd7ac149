import { basename } from 'node:path';
import {
  AT_FDCWD,
  AT_RECURSIVE,
  CLONE_FS,
  CLONE_NEWNS,
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOEXEC,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
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

/**
 * Copies of what is mounted from the host, as detached mounts, each with those below it. They can only be taken in the
 * mount namespace that they are in, so this comes before the child has its own; and they must not propagate.
 */
export function openSource(path: string, recursive: boolean, sys: Syscalls): number {
  const fd = sys.openTree(AT_FDCWD, path, OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0));
  sys.mountSetattr(fd, { set: 0, clear: 0, propagation: MS_PRIVATE }, true);
  return fd;
}

/** The bind mounts of a plan, before its namespaces. */
export function makeBinds(plans: readonly MountPlan[], sys: Syscalls): Map<MountPlan, DetachedMount> {
  const made = new Map<MountPlan, DetachedMount>();
  for (const plan of plans) {
    const { make, destination } = plan;
    if (make.kind !== 'bind') continue;
    attempt(make.source, `mount "${make.source}" at "${destination}"`, () => {
      const open = () => openSource(make.source, make.recursive, sys);
      const fd = make.namespace === undefined ? open() : inMountNamespace(make.namespace, open, sys);
      setBindAttributes(fd, plan, sys);
      const kind = (sys.statAt(fd, '').mode & S_IFMT) === S_IFDIR ? 'directory' : 'file';
      made.set(plan, { plan, fd, kind, below: [] });
    });
  }
  return made;
}

/** A mount can only be copied in its own namespace. This process must share its root and directory with no other. */
function inMountNamespace<T>(path: string, action: () => T, sys: Syscalls): T {
  const [own, other] = ['/proc/thread-self/ns/mnt', path].map((each) => sys.open(each, 0));
  sys.unshare(CLONE_FS);
  try {
    sys.setns(other!, CLONE_NEWNS);
    return action();
  } finally {
    sys.setns(own!, CLONE_NEWNS);
  }
}

/** What restricts goes for mounts below too; what loosens, such as `rw`, does not unless it says so. */
function setBindAttributes(fd: number, { set, clear, clearBelow }: MountPlan, sys: Syscalls): void {
  const accessTime = clear & MOUNT_ATTR__ATIME;
  if ((set | accessTime) !== 0) sys.mountSetattr(fd, { set, clear: accessTime }, true);
  const loosened = clear & ~MOUNT_ATTR__ATIME;
  if (loosened !== 0) sys.mountSetattr(fd, { set: 0, clear: loosened }, clearBelow);
}

/** A new file system of a plan, in its namespaces. */
export function makeFilesystemMount(plan: MountPlan, sys: Syscalls): DetachedMount {
  const { make, destination } = plan;
  if (make.kind === 'filesystem') {
    const what = `${make.type} at "${destination}"`;
    const set = takesModeOfTarget(plan) ? plan.set & ~MOUNT_ATTR_RDONLY : plan.set;
    const fd = newFilesystem(make.type, make.parameters, set, what, sys);
    return { plan, fd, kind: 'directory', below: [] };
  }
  if (make.kind !== 'cgroup1') throw new Error(`The mount at "${destination}" was not made in time`);
  const fd = newFilesystem('tmpfs', [['mode', '755']], CONTAINED, `tmpfs at "${destination}"`, sys);
  const below = make.hierarchies.map((hierarchy) => ({
    hierarchy,
    fd: newFilesystem('cgroup', hierarchy.parameters, plan.set, `cgroup "${hierarchy.directory}"`, sys),
  }));
  return { plan, fd, kind: 'directory', below };
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
    if (takesModeOfTarget(mount.plan)) takeModeOfTarget(mount, tree, sys);
    tree.attach(mount.fd, targetOf(mount, tree), destination, mount.kind);
    if (mount.below.length > 0) attachBelow(mount, sys);
  });
}

/** A tmpfs has the mode that was asked for, else that of the directory that it covers (as runc has it), else 1777. */
const takesModeOfTarget = ({ make }: MountPlan) =>
  make.kind === 'filesystem' && make.type === 'tmpfs' && !make.parameters.some(([name]) => name === 'mode');

/** It was made writable for this. */
function takeModeOfTarget({ plan, fd }: DetachedMount, tree: RootTree, sys: Syscalls): void {
  const covered = tree.open(plan.destination);
  const { mode } = covered === undefined ? { mode: 0 } : sys.statAt(covered, '');
  if ((mode & S_IFMT) === S_IFDIR) {
    const root = sys.openat(fd, '.', O_DIRECTORY);
    sys.fchmod(root, mode & 0o7777);
    sys.close(root);
  }
  if ((plan.set & MOUNT_ATTR_RDONLY) !== 0) sys.mountSetattr(fd, { set: MOUNT_ATTR_RDONLY, clear: 0 }, false);
}

/** Files of somebody's, as opposed to a file system of the kernel's. */
const isContent = ({ make }: MountPlan) => make.kind === 'bind' || make.kind === 'tree';

function targetOf({ plan, kind, fd }: DetachedMount, tree: RootTree): number {
  const { destination } = plan;
  if (destination === '/proc' && tree.isOnProcfs(fd)) return plainDirectory(destination, tree);
  if (!isContent(plan) && KERNEL_DIRECTORY.test(destination)) return plainDirectory(destination, tree);
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
