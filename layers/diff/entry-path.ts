import type { BytePath } from '../snapshots/file-tree.ts';
import { archiveError } from './archive-error.ts';

/**
 * The path of an entry, relative to where the archive is unpacked: no leading slash, no `.`, no empty component, and
 * `..` taken back by the text, as every Go reader cleans it (so `a/../b` is `b` even if `a` is a symlink). The root
 * itself is empty. Bytes are bytes: a backslash or a `C:` is part of a name.
 *
 * Throws `PATH_ESCAPES_ROOT` for a path that leads above where it starts.
 */
export function cleanEntryPath(path: BytePath): BytePath {
  if (isClean(path)) return path;
  const kept: string[] = [];
  for (const component of path.split('/')) {
    if (component === '' || component === '.') continue;
    if (component !== '..') kept.push(component);
    else if (kept.pop() === undefined)
      throw archiveError('PATH_ESCAPES_ROOT', path, 'Cannot unpack the archive: an entry leads out of it');
  }
  return kept.join('/');
}

/** Whether nothing has to be taken out: the usual case, told by one look. */
function isClean(path: BytePath): boolean {
  return !/(?:^|\/)(?:\.{0,2})(?:\/|$)/.test(path);
}
