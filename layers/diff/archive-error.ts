import { StoreError } from '../errors.ts';
import { type BytePath, displayPath } from '../snapshots/file-tree.ts';

/** The entry as people can read it: bytes that do not print are escaped. */
function quote(path: BytePath): string {
  return JSON.stringify(displayPath(path.length > 200 ? `${path.slice(0, 200)}...` : path));
}

/** `INVALID_ARCHIVE` about an entry (or, with an empty path, the archive itself). */
export function invalidArchive(path: BytePath, message: string, options?: ErrorOptions): StoreError {
  return archiveError('INVALID_ARCHIVE', path, message, options);
}

export function archiveError(
  code: 'INVALID_ARCHIVE' | 'LIMIT_EXCEEDED' | 'PATH_ESCAPES_ROOT' | 'UNSUPPORTED' | 'SYSTEM' | 'CORRUPT',
  path: BytePath,
  message: string,
  options?: ErrorOptions,
): StoreError {
  const text = path === '' ? message : `${message} (entry ${quote(path)})`;
  return new StoreError(code, displayPath(path), text, options);
}
