import { readable } from '../linux/readable.ts';
import type { Syscalls } from '../linux/syscalls.ts';

/** A child of this process that somebody waits for. */
export interface Child {
  readonly pid: number;
  /** Its wait status (wait(2)) once it has ended. */
  readonly ended: Promise<number>;
  /** Nothing when it has ended. */
  kill(signal: number): void;
}

/**
 * Watches a child through a pidfd in the event loop: no signal handler, which others may have, and no thread. It keeps
 * the process alive, and lives beside node:child_process, which only waits for children of its own.
 */
export function watchChild(pid: number, sys: Syscalls): Child {
  const pidfd = sys.pidfdOpen(pid);
  let status: number | undefined;
  const ended = readable(pidfd).then(() => {
    const found = sys.waitpid(pid);
    if (found === undefined) throw new Error(`Cannot wait for process ${pid}: it has not ended`);
    status = found;
    sys.close(pidfd);
    return found;
  });
  const kill = (signal: number) => {
    if (status === undefined) sys.pidfdSendSignal(pidfd, signal);
  };
  return { pid, ended, kill };
}

/** wait(2): the low seven bits are the signal that ended it, the next byte its exit code. */
export function decodeStatus(status: number): { readonly code: number; readonly signal?: number } {
  const signal = status & 0x7f;
  return signal === 0 ? { code: (status >> 8) & 0xff } : { code: 128 + signal, signal };
}
