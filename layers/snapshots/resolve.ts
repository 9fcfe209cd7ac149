import { constants } from 'node:os';
import { StoreError } from '../errors.ts';
import { SystemCallError } from '../linux/errno.ts';
import { type BytePath, displayPath, type FileType } from './file-tree.ts';
import { components, join, parentOf } from './path.ts';

/** As Linux has it: path_resolution(7), MAXSYMLINKS. */
const MAX_SYMLINKS = 40;

/** The single steps that resolving a path takes. `directory` is always resolved itself: no symlink in it. */
export interface Steps {
  typeOf(directory: BytePath, name: BytePath): FileType | undefined;
  linkTarget(directory: BytePath, name: BytePath): BytePath;
}

export interface ResolveOptions {
  /** Follow a symlink in the last component too. */
  readonly follow: boolean;
  /** What is not there, or lies below something that is no directory, stays in the path as it is. */
  readonly keepMissing: boolean;
}

/**
 * Resolves symlinks as chroot(2) would: absolute targets and `..` stay in the tree. Names are only ever handed to the
 * steps one at a time, so nothing here depends on what the host has at that path. Undefined when a parent is missing
 * or no directory. Throws `SYSTEM` (ELOOP) past 40 symlinks.
 */
export function resolvePath(path: BytePath, steps: Steps, options: ResolveOptions): BytePath | undefined {
  let resolved: BytePath = '/';
  let followed = 0;
  const pending = components(path).reverse();
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (name === '..') {
      resolved = parentOf(resolved);
      continue;
    }
    const type = steps.typeOf(resolved, name);
    if (type === 'symlink' && (options.follow || pending.length > 0)) {
      if (++followed > MAX_SYMLINKS) throw tooManyLinks(path);
      const target = steps.linkTarget(resolved, name);
      if (target.startsWith('/')) resolved = '/';
      pending.push(...components(target).reverse());
      continue;
    }
    if (type !== 'directory' && pending.length > 0 && !options.keepMissing) return undefined;
    resolved = join(resolved, name);
  }
  return resolved;
}

function tooManyLinks(path: BytePath): StoreError {
  const shown = displayPath(path);
  return new StoreError('SYSTEM', shown, `Cannot resolve "${shown}": too many symbolic links`, {
    cause: new SystemCallError('lookup', constants.errno.ELOOP, shown),
  });
}
