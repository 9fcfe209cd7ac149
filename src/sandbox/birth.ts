import { readFileSync, readSync } from 'node:fs';
import { SIGKILL } from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { type Child, watchChild } from './wait.ts';

/*
 * A child of ours that another process bears (CLONE_PARENT in init.ts). The kernel writes its process id to a page that we
 * share with that process, before it runs: it is known, and waited for, whatever happens to either.
 */

const PID_BYTES = 4;

/** What the shared page says before there is a child. */
export const NOBODY = new Uint8Array(PID_BYTES);

/** How often is looked whether the child has died amid its set-up, in milliseconds. Starts are faster. */
const LOOK = 500;

/**
 * The child may be killed at any time, by others in its namespace too. With a lock held in the memory that both share,
 * the init then waits for it for ever; whoever has its child dead for so long is ended.
 */
export function guardBirth(birth: number, init: Child): NodeJS.Timeout {
  let wasDead = false;
  return setInterval(() => {
    const isDead = bornAt(birth)?.isDead ?? false;
    if (isDead && wasDead) init.kill(SIGKILL);
    wasDead = isDead;
  }, LOOK);
}

/** The child that the init has had, once that has ended. */
export async function bornTo(init: Child, birth: number, sys: Syscalls): Promise<Child | undefined> {
  await init.ended;
  const born = bornAt(birth);
  return born === undefined ? undefined : watchChild(born.pid, sys);
}

interface Born {
  readonly pid: number;
  readonly isDead: boolean;
}

/** Nobody but the kernel writes the number; but who can trace the child might, so it must be one of ours. */
function bornAt(birth: number): Born | undefined {
  const bytes = Buffer.alloc(PID_BYTES);
  readSync(birth, bytes, 0, PID_BYTES, 0);
  const pid = bytes.readInt32LE();
  const status = pid > 0 ? statusOf(pid) : '';
  const isOurs = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]) === process.pid;
  return isOurs ? { pid, isDead: /^State:\tZ/m.test(status) } : undefined;
}

/** proc_pid_status(5); empty when there is no such process. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return '';
  }
}
