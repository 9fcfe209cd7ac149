import { execFileSync } from 'node:child_process';
import { appendFileSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { TEST_DISK } from './host-mounts.ts';
import { tempFolder } from './temp-folder.ts';

/** A disk of its own for the running test, of some MiB of memory; undefined, and said so, where none can be mounted. */
export function smallDisk(mebibytes: number): string | undefined {
  if (process.getuid?.() !== 0) {
    console.log('skipped: a full disk: this is not root');
    return undefined;
  }
  const folder = tempFolder();
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${mebibytes}m`, TEST_DISK, folder]);
  onTestFinished(() => void execFileSync('umount', ['-l', folder]));
  return folder;
}

/** Leaves no room at all on the disk. */
export function fillUp(disk: string): void {
  const { bfree, bsize } = statfsSync(disk);
  try {
    appendFileSync(join(disk, 'fill'), Buffer.alloc(bfree * bsize));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}
