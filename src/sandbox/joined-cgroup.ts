import { readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupHost, cgroupHost } from './cgroup-host.ts';
import { type Setting, settingsV1, settingsV2 } from './cgroup-limits.ts';
import { type CgroupStatistics, readStatistics } from './cgroup-statistics.ts';
import { SandboxError } from './sandbox.ts';
import type { Resources } from './spec.ts';

/** The control group that somebody has made for a container, as others find it. */
export interface JoinedCgroup {
  statistics(): CgroupStatistics;
  freeze(frozen: boolean): void;
  /** Sets what is given, and leaves the rest. */
  limit(resources: Resources): void;
}

/**
 * Of the process `pid`, where it differs from that of `owner`, which has made it; undefined where they are in the same
 * one. With version 1 only controllers in which they differ are the container's.
 */
export function joinedCgroup(
  pid: number,
  owner: number,
  host: CgroupHost = cgroupHost(),
): JoinedCgroup | undefined {
  const own = groupsOf(owner);
  const theirs = [...groupsOf(pid)].filter(([controller, path]) => own.get(controller) !== path);
  if (theirs.length === 0) return undefined;
  const paths = new Map(theirs);
  const directoryOf = (controller: string): string | undefined => {
    const path = paths.get(host.version === 1 ? controller : '');
    const root = host.version === 1 ? host.roots.get(controller) : host.root;
    return path === undefined || root === undefined ? undefined : join(root, path);
  };
  return {
    statistics: () => readStatistics(host.version, directoryOf),
    freeze: (frozen) => freeze(directoryOf('freezer'), host.version, frozen),
    limit: (resources) => {
      const settings = host.version === 1 ? settingsV1(resources) : settingsV2(resources);
      apply(settings, directoryOf);
    },
  };
}

/** Path by controller, `''` for version 2: cgroups(7), "/proc/pid/cgroup files". */
function groupsOf(pid: number): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (const line of readFileSync(`/proc/${pid}/cgroup`, 'utf8').split('\n')) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (path === undefined) continue;
    for (const name of controllers!.split(',')) groups.set(name, path);
  }
  return groups;
}

function freeze(directory: string | undefined, version: 1 | 2, frozen: boolean): void {
  if (directory === undefined)
    throw new SandboxError(
      'REFUSED',
      'freezer',
      'Cannot freeze the container: it has no group of the freezer',
    );
  const [file, value] =
    version === 1 ? ['freezer.state', frozen ? 'FROZEN' : 'THAWED'] : ['cgroup.freeze', frozen ? '1' : '0'];
  writeFileSync(join(directory, file), value);
}

/**
 * Each setting is tried until none gets further: whether memory, or memory and swap together, has to come first
 * depends on what they were.
 */
function apply(settings: readonly Setting[], directoryOf: (controller: string) => string | undefined): void {
  let left = settings.map((setting) => ({ ...setting, directory: directoryIn(setting, directoryOf) }));
  for (;;) {
    const failed = left.filter(({ directory, file, value }) => !isWritten(join(directory, file), value));
    if (failed.length === 0) return;
    if (failed.length === left.length) {
      const { file, value, controller } = failed[0]!;
      throw new SandboxError('REFUSED', controller, `Cannot set ${file} to ${value}: the system refuses it`);
    }
    left = failed;
  }
}

function directoryIn(
  { controller }: Setting,
  directoryOf: (controller: string) => string | undefined,
): string {
  const directory = directoryOf(controller);
  if (directory !== undefined) return directory;
  throw new SandboxError(
    'REFUSED',
    controller,
    `Cannot limit a running container by "${controller}": it has no group of that controller; start it with the limit`,
  );
}

function isWritten(file: string, value: string): boolean {
  try {
    writeFileSync(file, value);
    return true;
  } catch {
    return false;
  }
}

/** Ids of the processes, as this system sees them, that are in the pid namespace of `pid`. */
export function processesOf(pid: number): readonly number[] {
  const own = namespaceOf(pid);
  if (own === undefined) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && namespaceOf(Number(name)) === own)
    .map(Number)
    .sort((a, b) => a - b);
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
