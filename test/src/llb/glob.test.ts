import { describe, expect, test } from 'vitest';
import { Glob, hasWildcard, matchPattern, PatternError } from '../../../src/llb/glob.ts';

describe('matchPattern()', () => {
  // Go's own table for path.Match, and what follows from its documentation.
  test.each([
    ['abc', 'abc', true],
    ['*', 'abc', true],
    ['*c', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'ab/c', false],
    ['a*/b', 'abc/b', true],
    ['a*/b', 'a/c/b', false],
    ['a*b*c*d*e*/f', 'axbxcxdxe/f', true],
    ['a*b*c*d*e*/f', 'axbxcxdxexxx/fff', false],
    ['a*b?c*x', 'abxbbxdbxebxczzx', true],
    ['a*b?c*x', 'abxbbxdbxebxczzy', false],
    ['ab[c]', 'abc', true],
    ['ab[b-d]', 'abc', true],
    ['ab[e-g]', 'abc', false],
    ['ab[^c]', 'abc', false],
    ['ab[^e-g]', 'abc', true],
    ['a\\*b', 'a*b', true],
    ['a\\*b', 'ab', false],
    ['a?b', 'a☺b', true],
    ['a[^a]b', 'a☺b', true],
    ['a???b', 'a☺b', false],
    ['[a-ζ]*', 'α', true],
    ['*[a-ζ]', 'A', false],
    ['a?b', 'a/b', false],
    ['a*b', 'a/b', false],
    ['a[^x]b', 'a/b', false],
    ['[\\]a]', ']', true],
    ['[\\-]', '-', true],
    ['[x\\-]', 'z', false],
    ['**', 'abc', true],
    ['**', 'a/b', false],
    ['', '', true],
  ])('matches %j against %j: %j', (pattern, name, expected) => {
    expect(matchPattern(pattern, name)).toBe(expected);
  });

  test.each(['[]a]', '[-]', '[x-]', '[-x]', 'a[', '[', '[^', '[^bc', '[a-', 'a\\', '[\\'])(
    'refuses %j',
    (pattern) => {
      expect(() => matchPattern(pattern, 'a')).toThrow(PatternError);
    },
  );

  test('takes time proportional to pattern times name, when the pattern is made to backtrack', () => {
    const started = performance.now();
    expect(matchPattern(`${'a*'.repeat(200)}b`, 'a'.repeat(2000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(1000);
  });
});

test('Glob.literal is the text, when nothing in the pattern is special', () => {
  expect(new Glob('a/b\\*').literal).toBe('a/b*');
  expect(new Glob('a/*').literal).toBeUndefined();
});

test.each([
  ['a', false],
  ['a*', true],
  ['a?', true],
  ['[a]', true],
  ['a\\*', false],
  ['a\\\\*', true],
  ['a]', false],
])('hasWildcard(%j) is %j', (pattern, expected) => {
  expect(hasWildcard(pattern)).toBe(expected);
});
