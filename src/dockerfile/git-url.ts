import { parseBoolean } from './booleans.ts';

/** A git repository as ADD and build contexts name it. */
export interface GitUrl {
  readonly remote: string;
  readonly ref?: string;
  readonly subdir?: string;
  readonly checksum?: string;
  readonly keepGitDir?: boolean;
  readonly submodules?: boolean;
}

/**
 * Reads `https://….git`, `git://`, `ssh://` and `user@host:path`, each with `#ref:subdir` or a query
 * (`?ref= tag= branch= commit= checksum= subdir= keep-git-dir= submodules=`). Undefined when the text is something
 * else; throws Error when it is a git URL whose options are wrong.
 */
export function parseGitUrl(text: string): GitUrl | undefined {
  const [address, fragment] = cut(text, '#');
  const isUrl = /^(https?|git|ssh):\/\//i.test(address);
  const isScp = !isUrl && !address.includes('://') && /^[\w.-]+@[a-zA-Z0-9.-]+:./.test(address);
  if (!isUrl && !isScp) return undefined;
  const [remote, query] = cut(address, '?');
  if (/^https?:/i.test(remote) && !remote.endsWith('.git')) return undefined;
  const [ref, subdir] = cut(fragment, ':');
  return withQuery({ remote, ...named('ref', ref), ...named('subdir', subdir) }, query);
}

/** Whether the text is an http(s) URL of a file. */
export function isHttpUrl(text: string): boolean {
  return /^https?:\/\//.test(text) && parseGitUrl(text) === undefined;
}

function withQuery(url: GitUrl, query: string): GitUrl {
  let result = url;
  const seen = new Set<string>();
  const options = new URLSearchParams(query);
  if (options.has('tag') && options.has('branch')) throw new Error('branch conflicts with tag');
  for (const [key, value] of options) {
    if (seen.has(key)) throw new Error(`query ${JSON.stringify(key)} has multiple values`);
    seen.add(key);
    result = withOption(result, key, value);
  }
  return result;
}

function withOption(url: GitUrl, key: string, value: string): GitUrl {
  if (key === 'submodules' || key === 'keep-git-dir') {
    const flag = value === '' ? true : parseBoolean(value);
    if (flag === undefined) throw new Error(`invalid ${key} value: ${JSON.stringify(value)}`);
    return key === 'submodules' ? { ...url, submodules: flag } : { ...url, keepGitDir: flag };
  }
  if (!['ref', 'tag', 'branch', 'subdir', 'commit', 'checksum'].includes(key)) {
    throw new Error(`unexpected query ${JSON.stringify(key)}`);
  }
  if (value === '') throw new Error(`query ${JSON.stringify(key)} has no value`);
  if (key === 'commit' || key === 'checksum') return { ...url, checksum: value };
  if (key === 'subdir') return { ...url, subdir: unlessDifferent('subdir', url.subdir, value) };
  const prefix = key === 'tag' ? 'refs/tags/' : key === 'branch' ? 'refs/heads/' : '';
  const ref = value.startsWith(prefix) ? value : prefix + value;
  return { ...url, ref: unlessDifferent('ref', url.ref, ref) };
}

function unlessDifferent(what: string, known: string | undefined, value: string): string {
  if (known === undefined || known === value) return value;
  throw new Error(`${what} conflicts: ${JSON.stringify(known)} vs ${JSON.stringify(value)}`);
}

function cut(text: string, separator: string): [before: string, after: string] {
  const at = text.indexOf(separator);
  return at === -1 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

function named<K extends string>(key: K, value: string): { readonly [P in K]?: string } {
  return value === '' ? {} : ({ [key]: value } as { readonly [P in K]: string });
}
