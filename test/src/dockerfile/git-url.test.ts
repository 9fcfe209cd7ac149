import { describe, expect, test } from 'vitest';
import { isHttpUrl, parseGitUrl } from '../../../src/dockerfile/git-url.ts';

describe('parseGitUrl()', () => {
  test.each([
    ['https://example.com/a.git', { remote: 'https://example.com/a.git' }],
    ['https://example.com/a.git#main', { remote: 'https://example.com/a.git', ref: 'main' }],
    [
      'https://example.com/a.git#main:sub/dir',
      { remote: 'https://example.com/a.git', ref: 'main', subdir: 'sub/dir' },
    ],
    ['https://example.com/a.git#:sub', { remote: 'https://example.com/a.git', subdir: 'sub' }],
    ['git://example.com/a', { remote: 'git://example.com/a' }],
    ['ssh://git@example.com/a', { remote: 'ssh://git@example.com/a' }],
    ['git@example.com:a/b.git#v1', { remote: 'git@example.com:a/b.git', ref: 'v1' }],
    [
      'https://example.com/a.git?tag=v1&subdir=s&keep-git-dir=1',
      { remote: 'https://example.com/a.git', ref: 'refs/tags/v1', subdir: 's', keepGitDir: true },
    ],
    [
      'https://example.com/a.git?branch=b&submodules=false',
      { remote: 'https://example.com/a.git', ref: 'refs/heads/b', submodules: false },
    ],
    [
      'https://example.com/a.git?commit=abc&submodules',
      { remote: 'https://example.com/a.git', checksum: 'abc', submodules: true },
    ],
    ['https://example.com/a.tar.gz', undefined],
    ['example.com/a.git', undefined],
    ['./a.git', undefined],
    ['a@b', undefined],
  ])('of %s is %j', (text, expected) => {
    expect(parseGitUrl(text)).toEqual(expected);
  });

  test.each([
    ['https://example.com/a.git?ref=a#b', 'ref conflicts: "b" vs "a"'],
    ['https://example.com/a.git?tag=a&branch=b', 'conflicts'],
    ['https://example.com/a.git?what=1', 'unexpected query "what"'],
    ['https://example.com/a.git?ref=', 'query "ref" has no value'],
    ['https://example.com/a.git?ref=a&ref=b', 'query "ref" has multiple values'],
    ['https://example.com/a.git?keep-git-dir=x', 'invalid keep-git-dir value: "x"'],
  ])('of %s: %s', (text, message) => {
    expect(() => parseGitUrl(text)).toThrow(message);
  });
});

test('isHttpUrl() is false for repositories and paths', () => {
  expect(isHttpUrl('https://example.com/a')).toBe(true);
  expect(isHttpUrl('http://example.com/a.git')).toBe(false);
  expect(isHttpUrl('https:/a')).toBe(false);
});
