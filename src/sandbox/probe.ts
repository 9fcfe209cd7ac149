import { existsSync } from 'node:fs';
import { release } from 'node:os';
import { AT_FDCWD, O_DIRECTORY, O_PATH, RESOLVE_IN_ROOT } from '../linux/constants.ts';
import { errnoMessage, SyscallError } from '../linux/errno.ts';
import { libc } from '../linux/libc.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { CAP_SYS_ADMIN, capabilityNumber } from './capabilities.ts';
import { cgroupHost } from './cgroup-host.ts';
import { vforkProblem } from './mechanism.ts';

/** One thing that containers need or profit from, and whether this system has it. */
export interface Finding {
  readonly name: string;
  readonly ok: boolean;
  /** Without it no container can be started. */
  readonly required: boolean;
  /** What was found. */
  readonly detail: string;
  /** The smallest change that would give it. */
  readonly remedy?: string;
}

export interface HostProbe {
  readonly kernel: string;
  /** Every required finding is good. */
  readonly canIsolate: boolean;
  readonly mechanism: 'vfork' | 'reexec';
  readonly findings: readonly Finding[];
}

/** What this system allows. Nothing is changed, and no container started. */
export async function probeHost(sys: Syscalls = libc()): Promise<HostProbe> {
  const vfork = await vforkProblem();
  const findings = [
    privilege(sys),
    call(sys, 'paths resolved in a root (openat2)', 'needs Linux 5.6', () =>
      sys.openat2(AT_FDCWD, '/', O_PATH | O_DIRECTORY, RESOLVE_IN_ROOT),
    ),
    call(sys, 'mounts by descriptor (fsopen, mount_setattr)', 'needs Linux 5.12', () => {
      const context = sys.fsopen('tmpfs');
      const mount = sys.fsmount(context, 0);
      sys.mountSetattr(mount, { set: 0, clear: 0 }, false);
      sys.close(mount);
      return context;
    }),
    call(sys, 'overlay file systems', 'load the kernel module "overlay"', () => sys.fsopen('overlay')),
    call(sys, 'watching processes (pidfd_open)', 'needs Linux 5.3', () => sys.pidfdOpen(process.pid)),
    seccomp(),
    cgroups(),
    {
      name: 'fast start (vfork)',
      ok: vfork === undefined,
      required: false,
      detail: vfork ?? 'the set-up runs in a child that shares memory',
    },
  ];
  return {
    kernel: release(),
    canIsolate: findings.every(({ ok, required }) => ok || !required),
    mechanism: vfork === undefined ? 'vfork' : 'reexec',
    findings,
  };
}

function privilege(sys: Syscalls): Finding {
  const { effective } = sys.capget();
  const ok = (effective & CAP_SYS_ADMIN) !== 0n;
  const missing = [
    'CAP_SETUID',
    'CAP_SETGID',
    'CAP_SETPCAP',
    'CAP_CHOWN',
    'CAP_DAC_OVERRIDE',
    'CAP_MKNOD',
  ].filter((name) => ((effective >> BigInt(capabilityNumber(name)!)) & 1n) === 0n);
  const held = missing.length === 0 ? 'CAP_SYS_ADMIN' : `CAP_SYS_ADMIN, but without ${missing.join(', ')}`;
  return {
    name: 'the right to make namespaces and mounts',
    ok,
    required: true,
    detail: ok ? held : 'no CAP_SYS_ADMIN',
    ...(ok ? {} : { remedy: 'run as root, in a container with --privileged or --cap-add SYS_ADMIN' }),
  };
}

/** A call that is tried; what it returns is a descriptor, closed again. */
function call(sys: Syscalls, name: string, remedy: string, attempt: () => number): Finding {
  try {
    sys.close(attempt());
    return { name, ok: true, required: true, detail: 'works' };
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    return { name, ok: false, required: true, detail: errnoMessage(error.code), remedy };
  }
}

function seccomp(): Finding {
  const ok = existsSync('/proc/sys/kernel/seccomp/actions_avail');
  const remedy = 'use a kernel with CONFIG_SECCOMP_FILTER, or run containers without a filter';
  const detail = ok ? 'filters can be loaded' : 'this kernel has none';
  return { name: 'system call filters', ok, required: false, detail, ...(ok ? {} : { remedy }) };
}

function cgroups(): Finding {
  const host = cgroupHost();
  const controllers = host.version === 1 ? [...host.roots.keys()] : host.controllers;
  const ok = controllers.includes('memory') && controllers.includes('pids');
  return {
    name: 'limits (control groups)',
    ok,
    required: false,
    detail: `version ${host.version}: ${controllers.length === 0 ? 'no controllers' : controllers.join(', ')}`,
    ...(ok ? {} : { remedy: 'mount the control groups with the memory and pids controllers' }),
  };
}
