import { expect, test } from 'vitest';
import {
  compilePattern,
  replaceMatches,
  trimPrefix,
  trimSuffix,
} from '../../../../src/dockerfile/expand/pattern.ts';

const pattern = (text: string) => compilePattern(text, '\\');

test('trimPrefix() and trimSuffix() take the shortest or the longest match', () => {
  expect(trimPrefix('a.b.c', pattern('*.'), false)).toBe('b.c');
  expect(trimPrefix('a.b.c', pattern('*.'), true)).toBe('c');
  expect(trimSuffix('a.b.c', pattern('.*'), false)).toBe('a.b');
  expect(trimSuffix('a.b.c', pattern('.*'), true)).toBe('a');
});

test('trimSuffix() finds the shortest suffix, when its beginning occurs several times', () => {
  expect(trimSuffix('xaxbxa-b', pattern('a*b'), false)).toBe('xaxbx');
  expect(trimSuffix('xaxbxa-b', pattern('a*b'), true)).toBe('x');
});

test('replaceMatches() leaves the text alone, when only nothing matches', () => {
  expect(replaceMatches('abc', pattern(''), '-', true)).toBe('abc');
  expect(replaceMatches('', pattern('*'), '-', true)).toBe('');
});

test('compilePattern() reads brackets as POSIX does', () => {
  expect(replaceMatches('a]b', pattern('[]]'), '-', true)).toBe('a-b');
  expect(replaceMatches('a-b', pattern('[a-]'), '', true)).toBe('b');
  expect(replaceMatches('a^b', pattern('[\\^]'), '', true)).toBe('ab');
  expect(replaceMatches('a[b', pattern('[b'), '-', true)).toBe('a-');
});

test('compilePattern() takes the escape character of the Dockerfile', () => {
  expect(trimPrefix('*a', compilePattern('`*', '`'), false)).toBe('a');
  expect(trimPrefix('\\a', compilePattern('\\', '`'), false)).toBe('a');
});
