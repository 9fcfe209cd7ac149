import { fstatSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { SystemCallError } from './errno.ts';
import { koffi } from './koffi.ts';

/**
 * flock(2): a lock belongs to the open file, so two descriptors from two open calls exclude each other also inside
 * one process, and the kernel drops it when the last descriptor is closed, however the process ends.
 */
export type LockMode = 'shared' | 'exclusive';

const OPERATION = { shared: 1, exclusive: 2 } as const;
const LOCK_NB = 4;
const LOCK_UN = 8;
const { EINTR, EWOULDBLOCK } = constants.errno;

let call: ((fd: number, operation: number) => number) | undefined;

/** 0 or the errno. */
function flock(fd: number, operation: number): number {
  call ??= koffi().load(null).func('flock', 'int', ['int', 'int']);
  for (;;) {
    if (call(fd, operation) === 0) return 0;
    const errno = koffi().errno();
    if (errno !== EINTR) return errno;
  }
}

/** Waits for the lock and stops the event loop meanwhile: only for locks that are held for moments. */
export function lockFile(fd: number, mode: LockMode): void {
  const errno = flock(fd, OPERATION[mode]);
  if (errno !== 0) throw new SystemCallError('flock', errno);
}

/** Takes the lock if that needs no waiting. */
export function tryLockFile(fd: number, mode: LockMode): boolean {
  const errno = flock(fd, OPERATION[mode] | LOCK_NB);
  if (errno !== 0 && errno !== EWOULDBLOCK) throw new SystemCallError('flock', errno);
  return errno === 0;
}

export function unlockFile(fd: number): void {
  flock(fd, LOCK_UN);
}

/**
 * Waits for the lock while the event loop goes on. Asks again and again, at intervals that grow with the time waited,
 * since a blocking call would hold one of the few threads that the owner of the lock may need to finish.
 */
export async function waitForLock(fd: number, mode: LockMode, signal?: AbortSignal): Promise<void> {
  let waited = 0;
  while (!tryLockFile(fd, mode)) {
    const interval = Math.min(50, 1 + waited / 10);
    await sleep(interval, undefined, signal ? { signal } : {});
    waited += interval;
  }
}

/** Whether the path still names the open file: a lock on a file that was removed meanwhile excludes nobody. */
export function isStillAt(fd: number, path: string): boolean {
  const there = statSync(path, { bigint: true, throwIfNoEntry: false });
  if (there === undefined) return false;
  const open = fstatSync(fd, { bigint: true });
  return there.ino === open.ino && there.dev === open.dev;
}
