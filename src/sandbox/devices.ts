import { basename, dirname } from 'node:path';
import {
  AT_FDCWD,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  OPEN_TREE_CLONE,
  S_IFBLK,
  S_IFCHR,
  S_IFIFO,
  S_IFMT,
} from '../linux/constants.ts';
import { failedWith } from '../linux/errno.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import type { DevicePlan, RootPlan } from './plan.ts';
import type { RootTree } from './root-tree.ts';
import { SandboxError } from './sandbox.ts';
import type { Device } from './spec.ts';

/** config-linux.md, "Default Devices". */
export const DEFAULT_DEVICES: readonly Device[] = (
  [
    ['null', 1, 3],
    ['zero', 1, 5],
    ['full', 1, 7],
    ['random', 1, 8],
    ['urandom', 1, 9],
    ['tty', 5, 0],
  ] as const
).map(([name, major, minor]) => ({ path: `/dev/${name}`, type: 'c', major, minor, fileMode: 0o666 }));

const links: readonly (readonly [target: string, name: string])[] = [
  ['/proc/self/fd', 'fd'],
  ['/proc/self/fd/0', 'stdin'],
  ['/proc/self/fd/1', 'stdout'],
  ['/proc/self/fd/2', 'stderr'],
  ['pts/ptmx', 'ptmx'],
];

const KERNEL_MEMORY = '/proc/kcore';

const types = { c: S_IFCHR, b: S_IFBLK, p: S_IFIFO } as const;

export function planDevice({
  path,
  type,
  major,
  minor,
  fileMode = 0o666,
  uid = 0,
  gid = 0,
}: Device): DevicePlan {
  return { path, mode: types[type] | (fileMode & 0o7777), major, minor, uid, gid };
}

/** A device, and the detached mount of its node where the container's own mounts are `nodev`. */
export interface DeviceNode {
  readonly device: DevicePlan;
  readonly mount: number | undefined;
}

/**
 * Where nothing else keeps the container from a device that it makes a node for itself (it has CAP_MKNOD), its mounts
 * are all `nodev`, and each device it may use is a mount of a single node.
 */
export function prepareDevices(root: RootPlan, scratch: number, sys: Syscalls): DeviceNode[] {
  if (root.allDevices) return root.devices.map((device) => ({ device, mount: undefined }));
  return root.devices.map((device, index) => ({
    device,
    mount: nodeMount(device, `node${index}`, scratch, sys),
  }));
}

function nodeMount(device: DevicePlan, name: string, scratch: number, sys: Syscalls): number {
  return attempt(
    device.path,
    `make device "${device.path}"`,
    () => ownNode(device, name, scratch, sys) ?? hostNode(device, sys),
  );
}

/** Undefined where nodes cannot be made: in a user namespace. */
function ownNode(device: DevicePlan, name: string, scratch: number, sys: Syscalls): number | undefined {
  try {
    makeNode(device, scratch, name, sys);
  } catch (error) {
    if (failedWith(error, 'EPERM')) return undefined;
    throw error;
  }
  return sys.openTree(scratch, name, OPEN_TREE_CLONE);
}

function hostNode({ path, mode, major, minor }: DevicePlan, sys: Syscalls): number {
  const mount = sys.openTree(AT_FDCWD, path, OPEN_TREE_CLONE);
  const { mode: found, rdev } = sys.statAt(mount, '');
  if ((found & S_IFMT) === (mode & S_IFMT) && rdev.major === major && rdev.minor === minor) return mount;
  throw new SandboxError('REFUSED', path, `Cannot give device "${path}": the host's node is another device`);
}

function makeNode(
  { mode, major, minor, uid, gid }: DevicePlan,
  directory: number,
  name: string,
  sys: Syscalls,
): void {
  sys.mknodat(directory, name, mode, major, minor);
  if (uid === 0 && gid === 0) return;
  const node = sys.openat(directory, name, O_PATH | O_NOFOLLOW);
  sys.fchown(node, uid, gid);
}

export function attachDevices(nodes: readonly DeviceNode[], tree: RootTree, sys: Syscalls): void {
  const directories = new Map<string, number>();
  const directoryOf = (path: string) => {
    const found = directories.get(dirname(path)) ?? tree.mountPoint(dirname(path), 'directory');
    directories.set(dirname(path), found);
    return found;
  };
  for (const { device, mount } of nodes) {
    const { path } = device;
    attempt(path, `make device "${path}"`, () => {
      if (mount === undefined) makeNode(device, directoryOf(path), basename(path), sys);
      else sys.moveMount(mount, tree.newFile(directoryOf(path), basename(path)));
    });
  }
}

export function linkDevices(tree: RootTree, sys: Syscalls): void {
  const directory = tree.openPlain('/dev', O_DIRECTORY);
  if (directory === undefined) return;
  for (const [target, name] of links) sys.symlinkat(target, directory, name);
  // Not every kernel has it (runc looks, too).
  if (tree.open(KERNEL_MEMORY) !== undefined) sys.symlinkat(KERNEL_MEMORY, directory, 'core');
}
