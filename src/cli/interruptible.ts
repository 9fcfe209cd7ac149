import { constants } from 'node:os';
import { ExitCode } from './exit-status.ts';

/** SIGHUP too: Node has undone what nohup(1) did, so that it ends the process in any case. */
const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Signals that ask work to stop, the first one only: a second one ends the process at once. */
export class StopSignals {
  readonly #abort = new AbortController();
  readonly #stop = (signal: NodeJS.Signals) => {
    this.exitStatus = 128 + constants.signals[signal];
    this.#abort.abort();
  };
  /** What to end with, once one has come. */
  exitStatus: number | undefined;

  constructor() {
    for (const signal of STOPPING) process.once(signal, this.#stop);
  }

  /** Aborted by the signal. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Lets signals do what they do by themselves again. */
  release(): void {
    for (const signal of STOPPING) process.off(signal, this.#stop);
  }
}

/** Does work that a signal ends in an orderly way, so that nothing half done stays. Resolves with the exit status. */
export async function interruptible(
  program: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const stop = new StopSignals();
  try {
    await work(stop.signal);
    return ExitCode.ok;
  } catch (error) {
    if (stop.exitStatus === undefined) throw error;
    process.stderr.write(`${program}: canceled\n`);
    return stop.exitStatus;
  } finally {
    stop.release();
  }
}
