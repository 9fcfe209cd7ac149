import { readFileSync } from 'node:fs';
import { deserialize } from 'node:v8';
import { PR_SET_DUMPABLE } from '../linux/constants.ts';
import { SyscallError } from '../linux/errno.ts';
import { libc } from '../linux/libc.ts';
import { failureMessage, parentIsGone, send } from './channel.ts';
import { enter } from './enter.ts';
import { execFailure } from './executable.ts';
import type { Program, StartPlan } from './plan.ts';
import { takeStreams } from './standard-streams.ts';

/*
 * The program that start-reexec.ts starts: it turns itself into the container's process. Its descriptors are the
 * standard streams, the channel to the parent and the plan.
 */
const CHANNEL = 3;
const PLAN = '/proc/self/fd/4';

const sys = libc();
// It may be born among processes of a container that hold CAP_SYS_PTRACE, and is the host's until exec.
sys.prctl(PR_SET_DUMPABLE, 0);
try {
  const plan = deserialize(readFileSync(PLAN)) as StartPlan;
  // Node has marked its standard streams close-on-exec, and spawn has left the others open.
  takeStreams([0, 1, 2], sys);
  const channel = sys.duplicate(CHANNEL);
  sys.close(CHANNEL);
  run(plan, channel);
} catch {
  process.exit(127);
}

function run(plan: StartPlan, channel: number): void {
  try {
    const parent = {
      isGone: () => parentIsGone(channel, sys),
      takeTerminal: (master: number) => send(channel, { kind: 'terminal' }, sys, master),
    };
    const { program, stubs } = enter(plan, parent, sys);
    send(channel, { kind: 'entered', stubs }, sys);
    execute(program, plan);
  } catch (error) {
    send(channel, failureMessage(error), sys);
    throw error;
  }
}

function execute({ path, args }: Program, { process: { env } }: StartPlan): never {
  try {
    return sys.execve(path, args, env);
  } catch (error) {
    throw error instanceof SyscallError ? execFailure(path, error) : error;
  }
}
