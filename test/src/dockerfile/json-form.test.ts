import { expect, test } from 'vitest';
import { readJsonForm } from '../../../src/dockerfile/json-form.ts';

test.each([
  ['[]', []],
  [' [ "a" ,\t"b\\u00e9" ] ', ['a', 'bé']],
  ['["a", 1]', 'not-strings'],
  ['["a", null]', 'not-strings'],
  ['[["a"]]', 'not-strings'],
  ['["a"', undefined],
  ["['a']", undefined],
  ['["a",]', undefined],
  ['["a"] b', undefined],
  ['[]random', undefined],
  ['"a"', undefined],
  ['{"a": "b"}', undefined],
  ['', undefined],
  [`${'['.repeat(60_000)}`, undefined],
])('readJsonForm() reads %.20j', (text, expected) => {
  expect(readJsonForm(text)).toEqual(expected);
});
