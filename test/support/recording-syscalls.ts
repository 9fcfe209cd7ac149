import {
  CGROUP2_SUPER_MAGIC,
  DEVPTS_SUPER_MAGIC,
  PROC_SUPER_MAGIC,
  S_IFCHR,
  S_IFDIR,
} from '../../src/linux/constants.ts';
import { SyscallError } from '../../src/linux/errno.ts';
import type { Syscalls } from '../../src/linux/syscalls.ts';

export interface Call {
  readonly name: keyof Syscalls;
  readonly args: readonly unknown[];
}

export interface RecordingSyscalls extends Syscalls {
  readonly calls: Call[];
  /** Names of the calls, in order, of those given; all without. */
  names(...only: (keyof Syscalls)[]): string[];
}

type Answers = { readonly [K in keyof Syscalls]?: Syscalls[K] };

/**
 * A kernel that does nothing, says yes, and remembers what it was asked. Descriptors count up from 100. `answers` take
 * the place of single calls.
 */
export function recordingSyscalls(answers: Answers = {}): RecordingSyscalls {
  const calls: Call[] = [];
  let next = 100;
  const paths = new Map<number, string>();
  const open = (path: string) => {
    paths.set(next, path);
    return next++;
  };
  const device = { major: 0, minor: 1 };
  const plain: { readonly [K in keyof Syscalls]?: Syscalls[K] } = {
    open: (path) => open(path),
    openat: (_, path) => open(path),
    openat2: (_, path) => open(path),
    findat2: (_, path) => open(path),
    openTree: (_, path) => open(path),
    fsopen: (type) => open(type),
    fsmount: (context) => open(paths.get(context) ?? ''),
    socket: () => open('socket'),
    ioctl: () => open('peer'),
    duplicate: () => open('copy'),
    read: () => 0,
    write: (_, bytes) => bytes.length,
    getcwd: () => '/',
    // Nothing is a directory when it is to be executed.
    access: (path) => (path.endsWith('/.') ? 'ENOTDIR' : undefined),
    pollNow: () => false,
    prctl: () => 0,
    dropBounding: (capability) => capability <= 40,
    capget: () => ({ effective: ~0n, permitted: ~0n, inheritable: 0n }),
    filesystemType: (fd) => filesystemTypes[paths.get(fd) ?? ''] ?? CGROUP2_SUPER_MAGIC,
    statAt: (fd, path) =>
      (path === '' ? paths.get(fd) : path) === '/dev/null'
        ? { mode: S_IFCHR, inode: 1n, device, rdev: { major: 1, minor: 3 } }
        : { mode: S_IFDIR, inode: 1n, device, rdev: { major: 0, minor: 0 } },
  };
  const own = { calls, names: (...only: (keyof Syscalls)[]) => namesOf(calls, only) };
  return new Proxy(own as RecordingSyscalls, {
    get: (target, property: keyof Syscalls & keyof typeof own) => {
      if (property in target) return target[property];
      return (...args: never[]) => {
        calls.push({ name: property, args });
        const answer = (answers[property] ?? plain[property]) as ((...given: never[]) => unknown) | undefined;
        return answer?.(...args);
      };
    },
  });
}

const filesystemTypes: Readonly<Record<string, number>> = {
  '/proc': PROC_SUPER_MAGIC,
  'dev/pts/ptmx': DEVPTS_SUPER_MAGIC,
};

function namesOf(calls: readonly Call[], only: readonly string[]): string[] {
  const names = calls.map(({ name }) => name);
  return only.length === 0 ? names : names.filter((name) => only.includes(name));
}

/** An answer that fails. */
export function failing(syscall: string, errno: number): () => never {
  return () => {
    throw new SyscallError(syscall, errno);
  };
}
