import { fileURLToPath } from 'node:url';
import { serialize } from 'node:v8';
import {
  AT_FDCWD,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
  O_RDONLY,
  OPEN_TREE_CLONE,
  SIGKILL,
} from '../linux/constants.ts';
import { readable } from '../linux/readable.ts';
import { spawn } from '../linux/spawn.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { bornTo, guardBirth, NOBODY } from './birth.ts';
import { openChannel, receive } from './channel.ts';
import type { InitWork } from './init.ts';
import { inPidNamespace } from './pid-namespace.ts';
import type { MountPlan, StartPlan } from './plan.ts';
import { SandboxError } from './sandbox.ts';
import type { Started, StartMethod } from './start.ts';
import { type Child, watchChild } from './wait.ts';

let bundle: string | undefined;

/** Where init.ts is as a bundle, when that is not beside this program's own. */
export function useInitBundle(path: string): void {
  bundle = path;
}

/**
 * The set-up runs in another Node, started for it, that then becomes the container's process: slower by a Node start,
 * but without assumptions about the libraries in use.
 */
export const startByReexec: StartMethod = (plan, streams, sys) =>
  startInit({ plan, bears: false }, streams, sys, (start) =>
    inPidNamespace(plan.namespaces.pid, false, sys, start),
  );

/**
 * For a PID namespace of others: that Node stays outside of it, and has a child in it by vfork, which becomes the
 * container's process. Others see that child for the 1 to 2 ms until exec (docs/security.md).
 */
export const startFromOutside: StartMethod = (plan, streams, sys) =>
  startInit({ plan, bears: true }, streams, sys, (start) => start());

async function startInit(
  work: InitWork,
  streams: readonly number[] | undefined,
  sys: Syscalls,
  inNamespace: (start: () => number) => number,
): Promise<Started> {
  const channel = openChannel(sys);
  const birth = sys.memfdCreate('birth');
  try {
    let init: Child;
    try {
      sys.write(birth, NOBODY);
      init = watchChild(
        inNamespace(() => spawnInit(work, streams, [channel.theirs, birth], sys)),
        sys,
      );
    } finally {
      sys.close(channel.theirs);
    }
    const guard = work.bears ? guardBirth(birth, init) : undefined;
    const said = await untilExec(channel.ours, sys).catch((error: unknown) => ({ error }));
    clearInterval(guard);
    const child = work.bears ? await bornTo(init, birth, sys) : init;
    if (child !== undefined && !('error' in said)) return { child, ...said };
    child?.kill(SIGKILL);
    await child?.ended;
    throw 'error' in said ? said.error : endedUnexpectedly();
  } finally {
    sys.close(channel.ours);
    sys.close(birth);
  }
}

/** The init's descriptors are the streams, its work, and what it tells by (init.ts). */
function spawnInit(
  work: InitWork,
  streams: readonly number[] | undefined,
  [channel, birth]: readonly [channel: number, birth: number],
  sys: Syscalls,
): number {
  const path = bundle ?? fileURLToPath(new URL('./init.cjs', import.meta.url));
  const library = process.env.LD_LIBRARY_PATH;
  const env = library === undefined ? [] : [`LD_LIBRARY_PATH=${library}`];
  const nowhere = sys.open('/dev/null', O_RDONLY);
  const sent = workFile({ ...work, plan: absoluteDescriptors(work.plan) }, sys);
  const program = readonlyProgram(sys);
  const fds = [...(streams ?? [nowhere, nowhere, nowhere]), channel, sent, birth].map((fd) =>
    sys.duplicate(fd),
  );
  try {
    return spawn(`/proc/self/fd/${program}`, [process.execPath, path], env, fds);
  } finally {
    for (const fd of [...fds, nowhere, sent, program]) sys.close(fd);
  }
}

/**
 * This program, as a mount of its own that cannot be written. A process of the container that gets at the init's
 * /proc/PID/exe has that, and not the host's file (CVE-2019-5736).
 */
function readonlyProgram(sys: Syscalls): number {
  const mount = sys.openTree(AT_FDCWD, process.execPath, OPEN_TREE_CLONE);
  sys.mountSetattr(mount, { set: MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, clear: 0 }, false);
  return mount;
}

function workFile(work: InitWork, sys: Syscalls): number {
  const fd = sys.memfdCreate('plan');
  for (let rest: Uint8Array = serialize(work); rest.length > 0; ) rest = rest.subarray(sys.write(fd, rest));
  return fd;
}

type BindPlan = Extract<MountPlan['make'], { readonly kind: 'bind' }>;

/** `/proc/self/fd/N` means a descriptor of this process; the init sees it through this process' directory. */
function absoluteDescriptors(plan: StartPlan): StartPlan {
  const absolute = (path: string) => path.replace(/^\/proc\/(?:self|thread-self)\//, `/proc/${process.pid}/`);
  const absoluteBind = (bind: BindPlan) => ({
    ...bind,
    source: absolute(bind.source),
    ...(bind.namespace !== undefined && { namespace: absolute(bind.namespace) }),
  });
  const { namespaces, root } = plan;
  const { pid } = namespaces;
  const join = namespaces.join.map((namespace) => ({ ...namespace, path: absolute(namespace.path) }));
  const mounts = root?.mounts.map((mount) =>
    mount.make.kind === 'bind' ? { ...mount, make: absoluteBind(mount.make) } : mount,
  );
  return {
    ...plan,
    namespaces: { ...namespaces, join, pid: typeof pid === 'object' ? { path: absolute(pid.path) } : pid },
    root: root === undefined ? undefined : { ...root, mounts: mounts ?? [] },
  };
}

/** Collects what the init says, until exec or its end closes its end. */
async function untilExec(socket: number, sys: Syscalls): Promise<Omit<Started, 'child'>> {
  let stubs: readonly string[] | undefined;
  let terminal: number | undefined;
  for (;;) {
    await readable(socket);
    const received = receive(socket, sys);
    if (received === 'nothing') continue;
    if (received === 'end') break;
    const { message, fd } = received;
    if (message.kind === 'failed') throw new SandboxError(message.code, message.subject, message.message);
    if (message.kind === 'terminal') terminal = fd;
    else stubs = message.stubs;
  }
  if (stubs !== undefined) return { stubs, terminal };
  throw endedUnexpectedly();
}

function endedUnexpectedly(): SandboxError {
  return new SandboxError('SYSTEM', 'init', 'Cannot start a container: its init ended unexpectedly');
}
