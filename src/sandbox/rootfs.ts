import type { OverlayRoot } from '../../layers/index.ts';
import {
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
import { attachMount, type DetachedMount, makeBinds, makeFilesystemMount, openSource } from './mounts.ts';
import { mountOverlay } from './overlay.ts';
import type { FilePlan, MountPlan, RootPlan } from './plan.ts';
import { RootTree } from './root-tree.ts';
import { makeTrees, withUpper } from './tree-mounts.ts';

/**
 * Where the private tmpfs is put while the root is being made. Nothing that is mounted lies below /proc, so nothing is
 * covered by it; and the mount namespace is already the child's own.
 */
const SCRATCH = '/proc';

/** What the root needs of the host's own mounts. */
export interface Sources {
  readonly binds: ReadonlyMap<MountPlan, DetachedMount>;
  /** The root itself, when it is a directory. */
  readonly root: number | undefined;
}

/** To be called while the child is still in the host's mount namespace. */
export function openSources({ source, mounts }: RootPlan, sys: Syscalls): Sources {
  const directory = source.kind === 'directory' ? source.path : lonelyUpper(source.overlay);
  const root =
    directory === undefined
      ? undefined
      : attempt(directory, `open the root "${directory}"`, () =>
          openSource(directory, source.kind === 'directory', sys),
        );
  return { binds: makeBinds(mounts, sys), root };
}

/** An overlay of nothing but its upper directory is that directory. */
function lonelyUpper({ lower, upper }: OverlayRoot): string | undefined {
  return lower.length === 0 ? upper : undefined;
}

/**
 * Makes the root and enters it. Everything that comes from outside is opened or made first, as detached mounts, and
 * attached once the root is the only thing that a path can name. `stubs` gets what is made in the root to mount on.
 */
export function enterRoot(root: RootPlan, sources: Sources, stubs: string[], sys: Syscalls): RootTree {
  sys.mount(null, '/', null, MS_REC | MS_PRIVATE, null);
  const scratch = mountScratch(sys);
  const trees = makeTrees(root.mounts, { fd: scratch, path: SCRATCH }, sys);
  const mounts = root.mounts.map(
    (mount) => sources.binds.get(mount) ?? trees.get(mount) ?? makeFilesystemMount(mount, sys),
  );
  const rootFd = mountRoot(root, sources.root, scratch, sys);
  const files = prepareFiles(root.files, scratch, sys);
  const devices = prepareDevices(root, scratch, sys);
  pivot(rootFd, sys);

  const tree = new RootTree(sys, rootFd, stubs);
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

function mountScratch(sys: Syscalls): number {
  const scratch = newFilesystem('tmpfs', [['mode', '0700']], 0, 'a private tmpfs', sys);
  const over = sys.open(SCRATCH, O_PATH | O_DIRECTORY);
  sys.moveMount(scratch, over);
  return scratch;
}

/** A descriptor of the mounted root. */
function mountRoot(
  { source }: RootPlan,
  directory: number | undefined,
  scratch: number,
  sys: Syscalls,
): number {
  sys.mkdirat(scratch, 'root', 0o700);
  const target = sys.openat(scratch, 'root', O_PATH | O_DIRECTORY);
  if (directory !== undefined) sys.moveMount(directory, target);
  else if (source.kind === 'overlay') {
    // A root that nobody writes to still needs its mount points: they go to memory.
    const overlay = withUpper(source.overlay, 'root', { fd: scratch, path: SCRATCH }, sys);
    mountOverlay(overlay, `${SCRATCH}/root`, target, sys);
  }
  return sys.openat(scratch, 'root', O_PATH | O_DIRECTORY);
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
    attempt(destination, `mount at "${destination}"`, () =>
      tree.attach(files[index]!, tree.mountPoint(destination, 'file'), destination, 'file'),
    );
  });
}
