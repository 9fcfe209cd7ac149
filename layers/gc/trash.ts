import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate } from 'node:timers/promises';
import { SystemCallError } from '../linux/errno.ts';
import * as inode from '../linux/inode.ts';
import { randomBytes } from '../linux/random.ts';
import { bytePath } from '../snapshots/file-tree.ts';

/** Directories deeper than this are moved up first, so that no tree can use up the open files. */
const MAX_DEPTH = 128;

/** How long a command that ends may be held up by what others left. */
const CLOSING_BUDGET_MS = 5;
const SLICE_MS = 20;
/** So much, as what a container leaves, is deleted at once in any case: it takes less than a process for it. */
const FEW = 512;

/** Milliseconds on a clock that only goes forward; `performance` would load seven modules for it. */
const now = () => process.uptime() * 1000;

/**
 * Deletes everything in the trash, one entry a step, so that the caller can stop or take a breath at any point.
 * Walks by descriptor: names are bytes, trees may be deeper than any path, and no symlink is followed. What cannot
 * be deleted is passed over; what somebody else deletes at the same time does no harm.
 */
export function* removal(trash: string): Generator<undefined, void> {
  const bottom = inode.openAt(inode.AT_FDCWD, bytePath(trash), inode.O.DIRECTORY);
  const stack = [{ fd: bottom, name: '', entries: inode.readDirectory(bottom) }];
  try {
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const { fd } = top;
      const entry = top.entries.pop();
      if (entry === undefined) {
        stack.pop();
        inode.close(fd);
        const parent = stack.at(-1);
        if (parent !== undefined) passOver(() => inode.removeDirectoryAt(parent.fd, top!.name));
      } else if (!isDirectory(fd, entry)) {
        passOver(() => inode.unlinkAt(fd, entry.name));
      } else if (stack.length > MAX_DEPTH) {
        const name = `deep.${randomBytes(8).toString('hex')}`;
        passOver(() => {
          inode.renameAt(fd, entry.name, bottom, name);
          stack[0]!.entries.push({ name, type: 'directory' });
        });
      } else {
        passOver(() => {
          const child = openForRemoval(fd, entry.name);
          if (child >= 0) stack.push({ fd: child, name: entry.name, entries: inode.readDirectory(child) });
        });
      }
      yield;
    }
  } finally {
    for (const { fd } of stack) inode.close(fd);
  }
}

function isDirectory(directory: number, { name, type }: inode.DirectoryEntry): boolean {
  return (type ?? inode.statAt(directory, name)?.type) === 'directory';
}

/** -1 when it is gone. Somebody who is not root needs the owner's permission bits, which an image may have cleared. */
function openForRemoval(directory: number, name: string): number {
  if (process.geteuid?.() !== 0) passOver(() => inode.chmodAt(directory, name, 0o700));
  return inode.tryOpenAt(directory, name, inode.O.DIRECTORY);
}

function passOver(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (!(error instanceof SystemCallError)) throw error;
  }
}

/** Empties the trash, at the speed of synchronous calls but with regular breaths for the event loop. */
export async function emptyTrash(trash: string): Promise<void> {
  let slice = now();
  for (const _ of removal(trash)) {
    if (now() - slice < SLICE_MS) continue;
    await setImmediate();
    slice = now();
  }
}

/**
 * Empties the trash at the end of a command: a little of it at once, and what is left in a process of its own that
 * nobody waits for. Whatever that one cannot do either is left to the next command.
 */
export function startEmptyingTrash(trash: string): void {
  if (readdirSync(trash).length === 0) return;
  const end = now() + CLOSING_BUDGET_MS;
  let steps = 0;
  let isStopped = false;
  for (const _ of removal(trash)) {
    isStopped = ++steps > FEW && now() > end;
    if (isStopped) break;
  }
  if (!isStopped || !existsSync(RM)) return;
  const left = readdirSync(trash).slice(0, 256);
  const { spawn } = createRequire(import.meta.url)(
    'node:child_process',
  ) as typeof import('node:child_process');
  spawn(RM, ['-rf', '--', ...left], { cwd: trash, env: {}, stdio: 'ignore', detached: true })
    .on('error', () => {})
    .unref();
}

const RM = '/bin/rm';
