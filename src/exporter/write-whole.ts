import { closeSync, constants, lstatSync, openSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { bytePath, WholeFile } from '../../layers/index.ts';

/**
 * Has a file written that appears under its name when it is whole, so that nobody sees half of it: `write` gets a path
 * to write to. Pipes and devices are written to as they are.
 */
export async function writeWhole(path: string, write: (path: string) => Promise<void>): Promise<void> {
  const there = lstatSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isFile()) return write(path);
  const directory = openSync(dirname(resolve(path)), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const file = new WholeFile(directory, 0o666);
    try {
      await write(`/proc/self/fd/${file.fd}`);
      file.appearAs(bytePath(basename(path)));
    } catch (error) {
      // A full disk is told without a name.
      const { errno, path: named } = error as NodeJS.ErrnoException;
      throw errno !== undefined && named === undefined ? Object.assign(error as Error, { path }) : error;
    } finally {
      file.close();
    }
  } finally {
    closeSync(directory);
  }
}
