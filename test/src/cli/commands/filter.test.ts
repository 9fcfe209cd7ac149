import { expect, test } from 'vitest';
import { filterBy } from '../../../../src/cli/commands/filter.ts';

const filters = {
  name: (item: { name: string }, value: string) => item.name.includes(value),
  long: (item: { name: string }, value: string) => item.name.length > 2 === (value === 'true'),
};
const items = ['a', 'ab', 'abc', 'xyz'].map((name) => ({ name }));
const filter = (...conditions: string[]) =>
  items.filter(filterBy(conditions, filters)).map(({ name }) => name);

test('filterBy() takes conditions of one name as alternatives, and those of different names together', () => {
  expect(filter()).toHaveLength(4);
  expect(filter('name=a')).toEqual(['a', 'ab', 'abc']);
  expect(filter('name=x', 'name=b')).toEqual(['ab', 'abc', 'xyz']);
  expect(filter('name=a', 'long=true')).toEqual(['abc']);
});

test.each(['nope=1', 'name', 'constructor=1'])('filterBy() refuses %s', (condition) => {
  expect(() => filter(condition)).toThrow(/invalid/);
});

test('filterBy() wants every label that is named, as Docker does', () => {
  const labels = { label: ({ has }: { has: readonly string[] }, value: string) => has.includes(value) };
  const passes = filterBy(['label=a', 'label=b'], labels);
  expect([passes({ has: ['a', 'b'] }), passes({ has: ['a'] })]).toEqual([true, false]);
});
