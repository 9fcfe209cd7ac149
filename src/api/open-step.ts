import type { Vertex } from '../llb/definition.ts';
import type { FailedStep } from '../ops/exec.ts';
import type { StepRoot } from '../ops/step-root.ts';
import type { BuildError } from './build-error.ts';
import { ownStreams } from './own-streams.ts';
import type { Running, RunStdio } from './run.ts';

/** A RUN step whose command failed, while its filesystem is still there. */
export interface OpenStep {
  readonly error: BuildError;
  /** The program of the stage's SHELL. */
  readonly shell: string;
  /**
   * Starts a process as the step was: in what its command left, with its mounts, environment, user, working directory
   * and network. One at a time. It is killed when `signal` is aborted.
   */
  start(args: readonly string[], stdio: RunStdio, signal?: AbortSignal): Promise<StepProcess>;
}

export type StepProcess = Omit<Running, 'id' | 'name'>;

/** Calls `listener` for the first step that fails: with several at once there would be no telling them apart. */
export function firstFailure(
  listener: (step: OpenStep) => Promise<void>,
  describe: (vertex: Vertex, cause: unknown) => BuildError,
): FailedStep {
  let isTaken = false;
  return async (vertex, error, root) => {
    if (isTaken) return;
    isTaken = true;
    await listener({
      error: describe(vertex, error),
      shell: vertex.meta.shell ?? '/bin/sh',
      start: (args, stdio, signal) => start(root, args, stdio, signal ?? new AbortController().signal),
    });
  };
}

async function start(
  root: StepRoot,
  args: readonly string[],
  stdio: RunStdio,
  signal: AbortSignal,
): Promise<StepProcess> {
  const wiring = stdio.kind === 'inherit' ? ownStreams(stdio) : stdio;
  const { pid, stdin, stdout, stderr, terminal, ...running } = await root.start(args, wiring, signal);
  const kill = () => running.kill(9);
  signal.addEventListener('abort', kill, { once: true });
  return {
    pid,
    ...(stdin && { stdin }),
    ...(stdout && { stdout }),
    ...(stderr && { stderr }),
    ...(terminal && { terminal }),
    kill: (number) => running.kill(number),
    resize: (rows, columns) => running.resize(rows, columns),
    wait: () => running.wait().finally(() => signal.removeEventListener('abort', kill)),
  };
}
