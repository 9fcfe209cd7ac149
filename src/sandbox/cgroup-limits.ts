import { SandboxError } from './sandbox.ts';
import type { Resources } from './spec.ts';

/** A value to write into a file of a controller's directory, in this order. */
export interface Setting {
  readonly controller: string;
  readonly file: string;
  readonly value: string;
}

/** config-linux.md, "Control groups", for version 1. */
export function settingsV1({ memory, cpu, pids, blockIO, devices }: Resources): Setting[] {
  const set = settings();
  set.add('memory', 'memory.limit_in_bytes', memory?.limit);
  // Not below the limit at any moment: a new group has none, so the limit comes first.
  set.add('memory', 'memory.memsw.limit_in_bytes', memory?.swap);
  set.add('memory', 'memory.soft_limit_in_bytes', memory?.reservation);
  set.add('memory', 'memory.swappiness', memory?.swappiness);
  set.add('memory', 'memory.oom_control', memory?.disableOOMKiller === true ? 1 : undefined);
  set.add('cpu', 'cpu.shares', nonZero(cpu?.shares));
  set.add('cpu', 'cpu.cfs_period_us', nonZero(cpu?.period));
  set.add('cpu', 'cpu.cfs_quota_us', nonZero(cpu?.quota));
  set.add('cpuset', 'cpuset.cpus', cpu?.cpus === '' ? undefined : cpu?.cpus);
  set.add('cpuset', 'cpuset.mems', cpu?.mems === '' ? undefined : cpu?.mems);
  set.add('pids', 'pids.max', pidsLimit(pids?.limit));
  set.add('blkio', 'blkio.weight', nonZero(blockIO?.weight));
  for (const { major, minor, weight } of blockIO?.weightDevice ?? [])
    set.add('blkio', 'blkio.weight_device', `${major}:${minor} ${weight}`);
  for (const { field, v1 } of throttles)
    for (const { major, minor, rate } of blockIO?.[field] ?? [])
      set.add('blkio', `blkio.throttle.${v1}_device`, `${major}:${minor} ${rate}`);
  for (const { allow, type = 'a', major, minor, access = 'rwm' } of devices ?? [])
    set.add(
      'devices',
      allow ? 'devices.allow' : 'devices.deny',
      type === 'a' ? 'a' : `${type} ${major ?? '*'}:${minor ?? '*'} ${access}`,
    );
  return set.list;
}

/** The same for version 2. */
export function settingsV2({ memory, cpu, pids, blockIO }: Resources): Setting[] {
  const set = settings();
  set.add('memory', 'memory.max', memory?.limit);
  set.add('memory', 'memory.swap.max', swapAlone(memory));
  set.add('memory', 'memory.low', memory?.reservation);
  const shares = nonZero(cpu?.shares);
  set.add('cpu', 'cpu.weight', shares === undefined ? undefined : weightOfShares(shares));
  const quota = nonZero(cpu?.quota);
  if (quota !== undefined || nonZero(cpu?.period) !== undefined)
    set.add(
      'cpu',
      'cpu.max',
      `${quota === undefined || quota < 0 ? 'max' : quota} ${nonZero(cpu?.period) ?? 100_000}`,
    );
  set.add('cpuset', 'cpuset.cpus', cpu?.cpus === '' ? undefined : cpu?.cpus);
  set.add('cpuset', 'cpuset.mems', cpu?.mems === '' ? undefined : cpu?.mems);
  set.add('pids', 'pids.max', pidsLimit(pids?.limit));
  set.add('io', 'io.weight', ioWeight(blockIO?.weight));
  for (const { major, minor, weight } of blockIO?.weightDevice ?? [])
    set.add('io', 'io.weight', `${major}:${minor} ${ioWeight(weight)}`);
  for (const { field, v2 } of throttles)
    for (const { major, minor, rate } of blockIO?.[field] ?? [])
      set.add('io', 'io.max', `${major}:${minor} ${v2}=${rate}`);
  return set.list;
}

/** config-linux.md, "Block IO", and the files of each version. */
const throttles = [
  { field: 'throttleReadBpsDevice', v1: 'read_bps', v2: 'rbps' },
  { field: 'throttleWriteBpsDevice', v1: 'write_bps', v2: 'wbps' },
  { field: 'throttleReadIOPSDevice', v1: 'read_iops', v2: 'riops' },
  { field: 'throttleWriteIOPSDevice', v1: 'write_iops', v2: 'wiops' },
] as const;

/** 10 to 1000 for version 1, 1 to 10000 for version 2 (runc converts alike). */
const ioWeight = (weight: number | undefined) =>
  weight === undefined || weight === 0 ? undefined : 1 + Math.floor(((weight - 10) * 9999) / 990);

function settings() {
  const list: Setting[] = [];
  const add = (controller: string, file: string, value: string | number | undefined) => {
    if (value !== undefined) list.push({ controller, file, value: String(value) });
  };
  return { list, add };
}

/** Zero says "not given", as in Docker's API. */
const nonZero = (value: number | undefined) => (value === 0 ? undefined : value);

const pidsLimit = (limit: number | undefined) =>
  limit === undefined || limit === 0 ? undefined : limit < 0 ? 'max' : limit;

/** Version 1 and the spec count memory and swap together, version 2 swap alone. */
function swapAlone(memory: Resources['memory']): string | number | undefined {
  if (memory?.swap === undefined || memory.swap === 0) return undefined;
  if (memory.swap < 0) return 'max';
  if (memory.limit === undefined || memory.swap < memory.limit)
    throw new SandboxError(
      'BAD_SPEC',
      'memory.swap',
      'Cannot limit swap: memory and swap together must not be less than memory',
    );
  return memory.swap - memory.limit;
}

/** Shares go from 2 to 262144, weights from 1 to 10000 (config-linux.md has runc's conversion). */
const weightOfShares = (shares: number) =>
  Math.floor(1 + ((Math.min(Math.max(shares, 2), 262_144) - 2) * 9999) / 262_142);
