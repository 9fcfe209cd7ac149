import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** What a group has used; a value is undefined where its controller is not in use. Sizes in bytes. */
export interface CgroupStatistics {
  readonly memory?: {
    readonly usage: number;
    /** Of `usage`, file contents that could be dropped at once. */
    readonly inactiveFile: number;
    /** Infinity without one. */
    readonly limit: number;
  };
  /** Nanoseconds of processor time. */
  readonly cpuTime?: number;
  readonly pids?: { readonly current: number; readonly limit: number };
  readonly blockIO?: { readonly read: number; readonly written: number };
}

/** Limits from here on are the kernel's way to say "none" in version 1. */
const NO_LIMIT = 2 ** 62;

export function readStatistics(
  version: 1 | 2,
  directoryOf: (controller: string) => string | undefined,
): CgroupStatistics {
  const read = (controller: string, file: string): string | undefined => {
    const directory = directoryOf(controller);
    if (directory === undefined) return undefined;
    try {
      return readFileSync(join(directory, file), 'utf8').trim();
    } catch {
      return undefined;
    }
  };
  return version === 1 ? versionOne(read) : versionTwo(read);
}

type Read = (controller: string, file: string) => string | undefined;

function versionOne(read: Read): CgroupStatistics {
  const time = read('cpuacct', 'cpuacct.usage');
  const io = read('blkio', 'blkio.throttle.io_service_bytes');
  return {
    ...memory(
      read('memory', 'memory.usage_in_bytes'),
      read('memory', 'memory.limit_in_bytes'),
      word(read('memory', 'memory.stat'), 'total_inactive_file'),
    ),
    ...(time === undefined ? {} : { cpuTime: Number(time) }),
    ...pids(read),
    ...(io === undefined
      ? {}
      : { blockIO: { read: sum(io, / Read (\d+)/g), written: sum(io, / Write (\d+)/g) } }),
  };
}

function versionTwo(read: Read): CgroupStatistics {
  const cpu = read('cpu', 'cpu.stat');
  const io = read('io', 'io.stat');
  return {
    ...memory(
      read('memory', 'memory.current'),
      read('memory', 'memory.max'),
      word(read('memory', 'memory.stat'), 'inactive_file'),
    ),
    ...(cpu === undefined ? {} : { cpuTime: word(cpu, 'usage_usec') * 1000 }),
    ...pids(read),
    ...(io === undefined
      ? {}
      : { blockIO: { read: sum(io, /rbytes=(\d+)/g), written: sum(io, /wbytes=(\d+)/g) } }),
  };
}

function memory(
  usage: string | undefined,
  limit: string | undefined,
  inactiveFile: number,
): CgroupStatistics {
  if (usage === undefined) return {};
  return { memory: { usage: Number(usage), inactiveFile, limit: limitOf(limit) } };
}

function pids(read: Read): CgroupStatistics {
  const current = read('pids', 'pids.current');
  return current === undefined
    ? {}
    : { pids: { current: Number(current), limit: limitOf(read('pids', 'pids.max')) } };
}

function limitOf(text: string | undefined): number {
  const limit = text === undefined || text === 'max' ? Number.POSITIVE_INFINITY : Number(text);
  return limit >= NO_LIMIT ? Number.POSITIVE_INFINITY : limit;
}

/** The value of a `name value` line. */
function word(text: string | undefined, name: string): number {
  const line = text?.split('\n').find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}

const sum = (text: string, pattern: RegExp) =>
  [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);
