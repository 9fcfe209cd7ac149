import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { randomBytes } from '../../layers/index.ts';
import { libc } from '../linux/libc.ts';
import { type CgroupHost, cgroupHost } from './cgroup-host.ts';
import { noteGroup } from './cgroup-journal.ts';
import { type Setting, settingsV1, settingsV2 } from './cgroup-limits.ts';
import { killProcesses, killUntilEmpty, removeAll, removed } from './cgroup-removal.ts';
import { type CgroupStatistics, readStatistics } from './cgroup-statistics.ts';
import { guardDevices } from './device-guard.ts';
import { type CgroupWish, SandboxError } from './sandbox.ts';
import type { Linux, Resources } from './spec.ts';

/** A control group of one container: one directory, or with version 1 one in each hierarchy that is used. */
export interface Cgroup {
  /** Files that a process writes `0` to, to be in the group. */
  readonly joinFiles: readonly string[];
  /** It decides which devices can be opened. */
  readonly guardsDevices: boolean;
  /** How many of its processes the kernel has killed for want of memory. */
  oomKills(): number;
  statistics(): CgroupStatistics;
  freeze(frozen: boolean): void;
  /** SIGKILL to every process in it. */
  killAll(): void;
  /** Kills until none is left, also what is being forked meanwhile. */
  end(): Promise<void>;
  /** Once it is empty; idempotent. */
  remove(): Promise<void>;
}

/** Groups of ours are below this one unless told otherwise. */
const PARENT = 'tsbuild';

/** For statistics and freezing. */
const managing = {
  1: ['memory', 'cpu', 'cpuacct', 'cpuset', 'pids', 'blkio', 'freezer'],
  2: ['memory', 'cpu', 'pids', 'io'],
} as const;

/**
 * Undefined where the spec asks for nothing that needs a group, or one that is not `needed` cannot be made. Joining one
 * of version 1 costs some 0.1 ms for each hierarchy, through `tasks`; one of version 2 costs 12 ms, in which the kernel
 * waits for all processors. So where it would be `cheap` alone there is none of version 2.
 */
export function createCgroup(
  linux: Linux,
  host: CgroupHost = cgroupHost(),
  wish: CgroupWish = 'needed',
): Cgroup | undefined {
  if (wish === 'needed') return create(linux, host);
  if (wish === 'cheap' && host.version === 2 && settingsV2(linux.resources ?? {}).length === 0)
    return undefined;
  try {
    return create(linux, host);
  } catch (error) {
    if (error instanceof SandboxError && error.code !== 'BAD_SPEC') return undefined;
    throw error;
  }
}

function create(linux: Linux, host: CgroupHost): Cgroup | undefined {
  const { cgroupsPath, resources = {} } = linux;
  const settings = host.version === 1 ? settingsV1(withDevices(resources, host)) : settingsV2(resources);
  const rules = host.version === 2 && guards(resources) ? resources.devices! : [];
  if (settings.length === 0 && rules.length === 0 && cgroupsPath === undefined) return undefined;
  const name =
    cgroupsPath === undefined
      ? `${PARENT}/${process.pid}-${randomBytes(4).toString('hex')}`
      : groupName(cgroupsPath);
  const wanted = cgroupsPath === undefined ? [] : managing[host.version];
  return host.version === 1
    ? createV1(host, name, settings, wanted)
    : createV2(host.root, name, settings, wanted, rules);
}

/** The name below each hierarchy's root. Throws `BAD_SPEC` for one that would lead out of it, or has control characters. */
export function groupName(cgroupsPath: string): string {
  const name = cgroupsPath.replace(/^\/+/, '');
  if (name.split('/').includes('..') || /[\0-\x1f]/.test(name))
    throw new SandboxError('BAD_SPEC', name, `Cannot use control group ${JSON.stringify(name)}`);
  return name;
}

/** Without the devices controller the container's mounts do its work (`nodev`). A rule for all is no rule. */
function withDevices(resources: Resources, { roots }: CgroupHost & { version: 1 }): Resources {
  const { devices, ...others } = resources;
  return devices !== undefined && roots.has('devices') && guards(resources) ? { ...others, devices } : others;
}

const guards = ({ devices = [] }: Resources) => devices.some(({ allow }) => !allow);

