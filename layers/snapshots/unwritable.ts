import { StoreError } from '../errors.ts';
import { SystemCallError } from '../linux/errno.ts';
import { type BytePath, displayPath } from './file-tree.ts';

/** A system call that failed while a path was written, worded for whoever asked for that; other errors are as they are. */
export function unwritable(path: BytePath, cause: unknown): unknown {
  if (!(cause instanceof SystemCallError)) return cause;
  const shown = displayPath(path);
  return new StoreError('SYSTEM', shown, `Cannot write "${shown}": ${cause.message}`, { cause });
}
