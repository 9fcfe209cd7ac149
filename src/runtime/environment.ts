import { DEFAULT_PATH } from './defaults.ts';

/**
 * An image's Env as variables. Entries without a name or without `=` are left out: a bare name must never make the
 * host's value appear in the container.
 */
export function imageEnvironment(entries: readonly string[]): ReadonlyMap<string, string> {
  const variables = new Map<string, string>();
  for (const entry of entries) {
    const split = entry.indexOf('=');
    if (split > 0) variables.set(entry.slice(0, split), entry.slice(split + 1));
  }
  return variables;
}

/** The variables after changes of the user's own: `NAME=value` sets one, a bare `NAME` takes it away. */
export function changeEnvironment(
  variables: ReadonlyMap<string, string>,
  changes: readonly string[],
): ReadonlyMap<string, string> {
  const changed = new Map(variables);
  for (const entry of changes) {
    const split = entry.indexOf('=');
    if (split > 0) changed.set(entry.slice(0, split), entry.slice(split + 1));
    else changed.delete(entry);
  }
  return changed;
}

/** `NAME=value` lines with PATH and the defaults given, first mention first. */
export function environmentLines(
  variables: ReadonlyMap<string, string>,
  defaults: Readonly<Record<string, string>> = {},
): readonly string[] {
  const all = new Map(Object.entries({ PATH: DEFAULT_PATH, ...defaults }));
  for (const [name, value] of variables) all.set(name, value);
  return [...all].map(([name, value]) => `${name}=${value}`);
}
