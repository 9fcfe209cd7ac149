import { describe, expect, test } from 'vitest';
import { cleanEntryPath } from '../../../layers/diff/entry-path.ts';

describe('cleanEntryPath()', () => {
  test.each([
    ['a/b', 'a/b'],
    ['./a', 'a'],
    ['/a', 'a'],
    ['//a//b/', 'a/b'],
    ['a/./b/.', 'a/b'],
    ['a/../b', 'b'],
    ['a/b/../../c', 'c'],
    ['', ''],
    ['/', ''],
    ['./', ''],
    ['a/..', ''],
    ['...', '...'],
    ['..a/b..', '..a/b..'],
    ['a\\..\\b', 'a\\..\\b'],
    ['\xff/\xfe', '\xff/\xfe'],
    ['a\n/../b', 'b'],
    ['.wh..', '.wh..'],
  ])('makes %j of %j', (path, expected) => {
    expect(cleanEntryPath(path)).toBe(expected);
  });

  test.each(['..', '../a', '/..', 'a/../../b', './..', 'a/b/../../../c', '//../x'])('refuses %j', (path) => {
    expect(() => cleanEntryPath(path)).toThrow(expect.objectContaining({ code: 'PATH_ESCAPES_ROOT' }));
  });
});
