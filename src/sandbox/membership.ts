import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import { SandboxError } from './sandbox.ts';
import type { Namespace } from './spec.ts';

/** What a running process is in, held by descriptor: it stays what it is even when the process ends meanwhile. */
export interface Membership {
  /** Those that are not this process' own, to be joined. */
  readonly namespaces: readonly Namespace[];
  /** Files to be written `0` to, of the control groups that are not this process' own. */
  readonly cgroupFiles: readonly string[];
  close(): void;
}

const types = { pid: 'pid', mount: 'mnt', network: 'net', ipc: 'ipc', uts: 'uts', cgroup: 'cgroup' } as const;

/**
 * Namespaces and control groups of the process `pid`. Numbers are used again: the caller must ask afterwards whether it
 * still is the process that was meant, and close the answer.
 */
export function membershipOf(pid: number, sys: Syscalls): Membership {
  refuseOtherUserNamespace(pid, sys);
  const open: number[] = [];
  const close = () => {
    for (const fd of open.splice(0)) sys.close(fd);
  };
  try {
    const namespaces = Object.entries(types).flatMap(([type, file]): readonly Namespace[] => {
      const fd = attempt(type, `open the ${type} namespace of process ${pid}`, () =>
        sys.open(`/proc/${pid}/ns/${file}`, 0),
      );
      open.push(fd);
      if (sys.statAt(fd, '').inode === inodeOfOwn(file, sys)) return [];
      return [{ type: type as Namespace['type'], path: `/proc/self/fd/${fd}` }];
    });
    return { namespaces, cgroupFiles: cgroupFilesOf(pid), close };
  } catch (error) {
    close();
    throw error;
  }
}

function inodeOfOwn(file: string, sys: Syscalls): bigint {
  const fd = sys.open(`/proc/thread-self/ns/${file}`, 0);
  try {
    return sys.statAt(fd, '').inode;
  } finally {
    sys.close(fd);
  }
}

/** A process of several threads, as this is, can enter no user namespace (setns(2)). */
function refuseOtherUserNamespace(pid: number, sys: Syscalls): void {
  const fd = attempt('user', `open the user namespace of process ${pid}`, () =>
    sys.open(`/proc/${pid}/ns/user`, 0),
  );
  try {
    if (sys.statAt(fd, '').inode === inodeOfOwn('user', sys)) return;
  } finally {
    sys.close(fd);
  }
  throw new SandboxError(
    'REFUSED',
    'user',
    `Cannot join process ${pid}: it is in another user namespace; start this program in that one (nsenter --user --target ${pid})`,
  );
}

/** Of each hierarchy that this system has mounted, where the process is in another group than this one. */
function cgroupFilesOf(pid: number): readonly string[] {
  const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
  const theirs = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  return cgroupsToJoin(mounts, theirs, readFileSync('/proc/self/cgroup', 'utf8'));
}

/** cgroups(7), "/proc/pid/cgroup files"; the mounts are those of proc_pid_mountinfo(5). */
export function cgroupsToJoin(mountinfo: string, theirs: string, ours: string): readonly string[] {
  const own = new Map(groups(ours));
  const mounted = mountinfo.split('\n').flatMap(parseMount);
  return groups(theirs).flatMap(([controllers, path]) => {
    if (own.get(controllers) === path) return [];
    const mount = mounted.find((each) => each.controllers === controllers);
    if (mount === undefined) return [];
    const below = posix.relative(mount.root, path);
    // Outside of what is mounted: this system cannot name it.
    if (below.startsWith('..')) return [];
    return [posix.join(mount.path, below, controllers === '' ? 'cgroup.procs' : 'tasks')];
  });
}

/** Controllers and path of each line; no controllers are version 2. */
const groups = (text: string) =>
  text.split('\n').flatMap((line): readonly (readonly [string, string])[] => {
    const match = /^\d+:([^:]*):(.*)$/.exec(line);
    return match === null ? [] : [[match[1]!, match[2]!]];
  });

interface CgroupMount {
  readonly controllers: string;
  /** Which group is seen at the mount point. */
  readonly root: string;
  readonly path: string;
}

function parseMount(line: string): readonly CgroupMount[] {
  const [front = '', back = ''] = line.split(' - ');
  const [, , , root = '/', path = ''] = front.split(' ');
  const [type, , options = ''] = back.split(' ');
  if (type === 'cgroup2') return [{ controllers: '', root, path }];
  if (type !== 'cgroup') return [];
  const controllers = options.split(',').filter((option) => !NOT_CONTROLLERS.has(option));
  return [{ controllers: controllers.join(','), root, path }];
}

const NOT_CONTROLLERS = new Set(['rw', 'ro', 'noprefix', 'xattr', 'clone_children', 'release_agent']);
