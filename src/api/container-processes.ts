import { readFileSync } from 'node:fs';
import { isRunning } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { processesOf } from '../sandbox/joined-cgroup.ts';
import { ApiError } from './errors.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** A process of a container, as this system sees it. */
export interface ContainerProcess {
  readonly pid: number;
  readonly parent: number;
  readonly uid: number;
  /** Milliseconds since 1970. */
  readonly started: number;
  /** Seconds of processor time. */
  readonly time: number;
  /** `pts/0`, or `?`. */
  readonly terminal: string;
  readonly command: string;
}

/** The processes of a running container, its own first. Throws `CONFLICT` when it does not run. */
export function containerProcesses(
  name: string,
  location: StoreLocation = {},
): Promise<readonly ContainerProcess[]> {
  return withStore(location, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const state = containers.find(name);
    if (!isRunning(state) || state.process === undefined)
      throw new ApiError('CONFLICT', name, `container ${state.id} is not running`);
    return processesOf(state.process.pid).flatMap(describe);
  });
}

/** sysconf(3), _SC_CLK_TCK: 100 on every Linux that this runs on. */
const TICKS = 100;

/** Nothing for one that has ended meanwhile. */
function describe(pid: number): readonly ContainerProcess[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // proc_pid_stat(5): the fields behind the name, which may hold blanks, from the third on.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const field = (number: number) => Number(fields[number - 3]);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const line = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replace(/\0+$/, '').replaceAll('\0', ' ');
    return [
      {
        pid,
        parent: field(4),
        uid: Number(/^Uid:\s+(\d+)/m.exec(status)?.[1] ?? 0),
        started: bootTime() * 1000 + (field(22) / TICKS) * 1000,
        time: (field(14) + field(15)) / TICKS,
        terminal: terminalName(field(7)),
        command: line || `[${stat.slice(stat.indexOf('(') + 1, stat.lastIndexOf(')'))}]`,
      },
    ];
  } catch {
    return [];
  }
}

function bootTime(): number {
  return Number(/^btime (\d+)$/m.exec(readFileSync('/proc/stat', 'utf8'))?.[1] ?? 0);
}

/** Majors 136 to 143 are pseudo-terminals. */
function terminalName(device: number): string {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return major >= 136 && major <= 143 ? `pts/${(major - 136) * 256 + minor}` : '?';
}
