import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CgroupHost, cgroupHost } from './cgroup-host.ts';

/** What the control groups of this system can limit, and in what bounds. */
export interface LimitSupport {
  /** Weights of block devices, in general and for one device: with version 1 only some schedulers have them. */
  readonly ioWeight: boolean;
  readonly ioWeightDevice: boolean;
  /** Processors and memory nodes there are, as cpuset(7) lists them; undefined where nothing says so. */
  readonly cpus: string | undefined;
  readonly mems: string | undefined;
}

export function limitSupport(host: CgroupHost = cgroupHost()): LimitSupport {
  if (host.version === 2) {
    const io = host.controllers.includes('io');
    return {
      ioWeight: io,
      ioWeightDevice: io,
      cpus: tryRead(join(host.root, 'cpuset.cpus.effective')),
      mems: tryRead(join(host.root, 'cpuset.mems.effective')),
    };
  }
  const blkio = host.roots.get('blkio');
  const cpuset = host.roots.get('cpuset');
  const has = (file: string) => blkio !== undefined && existsSync(join(blkio, file));
  return {
    ioWeight: has('blkio.weight'),
    ioWeightDevice: has('blkio.weight_device'),
    cpus: cpuset && tryRead(join(cpuset, 'cpuset.cpus')),
    mems: cpuset && tryRead(join(cpuset, 'cpuset.mems')),
  };
}

/** The numbers that a list such as `0-2,5` names; undefined when it is none. */
export function parseSet(list: string): ReadonlySet<number> | undefined {
  const numbers = new Set<number>();
  for (const part of list.split(',')) {
    const [, first, last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim()) ?? [];
    if (first === undefined || Number(last) < Number(first)) return undefined;
    for (let number = Number(first); number <= Number(last); number++) numbers.add(number);
  }
  return numbers;
}

function tryRead(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}
