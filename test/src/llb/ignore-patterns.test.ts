import { describe, expect, test } from 'vitest';
import { Glob } from '../../../src/llb/glob.ts';
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

describe('compileIgnore() with patterns of all kinds', () => {
  const parts = ['a', 'b', 'ab', '*', 'a*', '*b', '?', '**', '[ab]', '[^a]'];
  const names = ['a', 'b', 'ab', 'ba'];
  let state = 1;
  const below = (limit: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % limit;
  };
  const pick = (list: readonly string[], most: number) =>
    Array.from({ length: 1 + below(most) }, () => list[below(list.length)]!).join('/');

  /** The definition, word for word: the last pattern that matches the path or one of its parents decides. */
  function definition(lines: readonly string[], path: string): boolean {
    const prefixes = path.split('/').map((_, index, all) => all.slice(0, index + 1).join('/'));
    const last = lines.findLast((line) => {
      const glob = new Glob(line.replace('!', ''), { globstar: true });
      return prefixes.some((prefix) => glob.matches(prefix));
    });
    return last !== undefined && !last.startsWith('!');
  }

  test('ignores what the definition says, and prunes only what holds nothing else', () => {
    for (let round = 0; round < 2000; round++) {
      const lines = Array.from(
        { length: 1 + below(4) },
        () => `${below(3) === 0 ? '!' : ''}${pick(parts, 3)}`,
      );
      const matcher = compileIgnore(lines);
      const paths = Array.from({ length: 10 }, () => pick(names, 4));
      for (const path of paths) {
        expect(matcher.ignored(path), JSON.stringify([lines, path])).toBe(definition(lines, path));
        const parent = path.slice(0, path.lastIndexOf('/'));
        if (path.includes('/') && matcher.prunable(parent)) {
          expect(definition(lines, path), JSON.stringify([lines, path])).toBe(true);
        }
      }
    }
  });
});
