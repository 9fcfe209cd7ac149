import { lstatSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { ApiError } from '../errors.ts';
import { assertsDirectory, type CopyDestination, type CopySource, splitEntry } from './placement.ts';

/** A path of the host that was named as a source: what is copied, and which entry of which directory that is. */
export interface HostSource extends CopySource {
  /** No symlink in it. */
  readonly directory: string;
  /** Empty: the directory itself. */
  readonly entry: string;
}

/** Finds a source of the host. A symlink is copied as such, unless it is to be followed or its path ends in a slash. */
export function hostSource(path: string, followLink: boolean): HostSource {
  const absolute = keepEnd(resolve(path), path);
  const stat = lstat(absolute);
  const followed = followLink || assertsDirectory(path);
  if (stat.isSymbolicLink() && !followed)
    return { path: absolute, isDirectory: false, ...parentOf(absolute) };
  const real = realpathSync(absolute);
  const isDirectory = statSync(real).isDirectory();
  if (isDirectory) return { path: absolute, isDirectory, directory: real, entry: '' };
  return { path: absolute, isDirectory, ...parentOf(real) };
}

function parentOf(path: string): { readonly directory: string; readonly entry: string } {
  const { directory, name } = splitEntry(path);
  return { directory: realpathSync(directory), entry: name };
}

function lstat(path: string): Stats {
  try {
    return lstatSync(path);
  } catch (cause) {
    throw new ApiError('BAD_REQUEST', path, `lstat ${path}: ${meaning(cause)}`, { cause });
  }
}

const MOST_LINKS = 40;

/** What is at a destination on the host, symlinks followed as far as they lead. */
export function hostDestination(path: string): CopyDestination {
  const asked = keepEnd(resolve(path), path);
  requireParent(asked);
  let at = asked;
  for (let links = 0; links <= MOST_LINKS; links++) {
    const stat = lstatSync(at, { throwIfNoEntry: false });
    if (stat === undefined) return { path: keepEnd(at, path), found: 'nothing' };
    if (stat.isDirectory()) return { path: at, found: 'directory' };
    if (!stat.isSymbolicLink()) {
      if (stat.isFile()) return { path: at, found: 'other' };
      throw new ApiError(
        'BAD_REQUEST',
        path,
        `invalid output path: "${asked}" must be a directory or a regular file`,
      );
    }
    const target = readlinkSync(at.replace(/\/+$/, ''));
    at = isAbsolute(target) ? target : join(dirname(at.replace(/\/+$/, '')), target);
  }
  throw new ApiError('BAD_REQUEST', path, `too many symlinks in ${path}`);
}

function requireParent(path: string): void {
  const parent = dirname(path);
  if (statSync(parent, { throwIfNoEntry: false })?.isDirectory()) return;
  throw new ApiError('BAD_REQUEST', path, `invalid output path: directory "${parent}" does not exist`);
}

/** resolve() takes away what says that a directory is meant. */
function keepEnd(clean: string, asked: string): string {
  if (clean === '/' || !assertsDirectory(asked)) return clean;
  return asked.endsWith('/') ? `${clean}/` : `${clean}/.`;
}

function meaning(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'no such file or directory';
  if (code === 'ENOTDIR') return 'not a directory';
  return message;
}
