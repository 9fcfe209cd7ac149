import { SyscallError } from '../linux/errno.ts';
import { libc } from '../linux/libc.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { SandboxError, type StartMechanism } from './sandbox.ts';
import type { StartMethod } from './start.ts';
import { startByReexec, startFromOutside } from './start-reexec.ts';
import { startByVfork } from './start-vfork.ts';
import { vforkObstacle, vforkStarter } from './vfork.ts';
import { watchChild } from './wait.ts';

let problem: Promise<string | undefined> | undefined;

/** Why children cannot run JavaScript before exec here; undefined when they can. Tried once for each thread. */
export function vforkProblem(): Promise<string | undefined> {
  problem ??= tryVfork(libc());
  return problem;
}

/**
 * `amongOthers`: the child is born among processes of the container. Until exec they might get at its memory and its
 * program, if they hold CAP_SYS_PTRACE, so these must not be ours.
 */
export async function chooseMechanism(wanted: StartMechanism, amongOthers: boolean): Promise<StartMethod> {
  if (wanted === 'reexec') return startByReexec;
  if (wanted === 'auto' && !amongOthers) return startByEither;
  const why = await vforkProblem();
  if (wanted === 'auto') return why === undefined ? startFromOutside : startByReexec;
  if (why === undefined) return startByVfork;
  throw new SandboxError('REFUSED', 'vfork', `Cannot start containers by vfork: ${why}`);
}

/**
 * By vfork unless that does not work here. A start that fails tells by itself whether its child ran as it should, so
 * that the self-test, which takes 1 to 2 ms, is only made then.
 */
const startByEither: StartMethod = async (plan, streams, sys) => {
  if (vforkObstacle() !== undefined || (await problem) !== undefined)
    return startByReexec(plan, streams, sys);
  const stubs: string[] = [];
  try {
    return await startByVfork(plan, streams, sys, stubs);
  } catch (error) {
    if ((await vforkProblem()) === undefined) throw error;
    const started = await startByReexec(plan, streams, sys);
    // What the first child made before it failed was there already for the second.
    return { ...started, stubs: [...stubs, ...started.stubs] };
  }
};

/** A child that runs a little JavaScript, in a process and with descriptors of its own, and then fails to execute. */
async function tryVfork(sys: Syscalls): Promise<string | undefined> {
  const obstacle = vforkObstacle();
  if (obstacle !== undefined) return obstacle;
  try {
    let ran: unknown;
    const { pid, failure } = vforkStarter().start({
      flags: 0,
      mostArgs: 0,
      env: [],
      setUp: () => {
        ran = Array.from({ length: 100 }, (_, index) => ({ index }));
        return { path: '', args: [] };
      },
    });
    const status = await watchChild(pid, sys).ended;
    const asExpected = failure instanceof SyscallError && failure.code === 'ENOENT' && status === 127 << 8;
    return ran !== undefined && asExpected ? undefined : `its self-test ended with status ${status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
