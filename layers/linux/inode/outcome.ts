import { constants } from 'node:os';
import type { BytePath } from '../../snapshots/file-tree.ts';
import { SystemCallError } from '../errno.ts';
import { calls } from './calls.ts';

const { ENOENT, ENOTDIR } = constants.errno;

/** What a call gave; throws {@link SystemCallError} where that says it failed. */
export function check(result: number, syscall: string, path?: BytePath): number {
  if (result < 0) throw new SystemCallError(syscall, calls().errno(), path);
  return result;
}

/** Whether the last failed call said "not there". */
export function isAbsent(): boolean {
  const errno = calls().errno();
  return errno === ENOENT || errno === ENOTDIR;
}
