import type { BytePath } from './file-tree.ts';

/** The directory that holds an entry; `/` for the root itself. The path is absolute and clean. */
export function parentOf(path: BytePath): BytePath {
  const cut = path.lastIndexOf('/');
  return cut <= 0 ? '/' : path.slice(0, cut);
}

/** The last component; empty for the root. */
export function nameOf(path: BytePath): BytePath {
  return path.slice(path.lastIndexOf('/') + 1);
}

export function join(directory: BytePath, name: BytePath): BytePath {
  return directory === '/' ? `/${name}` : `${directory}/${name}`;
}

/** Names on the way, without empty ones and `.`; `..` stays, since it is up to symlinks what it means. */
export function components(path: BytePath): BytePath[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}

const NOT_CLEAN = /^$|^[^/]|\/\/|\/\.{1,2}(?:\/|$)|.\/$/;

/** Whether the path is absolute and has neither `.`, `..`, empty components nor a slash at its end. */
export function isClean(path: BytePath): boolean {
  return !NOT_CLEAN.test(path);
}
