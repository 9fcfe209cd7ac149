import { expect, test } from 'vitest';
import { formatDuration } from '../../../src/dockerfile/durations.ts';

test.each([
  [0, '0s'],
  [1, '1ns'],
  [1500, '1.5µs'],
  [100e6, '100ms'],
  [1.5e9, '1.5s'],
  [60e9, '1m0s'],
  [90e9, '1m30s'],
  [3600e9, '1h0m0s'],
  [3661.5e9, '1h1m1.5s'],
  [-1e9, '-1s'],
])('formatDuration(%d) is %s', (nanoseconds, expected) => {
  expect(formatDuration(nanoseconds)).toBe(expected);
});
