import { readFileSync } from 'node:fs';
import type { CgroupHierarchy } from './plan.ts';

/** How this system has its control groups mounted. */
export type CgroupHost =
  | { readonly version: 2; readonly root: string; readonly controllers: readonly string[] }
  | {
      readonly version: 1;
      /** Mount points by controller; `name=systemd` for a named one. */
      readonly roots: ReadonlyMap<string, string>;
      readonly hierarchies: readonly CgroupHierarchy[];
      /** Where version 2 is mounted beside: a hybrid system. */
      readonly unified?: string;
    };

let known: CgroupHost | undefined;

/** Read once: mounts of control groups do not change while a system runs. */
export function cgroupHost(): CgroupHost {
  known ??= parseCgroupMounts(readFileSync('/proc/self/mountinfo', 'utf8'), (path) =>
    readFileSync(path, 'utf8'),
  );
  return known;
}

/** `mountinfo` is proc_pid_mountinfo(5). A system with any version 1 controller counts as version 1. */
export function parseCgroupMounts(mountinfo: string, read: (path: string) => string): CgroupHost {
  const mounts = mountinfo.split('\n').flatMap(parseMount);
  const legacy = mounts.filter(({ type }) => type === 'cgroup');
  const unified = mounts.find(({ type }) => type === 'cgroup2')?.path;
  if (legacy.length === 0) {
    const root = unified ?? '/sys/fs/cgroup';
    return { version: 2, root, controllers: words(tryRead(`${root}/cgroup.controllers`, read)) };
  }
  const roots = new Map<string, string>();
  const hierarchies: CgroupHierarchy[] = [];
  for (const { path, options } of legacy) {
    const names = options.filter((option) => !notControllers.has(option));
    for (const name of names) if (!roots.has(name)) roots.set(name, path);
    const directory = path.slice(path.lastIndexOf('/') + 1);
    if (!hierarchies.some((hierarchy) => hierarchy.directory === directory))
      hierarchies.push({
        path,
        directory,
        parameters: names.flatMap(parameters),
        links: names.filter((name) => name !== directory && !name.startsWith('name=')),
      });
  }
  return { version: 1, roots, hierarchies, ...(unified !== undefined && { unified }) };
}

const notControllers = new Set([
  'rw',
  'ro',
  'noprefix',
  'xattr',
  'clone_children',
  'release_agent',
  'favordynmods',
]);

/** A hierarchy without controllers has a name instead. */
function parameters(name: string): CgroupHierarchy['parameters'] {
  return name.startsWith('name=') ? [['none'], ['name', name.slice('name='.length)]] : [[name]];
}

function parseMount(line: string): { type: string; path: string; options: string[] }[] {
  const [front, back] = line.split(' - ');
  const path = front?.split(' ')[4];
  const [type, , options] = back?.split(' ') ?? [];
  if (path === undefined || type === undefined || options === undefined) return [];
  return [{ type, path: withoutEscapes(path), options: options.split(',') }];
}

const withoutEscapes = (path: string) =>
  path.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));

const words = (text: string) => text.split(/\s+/).filter((word) => word !== '');

function tryRead(path: string, read: (path: string) => string): string {
  try {
    return read(path);
  } catch {
    return '';
  }
}
