import { existsSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CgroupHost, cgroupHost } from './cgroup-host.ts';
import { abandonedGroups, type JournalEntry, noteGroup } from './cgroup-journal.ts';

/** In groups below it too, which a container may have made. */
export function killProcesses(directory: string): void {
  thaw(directory);
  for (const line of processesOf(directory).split('\n')) {
    // Processes of another pid namespace show as 0, which to kill(2) means something else.
    if (!/^[1-9]\d*$/.test(line)) continue;
    try {
      process.kill(Number(line), 'SIGKILL');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  for (const group of groupsBelow(directory)) killProcesses(group);
}

/** A process that is frozen in a group of version 1 does not die. */
function thaw(directory: string): void {
  const state = join(directory, 'freezer.state');
  if (!existsSync(state)) return;
  try {
    writeFileSync(state, 'THAWED');
  } catch {
    // It is gone, or a group above it is frozen.
  }
}

export async function killUntilEmpty(directory: string): Promise<void> {
  for (let attempts = 0; isPopulated(directory) && attempts < 200; attempts++) {
    killProcesses(directory);
    await delay(5);
  }
}

function isPopulated(directory: string): boolean {
  return processesOf(directory) !== '' || groupsBelow(directory).some(isPopulated);
}

/** A group is busy for a moment after its last process has ended. Answers whether all are gone. */
export async function removeAll(directories: readonly string[]): Promise<boolean> {
  let all = true;
  for (const directory of directories) {
    let gone = removed(directory);
    for (let attempts = 0; !gone && attempts < 100; attempts++) {
      await delay(5);
      gone = removed(directory);
    }
    all &&= gone;
  }
  return all;
}

/** With those below it. */
export function removed(directory: string): boolean {
  if (removedAlone(directory)) return true;
  const below = groupsBelow(directory);
  return below.length > 0 && below.map(removed).every(Boolean) && removedAlone(directory);
}

function removedAlone(directory: string): boolean {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'EBUSY';
  }
}

function groupsBelow(directory: string): string[] {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => join(directory, name));
  } catch {
    return [];
  }
}

/** How long in all what is killed here may take to be gone, and how often that is looked at, in milliseconds. */
const PATIENCE = 50;
const INTERVAL = 5;

/**
 * Kills and removes what processes that have ended left behind. A killed process is in its group until the kernel has
 * taken it down; a group that is busy for so long that this would be noticed is left to the next call. Costs one readdir
 * when there is nothing to do.
 */
export function reclaimCgroups(journal?: string): void {
  let busy = abandonedGroups(journal);
  for (let waited = 0; busy.length > 0; waited += INTERVAL) {
    busy = busy.filter((group) => !reclaimed(group));
    if (busy.length === 0 || waited >= PATIENCE) break;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, INTERVAL);
  }
  for (const group of busy) group.keep();
}

function reclaimed({ directories, forget }: JournalEntry): boolean {
  for (const directory of directories) killProcesses(directory);
  const gone = directories.map(removed).every(Boolean);
  if (gone) forget();
  return gone;
}

/**
 * To be called before another runtime makes the group of that name: should we be killed, and the runtime with us, it is
 * reclaimed like one of our own. Answers what is to be done once the runtime has ended, which need not have removed it.
 */
export function expectGroup(name: string, host: CgroupHost = cgroupHost()): () => Promise<void> {
  const roots = host.version === 1 ? new Set(host.roots.values()) : [host.root];
  const directories = [...roots].map((root) => join(root, name));
  const noted = noteGroup(directories);
  return async () => {
    for (const directory of directories) await killUntilEmpty(directory);
    if (await removeAll(directories)) noted.forget();
  };
}

function processesOf(directory: string): string {
  try {
    return readFileSync(join(directory, 'cgroup.procs'), 'utf8').trim();
  } catch {
    return '';
  }
}
