import { describe, expect, test } from 'vitest';
import { compileIgnore, ignoreFilePatterns } from '../../../src/llb/ignore-patterns.ts';

const ignoredBy = (lines: readonly string[], path: string) => compileIgnore(lines).ignored(path);

describe('compileIgnore().ignored()', () => {
  test.each([
    ['a', 'a', true],
    ['a', 'a/b/c', true],
    ['a', 'b/a', false],
    ['/a', 'a', true],
    ['a/', 'a', true],
    ['./a/../b', 'b', true],
    ['*', 'a', true],
    ['*', 'a/b', true],
    ['*/b', 'a/b', true],
    ['*/b', 'b', false],
    ['**', 'a/b', true],
    ['**/b', 'b', true],
    ['**/b', 'a/c/b', true],
    ['**/b', 'a/cb', false],
    ['**/b', 'x/b/y', true],
    ['a/**', 'a', false],
    ['a/**', 'a/b', true],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**/b', 'ab', false],
    ['**/*.log', 'x.log', true],
    ['**/*.log', 'a/b/x.log', true],
    ['**/*.log', 'a/b/xlog', false],
    ['**.log', 'a/x.log', true],
    ['*.log', 'a/x.log', false],
    ['**/dir2/*', 'dir/dir2/f', true],
    ['**/dir2/*', 'dir/dir2', false],
    ['abc.def', 'abcdef', false],
    ['a+b(c)', 'a+b(c)', true],
    ['a\\*b', 'a*b', true],
    ['file-[0-9]?', 'file-1x', true],
    ['.', 'a', false],
    ['a', '.', false],
  ])('%j and the path %j: %j', (pattern, path, expected) => {
    expect(ignoredBy([pattern], path)).toBe(expected);
  });

  test.each([
    [['*', '!a'], 'a', false],
    [['*', '!a'], 'b', true],
    [['*', '!a/b'], 'a/b', false],
    [['*', '!a/b'], 'a', true],
    [['a', '!a/b', 'a/b/c'], 'a/b/c/d', true],
    [['!a', 'a'], 'a', true],
    [['a', '! a'], 'a', false],
    [['a', '!/a'], 'a', false],
    [['**', '!**/*.go'], 'x/y.go', false],
    [['*.md', '!README*.md', 'README-secret.md'], 'README-secret.md', true],
  ])('%j and the path %j: %j', (lines, path, expected) => {
    expect(ignoredBy(lines, path)).toBe(expected);
  });

  test('refuses a lone exclamation mark and a malformed pattern', () => {
    expect(() => compileIgnore(['!'])).toThrow('illegal exclusion pattern: "!"');
    expect(() => compileIgnore(['a['])).toThrow('syntax error in pattern');
  });
});

describe('compileIgnore().prunable()', () => {
  test.each([
    [['node_modules'], 'node_modules', true],
    [['node_modules'], 'src', false],
    [['*', '!src'], 'node_modules', true],
    [['*', '!src/lib'], 'src', false],
    [['*', '!src/lib'], 'src/test', true],
    [['*', '!src/lib'], 'src/lib', false],
    [['a', '!**/*.go'], 'a/b', false],
    [['!a/keep', 'a'], 'a', true],
    [['a', '!a/*/x', 'a/b'], 'a/b', true],
    [['a', '!a/*/x', 'a/b'], 'a/c', false],
  ])('%j and the directory %j: %j', (lines, directory, expected) => {
    expect(compileIgnore(lines).prunable(directory)).toBe(expected);
  });
});

test('ignoreFilePatterns() leaves out comments, empty lines and the byte order mark', () => {
  expect(ignoreFilePatterns('\uFEFFa\r\n# note\n\n  \n  b  \n!c\n')).toEqual(['a', '  b  ', '!c']);
});
