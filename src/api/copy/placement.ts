import { posix } from 'node:path';
import { ApiError } from '../errors.ts';

/** What is to be copied: as it was named, and what was found there. */
export interface CopySource {
  readonly path: string;
  readonly isDirectory: boolean;
}

/** Where it is to go: as it was named, symlinks at its end followed, and what was found there. */
export interface CopyDestination {
  readonly path: string;
  readonly found: 'directory' | 'other' | 'nothing';
}

export interface Placement {
  /** It has to exist. */
  readonly directory: string;
  /** What the source is called in it; `.` when a directory's content goes straight into it. */
  readonly name: string;
}

/** Whether a path says by its end that it means a directory, and what is in it: `/.`, or a slash. */
export function assertsDirectory(path: string): boolean {
  return path.endsWith('/') || endsWithDot(path);
}

const endsWithDot = (path: string) => path === '.' || path.endsWith('/.');

/** The directory and the name in it that a path says. The name is `.` for `dir/.` and for the root. */
export function splitEntry(path: string): { readonly directory: string; readonly name: string } {
  const clean = posix.normalize(path).replace(/(.)\/+$/, '$1');
  if (clean === '/' || endsWithDot(path)) return { directory: clean, name: '.' };
  return { directory: posix.dirname(clean), name: posix.basename(clean) };
}

/**
 * Where `cp` puts a source, by the rules of `docker cp`: into a directory that is there, under its own name; else
 * under the name that the destination says. A directory whose path ends in `/.` is its content.
 */
export function placementOf(source: CopySource, destination: CopyDestination): Placement {
  if (destination.found === 'directory')
    return { directory: destination.path, name: splitEntry(source.path).name };
  if (destination.found === 'other' && source.isDirectory)
    throw new ApiError('BAD_REQUEST', destination.path, 'cannot copy directory');
  if (destination.found === 'nothing' && !source.isDirectory && assertsDirectory(destination.path))
    throw new ApiError('BAD_REQUEST', destination.path, 'no such directory');
  const clean = posix.normalize(destination.path).replace(/(.)\/+$/, '$1');
  return { directory: posix.dirname(clean), name: posix.basename(clean) };
}
