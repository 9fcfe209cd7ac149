import { expect, test } from 'vitest';
import { parseByteSize } from '../../../src/dockerfile/byte-size.ts';

test.each([
  ['0', 0],
  ['64', 64],
  ['64b', 64],
  ['1k', 1024],
  ['1.5K', 1536],
  ['2mb', 2 * 1024 ** 2],
  ['1GiB', 1024 ** 3],
  ['1 t', 1024 ** 4],
  ['-1', undefined],
  ['m', undefined],
  ['1x', undefined],
  ['', undefined],
])('parseByteSize(%j) is %j', (text, expected) => {
  expect(parseByteSize(text)).toBe(expected);
});
