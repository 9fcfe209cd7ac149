import {
  AT_EMPTY_PATH,
  AT_RECURSIVE,
  MOUNT_ATTR_RDONLY,
  OPEN_TREE_CLONE,
  S_IFCHR,
  S_IFDIR,
  S_IFMT,
} from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import { newFilesystem } from './filesystem.ts';
import type { RootTree } from './root-tree.ts';
import { SandboxError } from './sandbox.ts';

/** Docker's. */
export const DEFAULT_MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];

/** Docker's. */
export const DEFAULT_READONLY_PATHS: readonly string[] = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];

/** Makes what is at each path read-only, with what is mounted below it. A path with nothing there is passed over. */
export function protectPaths(paths: readonly string[], tree: RootTree, sys: Syscalls): void {
  for (const path of paths) {
    attempt(path, `make "${path}" read-only`, () => {
      const target = tree.open(path);
      if (target === undefined) return;
      const copy = sys.openTree(target, '', OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE);
      sys.mountSetattr(copy, { set: MOUNT_ATTR_RDONLY, clear: 0 }, true);
      sys.moveMount(copy, target);
    });
  }
}

/** Hides what is at each path: files behind the null device, directories behind an empty one that cannot be written. */
export function maskPaths(paths: readonly string[], tree: RootTree, sys: Syscalls): void {
  const covers = new Covers(tree, sys);
  for (const path of paths) {
    attempt(path, `mask "${path}"`, () => {
      const target = tree.open(path);
      if (target === undefined) return;
      const isDirectory = (sys.statAt(target, '').mode & S_IFMT) === S_IFDIR;
      const cover = isDirectory ? covers.directory() : covers.file();
      sys.moveMount(cover, target);
    });
  }
}

/** What masks are made of; each cover is a copy of the first of its kind. */
class Covers {
  private nullDevice: number | undefined;
  private emptyDirectory: number | undefined;

  constructor(
    private readonly tree: RootTree,
    private readonly sys: Syscalls,
  ) {}

  file(): number {
    this.nullDevice ??= this.openNull();
    return this.sys.openTree(this.nullDevice, '', OPEN_TREE_CLONE | AT_EMPTY_PATH);
  }

  directory(): number {
    if (this.emptyDirectory !== undefined)
      return this.sys.openTree(this.emptyDirectory, '', OPEN_TREE_CLONE | AT_EMPTY_PATH);
    const first = newFilesystem('tmpfs', [['size', '0']], MOUNT_ATTR_RDONLY, 'a mask', this.sys);
    // Stays open on the mount once it is attached, as the one to copy; closed with all the others at exec.
    this.emptyDirectory = this.sys.openTree(first, '', AT_EMPTY_PATH);
    return first;
  }

  /** Whatever an image or a volume has at /dev/null must be the null device before it stands for "nothing". */
  private openNull(): number {
    const fd = attempt(
      '/dev/null',
      'mask paths by /dev/null of the container',
      () => this.tree.openPlain('/dev/null'),
      'REFUSED',
    );
    if (fd !== undefined) {
      const { mode, rdev } = this.sys.statAt(fd, '');
      if ((mode & S_IFMT) === S_IFCHR && rdev.major === 1 && rdev.minor === 3) return fd;
    }
    throw new SandboxError(
      'REFUSED',
      '/dev/null',
      'Cannot mask paths: /dev/null of the container is not the null device',
    );
  }
}
