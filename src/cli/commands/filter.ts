import { UsageError } from '../usage-error.ts';

/** `--filter label=NAME[=VALUE]`. A name such as `constructor` is one as any other. */
export function hasLabel(labels: Readonly<Record<string, string>>, condition: string): boolean {
  const [name = '', wanted] = condition.split(/=(.*)/s);
  return Object.hasOwn(labels, name) && (wanted === undefined || labels[name] === wanted);
}

/** A test of one kind of condition: whether the item passes for the value. */
export type Filters<T> = Readonly<Record<string, (item: T, value: string) => boolean>>;

/**
 * `--filter NAME=VALUE`, several of them: conditions of one name are alternatives, those of different names must all
 * hold, and so must all labels, as for Docker. Throws for a name that is not known.
 */
export function filterBy<T>(conditions: readonly string[], filters: Filters<T>): (item: T) => boolean {
  const byName = new Map<string, string[]>();
  for (const condition of conditions) {
    const split = condition.indexOf('=');
    const name = (split < 0 ? condition : condition.slice(0, split)).trim().toLowerCase();
    if (split < 0) throw new UsageError(`invalid argument "${condition}" for "--filter": write NAME=VALUE`);
    if (!Object.hasOwn(filters, name))
      throw new UsageError(`invalid filter '${name}': use ${Object.keys(filters).join(', ')}`);
    byName.set(name, [...(byName.get(name) ?? []), condition.slice(split + 1).trim()]);
  }
  return (item) =>
    [...byName].every(([name, values]) => {
      const holds = (value: string) => filters[name]!(item, value);
      return name === 'label' ? values.every(holds) : values.some(holds);
    });
}
