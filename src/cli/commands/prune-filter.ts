import type { CacheEntry, ContainerState, PruneRequest, Volume } from '../../index.ts';
import { containerLabels } from '../../index.ts';
import { UsageError } from '../usage-error.ts';
import { hasLabel } from './filter.ts';

type Labels = Readonly<Record<string, string>>;

/** `--filter` of prune commands, read: what is to go. Conditions of one kind are alternatives, as for Docker's lists. */
export class PruneConditions {
  readonly #conditions: readonly { readonly name: string; readonly value: string }[];

  /** Throws for a condition that is not one of `known`. */
  constructor(texts: readonly string[], known: readonly string[]) {
    this.#conditions = texts.map((text) => {
      const [, name = '', not = '', value = ''] = /^([a-z]+)(!?)=(.*)$/s.exec(text) ?? [];
      if (!known.includes(name) || (not === '!' && name !== 'label'))
        throw new UsageError(`invalid filter '${text}': use ${known.map((each) => `${each}=…`).join(', ')}`);
      return { name: name + not, value };
    });
    this.unusedFor();
  }

  /** `until`, in milliseconds; 0 without. */
  unusedFor(): number {
    return Math.max(0, ...this.#values('until').map((value) => Date.now() - pointInTime(value)));
  }

  readonly container = (state: ContainerState): boolean =>
    this.#labels(containerLabels(state)) && this.#isOld(state.created);

  readonly image = (image: { readonly created?: string; readonly labels: Labels }): boolean =>
    this.#labels(image.labels) && this.#isOld(image.created ?? new Date(0).toISOString());

  readonly volume = ({ labels = {} }: Volume): boolean => this.#labels(labels);

  /** Undefined when any will do. */
  cache(): PruneRequest['cacheFilter'] {
    const names = ['id', 'type', 'description', 'inuse'].filter((name) => this.#values(name).length > 0);
    if (names.length === 0) return undefined;
    return (entry) => names.every((name) => this.#values(name).some((value) => CACHE[name]!(entry, value)));
  }

  #values(name: string): readonly string[] {
    return this.#conditions.filter((condition) => condition.name === name).map(({ value }) => value);
  }

  #isOld(created: string): boolean {
    return this.#values('until').every((value) => Date.parse(created) <= pointInTime(value));
  }

  #labels(labels: Labels): boolean {
    const has = (value: string) => hasLabel(labels, value);
    return this.#values('label').every(has) && !this.#values('label!').some(has);
  }
}

/** Conditions of `du` and of pruning the build cache. */
export const CACHE: Readonly<Record<string, (entry: CacheEntry, value: string) => boolean>> = {
  id: ({ id }, value) => id.startsWith(value.replace(/\*$/, '')),
  type: ({ kind }, value) => kind === value,
  description: ({ description }, value) => description.includes(value.replace(/^~/, '')),
  inuse: ({ inUse }, value) => inUse === (value !== 'false' && value !== '0'),
};

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `24h`, `1h30m`, seconds since 1970, or a date: as milliseconds since 1970. */
function pointInTime(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
  if (parts.length > 0 && parts.map(([all]) => all).join('') === text)
    return Date.now() - parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit!]!, 0);
  if (/^\d{1,12}(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const time = /^\d{4}-/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time))
    throw new UsageError(`invalid filter 'until=${text}': write a duration as in until=24h, or a time`);
  return time;
}
