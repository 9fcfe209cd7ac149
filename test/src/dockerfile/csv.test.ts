import { expect, test } from 'vitest';
import { csvFields } from '../../../src/dockerfile/csv.ts';

test.each([
  ['a', ['a']],
  ['a,b', ['a', 'b']],
  ['', ['']],
  ['a,', ['a', '']],
  [',a', ['', 'a']],
  ['"a,b",c', ['a,b', 'c']],
  ['"a""b"', ['a"b']],
  ['""', ['']],
  ['"",', ['', '']],
])('csvFields(%j) are %j', (record, expected) => {
  expect(csvFields(record)).toEqual(expected);
});

test.each(['a"b', '"a', '"a"b', '"a""'])('csvFields(%j) throws', (record) => {
  expect(() => csvFields(record)).toThrow('quoted-field');
});
