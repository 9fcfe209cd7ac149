import { constants } from 'node:os';
import { ExitCode } from './exit-status.ts';

const STOPPING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Does work that a signal ends in an orderly way, so that nothing half done stays; a second signal ends the process at
 * once. Resolves with the exit status to end with.
 */
export async function interruptible(
  program: string,
  work: (signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const abort = new AbortController();
  let received: NodeJS.Signals | undefined;
  const stop = (signal: NodeJS.Signals) => {
    received = signal;
    abort.abort();
  };
  for (const signal of STOPPING) process.once(signal, stop);
  try {
    await work(abort.signal);
    return ExitCode.ok;
  } catch (error) {
    if (received === undefined) throw error;
    process.stderr.write(`${program}: canceled\n`);
    return 128 + constants.signals[received];
  } finally {
    for (const signal of STOPPING) process.off(signal, stop);
  }
}
