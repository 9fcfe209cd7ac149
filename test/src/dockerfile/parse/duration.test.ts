import { expect, test } from 'vitest';
import { parseDuration } from '../../../../src/dockerfile/parse/duration.ts';

test.each([
  ['0', 0],
  ['-0', 0],
  ['1ns', 1],
  ['2us', 2e3],
  ['2µs', 2e3],
  ['2μs', 2e3],
  ['3ms', 3e6],
  ['1.5s', 1.5e9],
  ['.5s', 5e8],
  ['1.s', 1e9],
  ['1h30m0.5s', 5400.5e9],
  ['-2s', -2e9],
  ['+2s', 2e9],
])('parseDuration() of %j is %d ns', (text, expected) => {
  expect(parseDuration(text)).toBeCloseTo(expected, 5);
});

test.each([
  ['', 'invalid duration ""'],
  ['-', 'invalid duration "-"'],
  ['s', 'invalid duration "s"'],
  ['.s', 'invalid duration ".s"'],
  ['5', 'missing unit in duration "5"'],
  ['1h5', 'missing unit in duration "1h5"'],
  ['5d', 'unknown unit "d" in duration "5d"'],
  ['1 s', 'unknown unit " s" in duration "1 s"'],
  ['1.2.3s', 'missing unit in duration "1.2.3s"'],
  ['3000000h', 'invalid duration "3000000h"'],
  ['5constructor', 'unknown unit "constructor" in duration "5constructor"'],
])('parseDuration() refuses %j', (text, message) => {
  expect(() => parseDuration(text)).toThrow(message);
});
