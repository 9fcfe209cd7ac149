import { randomBytes } from 'node:crypto';
import { lstatSync, renameSync, rmSync } from 'node:fs';

/** Has a file written beside its place and renamed to it, so that nobody sees half of it. Pipes and devices are written to as they are. */
export async function writeWhole(path: string, write: (path: string) => Promise<void>): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile()) return write(path);
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`;
  try {
    await write(temporary);
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}
