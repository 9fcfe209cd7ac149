import type { BytePath } from '../../../layers/index.ts';

/** Absolute and clean: no empty, `.` or `..` components, no slash at the end (but `/` itself). `..` stops at the root. */
export function cleanPath(path: BytePath): BytePath {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return `/${kept.join('/')}`;
}

/** A relative path (or one name) below an absolute one. */
export function below(directory: BytePath, path: BytePath): BytePath {
  if (path === '') return directory;
  return directory === '/' ? `/${path}` : `${directory}/${path}`;
}

export function parentOf(path: BytePath): BytePath {
  return path.slice(0, path.lastIndexOf('/')) || '/';
}

/** The last component; empty for `/`. */
export function nameOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether a destination as written says that it is a directory. */
export function namesDirectory(path: BytePath): boolean {
  return path.endsWith('/') || path.endsWith('/.');
}

const NOT_ASCII = /[\x80-\xff]/;

/** A byte path as text, for patterns: they are text, and `?` is one character. */
export function textOf(path: BytePath): string {
  return NOT_ASCII.test(path) ? Buffer.from(path, 'latin1').toString('utf8') : path;
}
