import { TIOCSWINSZ } from '../linux/constants.ts';
import { libc } from '../linux/libc.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { cgroupHost } from './cgroup-host.ts';
import { type Cgroup, createCgroup } from './cgroups.ts';
import { chooseMechanism } from './mechanism.ts';
import type { StartPlan } from './plan.ts';
import { planStart } from './plan-start.ts';
import type { CgroupWish, ExitStatus, LaunchOptions, RunningProcess, Stdio } from './sandbox.ts';
import type { Spec } from './spec.ts';
import type { Started } from './start.ts';
import { type Streams, wireStreams } from './streams.ts';
import { windowSize } from './terminal.ts';
import { decodeStatus } from './wait.ts';

/**
 * Starts the container that `spec` describes; resolves when its program runs. Rejects with a `SandboxError`, and leaves
 * nothing behind, when it cannot be started. The container ends with the thread that started it.
 */
export async function launch(spec: Spec, options: LaunchOptions): Promise<RunningProcess> {
  const sys = libc();
  const amongOthers = spec.linux.namespaces.some(({ type, path }) => type === 'pid' && path !== undefined);
  const start = await chooseMechanism(options.mechanism ?? 'auto', amongOthers);
  const ownsProcesses = spec.linux.namespaces.some(({ type, path }) => type === 'pid' && path === undefined);
  const isPart = options.cgroupFiles !== undefined;
  const cgroup = isPart ? undefined : createCgroup(spec.linux, cgroupHost(), wishOf(options, ownsProcesses));
  const wiring = wireStreams(amongOthers ? withStreams(options.stdio) : options.stdio, sys);
  let started: Started;
  try {
    started = await start(plan(spec, options, cgroup, sys), wiring.child, sys);
  } catch (error) {
    wiring.abandon();
    await cgroup?.remove();
    throw error;
  } finally {
    wiring.closeChildEnds();
  }
  const streams = await wiring.open(started.terminal);
  const { ended } = started.child;
  // What has been left behind in a PID namespace of others ends with the group, and a process of theirs leaves it be.
  if (!ownsProcesses && cgroup !== undefined) ended.then(() => cgroup.end()).catch(() => {});
  return running(started, amongOthers ? cutOff(streams, ended) : streams, cgroup, sys);
}

/** Without a PID namespace of its own, its group is what tells its processes from others. */
function wishOf({ cgroup = 'needed' }: LaunchOptions, ownsProcesses: boolean): CgroupWish {
  return cgroup === 'cheap' && !ownsProcesses ? 'wanted' : cgroup;
}

function plan(spec: Spec, options: LaunchOptions, cgroup: Cgroup | undefined, sys: Syscalls): StartPlan {
  return planStart(spec, options, {
    capabilities: sys.capget().permitted,
    cgroups: cgroupHost(),
    cgroupFiles: [...(options.cgroupFiles ?? []), ...(cgroup?.joinFiles ?? [])],
    devicesGuarded: cgroup?.guardsDevices ?? false,
  });
}

function running(
  { child, stubs, terminal }: Started,
  { drained, ...streams }: Streams,
  cgroup: Cgroup | undefined,
  sys: Syscalls,
): RunningProcess {
  const status = finish(child.ended, drained, cgroup);
  status.catch(() => {}); // told to whoever waits
  return {
    pid: child.pid,
    ...streams,
    stubs,
    kill: (signal) => child.kill(signal),
    ended: child.ended,
    resize: (rows, columns) => {
      if (terminal !== undefined && streams.terminal?.destroyed === false)
        sys.ioctl(terminal, TIOCSWINSZ, windowSize(rows, columns));
    },
    wait: () => status,
  };
}

/** As long as Docker waits. */
const LAST_OUTPUT_MS = 2000;

/** What is cut off are streams. */
function withStreams(stdio: Stdio): Stdio {
  if (stdio.kind !== 'fds') return stdio;
  const { take: _, ...choices } = stdio;
  return choices;
}

/**
 * The end of a process that is not PID 1 ends no other: what it has left in the background may hold its output open for
 * ever.
 */
function cutOff(streams: Streams, ended: Promise<number>): Streams {
  const end = () => {
    const { stdout, stderr, terminal } = streams;
    for (const stream of [stdout, stderr, terminal]) stream?.destroy();
  };
  const timer = ended.then(() => setTimeout(end, LAST_OUTPUT_MS));
  const drained = streams.drained.then(async () => clearTimeout(await timer));
  return { ...streams, drained };
}

async function finish(
  ended: Promise<number>,
  drained: Promise<void>,
  cgroup: Cgroup | undefined,
): Promise<ExitStatus> {
  const status = decodeStatus(await ended);
  const oomKilled = (cgroup?.oomKills() ?? 0) > 0;
  try {
    await drained;
  } finally {
    await cgroup?.remove();
  }
  return { ...status, oomKilled };
}
