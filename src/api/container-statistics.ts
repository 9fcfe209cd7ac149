import { readFileSync } from 'node:fs';
import { totalmem } from 'node:os';
import { type ContainerState, isRunning } from '../runtime/container-state.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { processesOf } from '../sandbox/joined-cgroup.ts';
import { findGroup } from './container-control.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** What a container has used until now. Sizes in bytes. */
export interface ContainerUsage {
  readonly id: string;
  readonly name: string;
  /** Milliseconds, of a clock that only goes forward. */
  readonly at: number;
  /** Nanoseconds of processor time. */
  readonly cpuTime: number;
  /** Without what could be dropped at once. */
  readonly memory: number;
  readonly memoryLimit: number;
  readonly received: number;
  readonly sent: number;
  readonly read: number;
  readonly written: number;
  readonly processes: number;
}

export interface UsageRequest extends StoreLocation {
  /** All that run unless told; also those that do not, which use nothing. */
  readonly names?: readonly string[];
  readonly all?: boolean;
}

/** What containers use now. Throws `NOT_FOUND`. */
export function containerUsage(request: UsageRequest = {}): Promise<readonly ContainerUsage[]> {
  return withStore(request, async (store) => {
    const containers = new ContainerStore(store);
    await containers.reclaim();
    const { names = [], all } = request;
    const states =
      names.length > 0
        ? names.map((name) => containers.find(name))
        : containers.list().filter((state) => all || isRunning(state));
    return states.map(usageOf);
  });
}

function usageOf(state: ContainerState): ContainerUsage {
  const { id, name, process: init } = state;
  const nothing = { received: 0, sent: 0, read: 0, written: 0, processes: 0 };
  const at = performance.now();
  if (init === undefined) return { id, name, at, cpuTime: 0, memory: 0, memoryLimit: 0, ...nothing };
  const { memory, cpuTime, pids, blockIO } = findGroup(state)?.statistics() ?? {};
  return {
    id,
    name,
    at,
    cpuTime: cpuTime ?? 0,
    memory: memory === undefined ? 0 : Math.max(0, memory.usage - memory.inactiveFile),
    memoryLimit: Math.min(memory?.limit ?? Number.POSITIVE_INFINITY, totalmem()),
    ...traffic(init.pid),
    read: blockIO?.read ?? 0,
    written: blockIO?.written ?? 0,
    processes: pids?.current ?? processesOf(init.pid).length,
  };
}

/** proc_net(5): bytes of every interface but the loopback one. */
function traffic(pid: number): { readonly received: number; readonly sent: number } {
  let received = 0;
  let sent = 0;
  for (const line of readIfThere(`/proc/${pid}/net/dev`).split('\n').slice(2)) {
    const [name = '', counters = ''] = line.split(':');
    const fields = counters.trim().split(/\s+/).map(Number);
    if (name.trim() === 'lo' || fields.length < 9) continue;
    received += fields[0]!;
    sent += fields[8]!;
  }
  return { received, sent };
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
