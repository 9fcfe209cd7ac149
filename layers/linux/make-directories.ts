import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a directory and the parents that are missing. Node's own recursive mkdir never returns below a directory in
 * which nothing can be made and which says ENOENT about it, as /proc does.
 */
export function makeDirectories(path: string, mode = 0o777): void {
  try {
    mkdirSync(path, { mode });
    return;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && isDirectory(path)) return;
    if (code !== 'ENOENT' || isDirectory(dirname(path))) throw error;
  }
  makeDirectories(dirname(path), mode);
  makeDirectories(path, mode);
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
