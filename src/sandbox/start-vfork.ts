import { CLONE_NEWPID, PR_SET_DUMPABLE } from '../linux/constants.ts';
import { SyscallError } from '../linux/errno.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { openChannel, parentIsGone, receive, send } from './channel.ts';
import { type Entered, enter } from './enter.ts';
import { execFailure } from './executable.ts';
import { inPidNamespace } from './pid-namespace.ts';
import type { StartPlan } from './plan.ts';
import { takeStreams } from './standard-streams.ts';
import type { Started } from './start.ts';
import { vforkStarter } from './vfork.ts';
import { watchChild } from './wait.ts';

/**
 * A `StartMethod`: the set-up runs in a child that shares our memory (vfork.ts); the thread is blocked until exec, some
 * 2 ms. `stubs` gets the mount points that it makes in the root, also when the start fails.
 */
export async function startByVfork(
  plan: StartPlan,
  streams: readonly number[] | undefined,
  sys: Syscalls,
  stubs: string[] = [],
): Promise<Started> {
  const channel = openChannel(sys);
  let entered: Entered | undefined;
  try {
    const { pid, failure } = inPidNamespace(plan.namespaces.pid, true, sys, () =>
      unreadable(sys, () =>
        vforkStarter().start({
          flags: plan.namespaces.pid === 'new' ? CLONE_NEWPID : 0,
          mostArgs: plan.process.args.length + 2,
          env: plan.process.env,
          setUp: () => {
            sys.close(channel.ours);
            if (streams !== undefined) takeStreams(streams, sys);
            entered = enter(plan, parentSide(channel.theirs, sys), sys, stubs);
            return entered.program;
          },
        }),
      ),
    );
    const child = watchChild(pid, sys);
    if (failure !== undefined) {
      await child.ended;
      throw failure instanceof SyscallError && entered !== undefined
        ? execFailure(entered.program.path, failure)
        : failure;
    }
    return { child, stubs, terminal: terminalFrom(channel.ours, plan, sys) };
  } finally {
    sys.close(channel.ours);
    sys.close(channel.theirs);
  }
}

function parentSide(socket: number, sys: Syscalls) {
  return {
    isGone: () => parentIsGone(socket, sys),
    takeTerminal: (master: number) => send(socket, { kind: 'terminal' }, sys, master),
  };
}

function terminalFrom(socket: number, plan: StartPlan, sys: Syscalls): number | undefined {
  if (plan.terminal === undefined) return undefined;
  const received = receive(socket, sys);
  return typeof received === 'string' ? undefined : received.fd;
}

/** Until exec the child's memory is ours: a process that is already in its namespaces must not get at it (ptrace(2)). */
function unreadable<T>(sys: Syscalls, start: () => T): T {
  sys.prctl(PR_SET_DUMPABLE, 0);
  try {
    return start();
  } finally {
    sys.prctl(PR_SET_DUMPABLE, 1);
  }
}