function createV1(
  { roots }: CgroupHost & { version: 1 },
  name: string,
  settings: readonly Setting[],
  managed: readonly string[],
): Cgroup {
  const wanted = new Set([
    ...settings.map(({ controller }) => controller),
    ...managed.filter((each) => roots.has(each)),
  ]);
  const directories = new Map<string, string>();
  for (const controller of wanted) {
    const root = roots.get(controller);
    if (root === undefined) throw missing(controller);
    directories.set(controller, join(root, name));
  }
  const unique = [...new Set(directories.values())];
  const remove = makeGroups(unique, () => {
    if (directories.has('cpuset')) inheritCpuset(roots.get('cpuset')!, name);
    for (const { controller, file, value } of settings)
      write(join(directories.get(controller)!, file), value);
  });
  const killed = () => field(join(directories.get('memory') ?? '', 'memory.oom_control'), 'oom_kill');
  const freezer = directories.get('freezer');
  return {
    joinFiles: unique.map((directory) => join(directory, 'tasks')),
    guardsDevices: directories.has('devices'),
    oomKills: () => (directories.has('memory') ? killed() : 0),
    statistics: () => readStatistics(1, (controller) => directories.get(controller)),
    freeze: (frozen) => {
      if (freezer === undefined) throw missing('freezer');
      write(join(freezer, 'freezer.state'), frozen ? 'FROZEN' : 'THAWED');
    },
    killAll: () => killProcesses(unique[0] ?? ''),
    end: () => killUntilEmpty(unique[0] ?? ''),
    remove,
  };
}

function createV2(
  root: string,
  name: string,
  settings: readonly Setting[],
  managed: readonly string[],
  devices: NonNullable<Resources['devices']>,
): Cgroup {
  const available = new Set(readIfThere(join(root, 'cgroup.controllers')).trim().split(/\s+/));
  const needed = new Set(settings.map(({ controller }) => controller));
  for (const controller of needed) if (!available.has(controller)) throw missing(controller);
  const enabled = [...new Set([...needed, ...managed.filter((each) => available.has(each))])];
  const directory = join(root, name);
  const parents = name.split('/').slice(0, -1);
  const remove = makeGroups([directory], () => {
    for (let depth = 0; depth <= parents.length; depth++)
      enable(join(root, ...parents.slice(0, depth)), enabled);
    for (const { file, value } of settings) write(join(directory, file), value);
    if (devices.length > 0) guardDevices(directory, devices, libc());
  });
  return {
    joinFiles: [join(directory, 'cgroup.procs')],
    guardsDevices: devices.length > 0,
    oomKills: () => field(join(directory, 'memory.events'), 'oom_kill'),
    statistics: () => readStatistics(2, () => directory),
    freeze: (frozen) => write(join(directory, 'cgroup.freeze'), frozen ? '1' : '0'),
    killAll: () => write(join(directory, 'cgroup.kill'), '1'),
    end: () => killUntilEmpty(directory),
    remove,
  };
}

/** Makes the directories of one group and sets it up; answers what removes it. When that fails, nothing is left. */
function makeGroups(directories: readonly string[], setUp: () => void): () => Promise<void> {
  const noted = noteGroup(directories);
  try {
    for (const directory of directories) makeGroup(directory);
    setUp();
  } catch (error) {
    for (const directory of directories) removed(directory);
    noted.forget();
    throw error;
  }
  return async () => {
    if (await removeAll(directories)) noted.forget();
  };
}

function makeGroup(directory: string): void {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw new SandboxError(
      'SYSTEM',
      directory,
      `Cannot make control group "${directory}": ${reason(cause)}`,
      { cause },
    );
  }
}

/** A version 1 cpuset takes no process before it has processors and memory nodes; a new one has none. */
function inheritCpuset(root: string, name: string): void {
  const parts = name.split('/');
  for (let depth = 1; depth <= parts.length; depth++) {
    for (const file of ['cpuset.cpus', 'cpuset.mems']) {
      const own = join(root, ...parts.slice(0, depth), file);
      if (readFileSync(own, 'utf8').trim() !== '') continue;
      write(own, readFileSync(join(root, ...parts.slice(0, depth - 1), file), 'utf8').trim());
    }
  }
}

/** Controllers are switched on from above, for all groups of a directory. */
function enable(directory: string, controllers: readonly string[]): void {
  const file = join(directory, 'cgroup.subtree_control');
  const on = new Set(readIfThere(file).trim().split(/\s+/));
  const missingOnes = controllers.filter((controller) => !on.has(controller));
  if (missingOnes.length > 0) write(file, missingOnes.map((controller) => `+${controller}`).join(' '));
}

function write(file: string, value: string): void {
  try {
    writeFileSync(file, value);
  } catch (cause) {
    throw new SandboxError('SYSTEM', file, `Cannot write "${value}" to "${file}": ${reason(cause)}`, {
      cause,
    });
  }
}

function field(file: string, name: string): number {
  const line = readIfThere(file)
    .split('\n')
    .find((text) => text.startsWith(`${name} `));
  return Number(line?.split(' ')[1] ?? 0);
}

function readIfThere(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function missing(controller: string): SandboxError {
  return new SandboxError(
    'REFUSED',
    controller,
    `Cannot limit or watch by control group: this system has no "${controller}" controller here`,
  );
}

const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));
