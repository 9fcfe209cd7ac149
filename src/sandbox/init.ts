import { readFileSync } from 'node:fs';
import { deserialize } from 'node:v8';
import { CLONE_PARENT, PR_SET_DUMPABLE } from '../linux/constants.ts';
import { SyscallError } from '../linux/errno.ts';
import { exitAtOnce } from '../linux/leave.ts';
import { libc } from '../linux/libc.ts';
import { sharedPage } from '../linux/shared-page.ts';
import { failureMessage, parentIsGone, send } from './channel.ts';
import { enter, enterForChild, type Parent } from './enter.ts';
import { execFailure } from './executable.ts';
import { joinPid } from './pid-namespace.ts';
import type { Program, StartPlan } from './plan.ts';
import { takeStreams } from './standard-streams.ts';
import { vforkStarter } from './vfork.ts';

/*
 * The program that start-reexec.ts starts: it turns itself into the container's process, or has a child that does. Its
 * descriptors are the standard streams, the channel to the parent, its work, and a page that it shares with the parent.
 */
export interface InitWork {
  readonly plan: StartPlan;
  /** It is outside of the PID namespace that the plan joins, and has a child in it. */
  readonly bears: boolean;
}

const CHANNEL = 3;
const WORK = 4;
/** Where the process id of its child goes. */
const BIRTH = 5;

const sys = libc();
// It may be born among processes of a container that hold CAP_SYS_PTRACE, and is the host's until exec.
sys.prctl(PR_SET_DUMPABLE, 0);
try {
  const { plan, bears } = deserialize(readFileSync(`/proc/self/fd/${WORK}`)) as InitWork;
  // Node has marked its standard streams close-on-exec, and spawn has left the others open.
  takeStreams([0, 1, 2], sys);
  const channel = sys.duplicate(CHANNEL);
  sys.close(CHANNEL);
  run(plan, bears, channel);
} catch {
  process.exit(127);
}

function run(plan: StartPlan, bears: boolean, channel: number): void {
  const parent: Parent = {
    isGone: () => parentIsGone(channel, sys),
    takeTerminal: (master) => send(channel, { kind: 'terminal' }, sys, master),
  };
  try {
    if (bears) bear(plan, parent, channel);
    else become(plan, parent, channel);
  } catch (error) {
    send(channel, failureMessage(error), sys);
    throw error;
  }
}

function become(plan: StartPlan, parent: Parent, channel: number): never {
  const { program, stubs } = enter(plan, parent, sys);
  send(channel, { kind: 'entered', stubs }, sys);
  try {
    return sys.execve(program.path, program.args, plan.process.env);
  } catch (error) {
    throw error instanceof SyscallError ? execFailure(program.path, error) : error;
  }
}

/** The child's parent is ours, which learns of it by the page that both share, and waits for it. */
function bear(plan: StartPlan, parent: Parent, channel: number): void {
  const { args, env } = plan.process;
  const pidAt = sharedPage(BIRTH);
  const child = childOf(plan, parent);
  // Others could reach what the child has open.
  for (const fd of [WORK, BIRTH]) sys.close(fd);
  let program: Program | undefined;
  const { failure } = vforkStarter().start({
    flags: CLONE_PARENT,
    mostArgs: args.length + 2,
    env,
    setUp: () => {
      program = child.setUp();
      return program;
    },
    pidAt,
    lost: () => exitAtOnce(127),
  });
  if (failure !== undefined)
    throw failure instanceof SyscallError && program !== undefined
      ? execFailure(program.path, failure)
      : failure;
  send(channel, { kind: 'entered', stubs: child.stubs }, sys);
  exitAtOnce(0);
}

interface Unborn {
  readonly stubs: readonly string[];
  readonly setUp: () => Program;
}

function childOf(plan: StartPlan, parent: Parent): Unborn {
  const { pid } = plan.namespaces;
  if (typeof pid !== 'object') throw new Error('There is no PID namespace to be joined');
  if (plan.root === undefined) return { stubs: [], setUp: enterForChild(plan, pid.path, parent, sys) };
  // A root of its own has a procfs, which shows the namespace of whoever mounts it: only the child can.
  joinPid(pid.path, sys);
  const stubs: string[] = [];
  return { stubs, setUp: () => enter(plan, parent, sys, stubs).program };
}
