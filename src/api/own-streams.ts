import { fstatSync, readlinkSync } from 'node:fs';
import type { Stdio, TakeOutput } from '../sandbox/sandbox.ts';

/**
 * How this process' own streams become a container's: as they are, where that gives the container nothing that it could
 * not have through a pipe, else through pipes that the caller pumps. A container that held a terminal could read the
 * user's keys from it, and a file, opened again through /proc, could be written though it was meant to be read.
 */
export function ownStreams(wanted: {
  readonly stdin: boolean;
  readonly stdout?: boolean;
  readonly stderr?: boolean;
  readonly take?: TakeOutput;
}): Stdio {
  return {
    kind: 'fds',
    stdin: wanted.stdin ? asItIsOrPipe(0) : 'null',
    stdout: wanted.stdout === false ? 'null' : asItIsOrPipe(1),
    stderr: wanted.stderr === false ? 'null' : asItIsOrPipe(2),
    ...(wanted.take && { take: wanted.take }),
  };
}

function asItIsOrPipe<T extends 0 | 1 | 2>(fd: T): T | 'pipe' {
  return isPipe(fd) || isNullDevice(fd) ? fd : 'pipe';
}

/** One without a name: what that leads to are the two ends of the pipe. */
function isPipe(fd: number): boolean {
  try {
    return /^pipe:\[\d+\]$/.test(readlinkSync(`/proc/self/fd/${fd}`));
  } catch {
    return false;
  }
}

function isNullDevice(fd: number): boolean {
  const stat = fstatSync(fd);
  return stat.isCharacterDevice() && stat.rdev === NULL_DEVICE;
}

/** Major 1, minor 3. */
const NULL_DEVICE = 0x103;
