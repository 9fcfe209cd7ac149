import {
  AF_INET,
  CLONE_NEWNET,
  IFF_UP_RUNNING,
  O_DIRECTORY,
  O_NOFOLLOW,
  O_PATH,
  O_WRONLY,
  PROC_SUPER_MAGIC,
  SIOCSIFFLAGS,
  SOCK_DGRAM,
} from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import type { StartPlan } from './plan.ts';
import { SandboxError } from './sandbox.ts';

/** The host's procfs, opened before anything of the container can be in its place. */
export function openProc(sys: Syscalls): number {
  const proc = sys.open('/proc', O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (sys.filesystemType(proc) !== PROC_SUPER_MAGIC)
    throw new SandboxError('SYSTEM', '/proc', 'Cannot start a container: /proc of this system is not procfs');
  return proc;
}

/** What is set in the kernel for the child's namespaces and the child itself. */
export function applySettings(plan: StartPlan, proc: number, sys: Syscalls): void {
  const { hostname, domainname } = plan;
  if ((plan.namespaces.unshare & CLONE_NEWNET) !== 0) bringUpLoopback(sys);
  if (hostname !== undefined)
    attempt(hostname, `set host name "${hostname}"`, () => sys.sethostname(hostname));
  if (domainname !== undefined)
    attempt(domainname, `set domain name "${domainname}"`, () => sys.setdomainname(domainname));
  for (const [path, value] of plan.sysctls)
    attempt(path, `set sysctl "${path}" to "${value}"`, () => writeProc(proc, `sys/${path}`, value, sys));
  const { oomScoreAdj } = plan.process;
  if (oomScoreAdj !== undefined)
    attempt('oom_score_adj', `set the OOM score to ${oomScoreAdj}`, () =>
      writeProc(proc, 'self/oom_score_adj', String(oomScoreAdj), sys),
    );
}

function writeProc(proc: number, path: string, value: string, sys: Syscalls): void {
  const fd = sys.openat(proc, path, O_WRONLY);
  sys.write(fd, Buffer.from(value));
  sys.close(fd);
}

/** netdevice(7): struct ifreq is a name of 16 bytes, then here the flags. */
function bringUpLoopback(sys: Syscalls): void {
  const request = Buffer.alloc(40);
  request.write('lo');
  request.writeUInt16LE(IFF_UP_RUNNING, 16);
  const socket = sys.socket(AF_INET, SOCK_DGRAM);
  attempt('lo', 'bring up lo', () => sys.ioctl(socket, SIOCSIFFLAGS, request));
  sys.close(socket);
}
