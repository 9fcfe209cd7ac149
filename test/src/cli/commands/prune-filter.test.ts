import { describe, expect, test } from 'vitest';
import { PruneConditions } from '../../../../src/cli/commands/prune-filter.ts';
import type { CacheEntry, Volume } from '../../../../src/index.ts';

const ALL = ['until', 'label', 'id', 'type', 'description', 'inuse'];
const conditions = (...texts: readonly string[]) => new PruneConditions(texts, ALL);
const ago = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString();
const image = (created: string, labels: Record<string, string> = {}) => ({ created, labels });

describe('PruneConditions', () => {
  test.each([
    ['until=24h', 25, 23],
    ['until=1h30m', 2, 1],
    [`until=${Math.floor(Date.parse(ago(10)) / 1000)}`, 11, 9],
    [`until=${ago(10)}`, 11, 9],
  ])('%s takes what is older', (text, older, newer) => {
    expect(conditions(text).image(image(ago(older)))).toBe(true);
    expect(conditions(text).image(image(ago(newer)))).toBe(false);
  });

  test('label has to be there, label! must not', () => {
    const volume = (labels: Record<string, string>) => ({ labels }) as unknown as Volume;
    expect(conditions('label=a', 'label=b=1').volume(volume({ a: '', b: '1' }))).toBe(true);
    expect(conditions('label=b=1').volume(volume({ b: '2' }))).toBe(false);
    expect(conditions('label!=keep').volume(volume({ keep: '' }))).toBe(false);
    expect(conditions('label!=keep').volume(volume({}))).toBe(true);
  });

  test('those of the build cache must all hold, each by one of its values', () => {
    const entry = { id: 'abc', kind: 'exec.cachemount', description: 'cached mount x', inUse: false };
    const passes = (...texts: readonly string[]) => conditions(...texts).cache()?.(entry as CacheEntry);
    expect(passes()).toBeUndefined();
    expect(passes('type=regular', 'type=exec.cachemount', 'id=ab')).toBe(true);
    expect(passes('type=exec.cachemount', 'inuse=true')).toBe(false);
    expect(passes('description=~mount')).toBe(true);
  });

  test.each(['until=soon', 'until=', 'until!=1h', 'foo=bar', 'until', 'until=12:30'])(
    'refuses %s',
    (text) => {
      expect(() => conditions(text)).toThrow('invalid filter');
    },
  );
});
