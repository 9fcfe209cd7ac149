import { closeSync, constants, openSync, readdirSync, unlinkSync } from 'node:fs';
import type { Layout } from '../layout.ts';
import { isStillAt, tryLockFile, waitForLock } from '../linux/flock.ts';
import { ifPresent } from '../linux/if-present.ts';

const FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * Runs `body` while no other process, and no other caller in this one, holds the lock file. The file is removed
 * while it is still locked, so that none are left behind; who waited for it then finds a new one at its path.
 */
export async function withLockFile<T>(
  path: string,
  body: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const fd = await acquire(path, signal);
  try {
    return await body();
  } finally {
    ifPresent(() => unlinkSync(path));
    closeSync(fd);
  }
}

/** What gives the lock file back, which is removed then as in {@link withLockFile}; undefined when another holds it. */
export function tryHoldLockFile(path: string): (() => void) | undefined {
  for (;;) {
    const fd = openSync(path, FLAGS, 0o600);
    const isHeld = tryLockFile(fd, 'exclusive');
    if (isHeld && isStillAt(fd, path)) {
      return () => {
        ifPresent(() => unlinkSync(path));
        closeSync(fd);
      };
    }
    closeSync(fd);
    if (!isHeld) return undefined;
  }
}

async function acquire(path: string, signal: AbortSignal | undefined): Promise<number> {
  for (;;) {
    signal?.throwIfAborted();
    const fd = openSync(path, FLAGS, 0o600);
    try {
      await waitForLock(fd, 'exclusive', signal);
      if (isStillAt(fd, path)) return fd;
    } catch (error) {
      // Made by this very call, perhaps, and then nobody else would remove it.
      if (tryLockFile(fd, 'exclusive') && isStillAt(fd, path)) ifPresent(() => unlinkSync(path));
      closeSync(fd);
      throw error;
    }
    closeSync(fd);
  }
}

/** Removes the lock files of owners that were killed. */
export function removeAbandonedLocks(layout: Layout): void {
  for (const name of readdirSync(layout.locks)) {
    const path = `${layout.locks}/${name}`;
    const fd = ifPresent(() => openSync(path, 'r'));
    if (fd === undefined) continue;
    if (tryLockFile(fd, 'exclusive') && isStillAt(fd, path)) ifPresent(() => unlinkSync(path));
    closeSync(fd);
  }
}
