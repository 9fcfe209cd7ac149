import { expect, test } from 'vitest';
import { humanBytes, humanSize } from '../../../../src/cli/format/size.ts';

test.each([
  [0, '0B'],
  [999, '999B'],
  [1000, '1kB'],
  [1_982_524, '1.98MB'],
  [123_456_789, '123MB'],
  [1_834_000_000, '1.83GB'],
])('humanSize(%i) is %s', (bytes, expected) => expect(humanSize(bytes)).toBe(expected));

test.each([
  [104_857_600, '100MiB'],
  [25_276_514_304, '23.54GiB'],
])('humanBytes(%i) is %s', (bytes, expected) => expect(humanBytes(bytes)).toBe(expected));
