import { describe, expect, test } from 'vitest';
import { cacheKey } from '../../../src/solver/cache-key.ts';

const key = (...parts: [name: string, value: string | Uint8Array][]) =>
  cacheKey(parts.map(([name, value]) => ({ name, value })));

describe('cacheKey()', () => {
  test('is the same for the same parts', () => {
    expect(key(['a', 'x'], ['b', 'y'])).toBe(key(['a', 'x'], ['b', 'y']));
  });

  test('takes text for its UTF-8 bytes', () => {
    expect(key(['a', 'größe'])).toBe(key(['a', Buffer.from('größe')]));
  });

  test('differs when a byte moves from one field to the next', () => {
    const keys = [
      key(['ab', 'c'], ['d', 'e']),
      key(['a', 'bc'], ['d', 'e']),
      key(['ab', 'cd'], ['', 'e']),
      key(['ab', 'c'], ['de', '']),
      key(['ab', 'c'], ['d', 'e'], ['', '']),
      key(['d', 'e'], ['ab', 'c']),
      key(['abcde', '']),
      key(),
    ];
    expect(new Set(keys).size).toBe(keys.length);
  });
});
