import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { processStart } from '../linux/process-start.ts';

/** A process, told from a later one of the same number by when it started, and on which boot of the machine. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot: field 22 of proc_pid_stat(5). */
  readonly started: string;
  /** random(4), "boot_id". */
  readonly boot: string;
}

/** Undefined when there is no such process. */
export function processIdentity(pid: number): ProcessIdentity | undefined {
  const started = processStart(pid);
  return started === undefined ? undefined : { pid, started, boot: bootId() };
}

export function isAlive({ pid, started, boot }: ProcessIdentity): boolean {
  return processStart(pid) === started && boot === bootId();
}

/** SIGKILL to the process, if it is still the one that was meant. */
export function killProcess(identity: ProcessIdentity): void {
  signalProcess(identity, constants.signals.SIGKILL);
}

/** A signal to the process, if it is still the one that was meant. */
export function signalProcess(identity: ProcessIdentity, signal: number): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Resolves when the process is gone, or with false when it takes longer than so many milliseconds. */
export async function awaitEnd(identity: ProcessIdentity, timeout: number): Promise<boolean> {
  const end = performance.now() + timeout;
  while (isAlive(identity)) {
    if (performance.now() > end) return false;
    await delay(5);
  }
  return true;
}

let boot: string | undefined;

function bootId(): string {
  boot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  return boot;
}
