import { readFileSync } from 'node:fs';

/**
 * When a process started, in clock ticks since boot: field 22 of proc_pid_stat(5), by which it is told from a later one
 * of the same number. Undefined also for one that has ended and only waits for its parent to notice, which not every
 * PID 1 does.
 */
export function processStart(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The second field is the command in parentheses and may hold blanks: count from behind it.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
