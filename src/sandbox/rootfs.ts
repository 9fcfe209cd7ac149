import {
  AT_FDCWD,
  AT_RECURSIVE,
  MNT_DETACH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  O_CREAT,
  O_DIRECTORY,
  O_EXCL,
  O_PATH,
  O_WRONLY,
  OPEN_TREE_CLONE,
} from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attachDevices, type DeviceNode, linkDevices, prepareDevices } from './devices.ts';
import { attempt } from './failure.ts';
import { newFilesystem } from './filesystem.ts';
import { maskPaths, protectPaths } from './masks.ts';
import { attachMount, type DetachedMount, makeMount } from './mounts.ts';
import type { FilePlan, RootPlan } from './plan.ts';
import { RootTree } from './root-tree.ts';
import { mountStack, type Scratch } from './stack.ts';
import { makeTrees } from './trees.ts';

/**
 * Where the private tmpfs is put while the root is being made. Nothing that is mounted lies below /proc, so nothing is
 * covered by it; and the mount namespace is already the child's own.
 */
const SCRATCH = '/proc';

/**
 * Makes the root and enters it. Everything that comes from outside is opened or made first, as detached mounts, and
 * attached once the root is the only thing that a path can name.
 */
export function enterRoot(root: RootPlan, sys: Syscalls): RootTree {
  sys.mount(null, '/', null, MS_REC | MS_PRIVATE, null);
  const made = root.mounts.map((mount) => (mount.make.kind === 'tree' ? undefined : makeMount(mount, sys)));
  const scratch = mountScratch(sys);
  const rootFd = mountRoot(root, scratch, sys);
  const trees = makeTrees(root.mounts, scratch, sys);
  const mounts = root.mounts.map((mount, index) => made[index] ?? trees.get(mount)!);
  const files = prepareFiles(root.files, scratch.fd, sys);
  const devices = prepareDevices(root, scratch.fd, sys);
  pivot(rootFd, sys);

  const tree = new RootTree(sys, rootFd);
  attachAll(root, tree, mounts, devices, files, sys);
  protectPaths(root.readonlyPaths, tree, sys);
  maskPaths(root.maskedPaths, tree, sys);
  return tree;
}

/** Last of all, since mount points are made in the root until then. */
export function sealRoot(root: RootPlan, tree: RootTree, sys: Syscalls): void {
  const set = (root.readonly ? MOUNT_ATTR_RDONLY : 0) | (root.allDevices ? 0 : MOUNT_ATTR_NODEV);
  if (set !== 0) sys.mountSetattr(tree.fd, { set, clear: 0 }, false);
}

function mountScratch(sys: Syscalls): Scratch {
  const scratch = newFilesystem('tmpfs', [['mode', '0700']], 0, 'a private tmpfs', sys);
  const over = sys.open(SCRATCH, O_PATH | O_DIRECTORY);
  sys.moveMount(scratch, over);
  return { path: SCRATCH, fd: scratch };
}

/** A descriptor of the mounted root. */
function mountRoot({ source }: RootPlan, scratch: Scratch, sys: Syscalls): number {
  if (source.kind === 'overlay') return mountStack(source.overlay, 'root', scratch, sys);
  const mount = attempt(source.path, `open the root "${source.path}"`, () =>
    sys.openTree(AT_FDCWD, source.path, OPEN_TREE_CLONE | AT_RECURSIVE),
  );
  sys.mkdirat(scratch.fd, 'root', 0o700);
  sys.moveMount(mount, sys.openat(scratch.fd, 'root', O_PATH | O_DIRECTORY));
  return sys.openat(scratch.fd, 'root', O_PATH | O_DIRECTORY);
}

/** Small files in memory, each as a detached mount of its own. */
function prepareFiles(files: readonly FilePlan[], scratch: number, sys: Syscalls): number[] {
  return files.map((file, index) => {
    const name = `file${index}`;
    const fd = sys.openat(scratch, name, O_CREAT | O_EXCL | O_WRONLY, file.mode);
    for (let rest = file.content; rest.length > 0; ) rest = rest.subarray(sys.write(fd, rest));
    sys.fchown(fd, file.uid, file.gid);
    sys.close(fd);
    const mount = sys.openTree(scratch, name, OPEN_TREE_CLONE);
    const set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (file.readonly ? MOUNT_ATTR_RDONLY : 0);
    sys.mountSetattr(mount, { set, clear: 0 }, false);
    return mount;
  });
}

/** pivot_root(2), "pivot_root(".", ".")": the old root lies over the new one, and is taken off at once. */
function pivot(rootFd: number, sys: Syscalls): void {
  sys.fchdir(rootFd);
  sys.pivotRoot('.', '.');
  sys.umount2('.', MNT_DETACH);
  sys.chdir('/');
}

function attachAll(
  root: RootPlan,
  tree: RootTree,
  mounts: readonly DetachedMount[],
  devices: readonly DeviceNode[],
  files: readonly number[],
  sys: Syscalls,
): void {
  const isDev = ({ plan }: DetachedMount) => plan.destination === '/dev' && plan.make.kind === 'filesystem';
  const ownDev = mounts.some(isDev);
  for (const mount of mounts) attachMount(mount, tree, sys);
  if (ownDev) {
    attachDevices(devices, tree, sys);
    linkDevices(tree, sys);
  }
  root.files.forEach(({ destination }, index) => {
    attempt(destination, `mount "${destination}"`, () => {
      const target = tree.mountPoint(destination, 'file');
      sys.moveMount(files[index]!, target);
    });
  });
}
