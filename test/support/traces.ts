import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cgroupHost } from '../../src/sandbox/cgroup-host.ts';

/** How what commands leave behind is told from what belongs to others. */
export interface Marks {
  /** The store: what is mounted out of it, and its own directories. */
  readonly root: string;
  /** A word in the environment or the arguments of every process. */
  readonly mark: string;
  /** Parent of the control groups, below each hierarchy. */
  readonly cgroup: string;
  /** A process in the network namespace that all of it was in. */
  readonly network: number;
}

/** What belongs to running commands alone: processes, namespaces with mounts, interfaces. One line each. */
export function livingTraces({ root, mark, network }: Marks): string[] {
  const traces: string[] = [];
  for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    const words = read(`/proc/${pid}/environ`) + read(`/proc/${pid}/cmdline`);
    if (words.includes(mark))
      traces.push(`process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`);
    else if (read(`/proc/${pid}/mountinfo`).includes(root)) traces.push(`mount namespace of process ${pid}`);
  }
  return [...traces, ...interfaces(network)];
}

/** What the next command takes away: private files in the store, control groups. */
export function reclaimableTraces({ root, cgroup }: Marks): string[] {
  const host = cgroupHost();
  const hierarchies = host.version === 1 ? [...new Set(host.roots.values())] : [host.root];
  return [
    ...['active', 'ingest', 'leases', 'trash'].flatMap((area) => entries(join(root, area))),
    ...['containers', 'volumes'].flatMap((area) => entries(join(root, area))),
    ...entries(join(root, 'cache-mounts')).filter((path) => !/\/[0-9a-f]{64}$/.test(path)),
    ...hierarchies.flatMap((directory) => groups(join(directory, cgroup))),
  ];
}

/** Waits for traces to vanish, which the kernel takes a moment for; resolves with what does not. */
export async function lastingTraces(find: () => readonly string[], seconds = 5): Promise<readonly string[]> {
  for (let attempt = 0; attempt < seconds * 50; attempt++) {
    if (find().length === 0) return [];
    await delay(20);
  }
  return find();
}

/** The bridge stays; so does what the namespace began with. */
function interfaces(pid: number): string[] {
  const listed = execFileSync('nsenter', [`--net=/proc/${pid}/ns/net`, '--', 'cat', '/proc/net/dev'], {
    encoding: 'utf8',
  });
  const names = [...listed.matchAll(/^\s*([^\s:]+):/gm)].map((match) => match[1]!);
  return names.filter((name) => name.startsWith('tsv')).map((name) => `interface ${name}`);
}

function entries(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory).map((name) => `${directory}/${name}`) : [];
}

function groups(directory: string): string[] {
  if (!existsSync(directory)) return [];
  const children = readdirSync(directory, { withFileTypes: true });
  return children.filter((entry) => entry.isDirectory()).map(({ name }) => `${directory}/${name}`);
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
