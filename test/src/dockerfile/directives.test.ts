import { describe, expect, test } from 'vitest';
import { detectSyntax, isStandardSyntax, readDirectives } from '../../../src/dockerfile/directives.ts';

const read = (text: string) => readDirectives({ file: 'Dockerfile', text });

describe('readDirectives()', () => {
  test.each([
    ['#escape=`', '`', 1],
    ['# EScape =  ` \t', '`', 1],
    ['  \t# escape=`', '`', 1],
    ['\ufeff# escape=`\r\n', '`', 1],
    ['# syntax=a\n# check=skip=all\n# escape=`\n', '`', 3],
    ['# comment\n# escape=`', '\\', 0],
    ['# unknown=x\n# escape=`', '\\', 0],
    ['\n# escape=`', '\\', 0],
    ['FROM x\n# escape=`', '\\', 0],
    ['# syntax=a\n\n# escape=`', '\\', 1],
    ['# escape', '\\', 0],
    ['# escape=', '\\', 0],
    ['# es cape=`', '\\', 0],
    ['#!/bin/sh\n# escape=`', '\\', 2],
  ])('takes the escape character of %j', (text, escapeChar, lines) => {
    expect(read(text)).toMatchObject({ escapeChar, lines });
  });

  test.each([
    ['# check=skip=A', ['A']],
    ['# check=skip=A, B ,C // why', ['A', 'B', 'C']],
    ['# check = skip = A ; error = true', ['A']],
    ['#!/bin/sh\n# check=skip=A', ['A']],
  ])('takes the rules to skip from %j', (text, rules) => {
    expect([...(read(text).check?.config.skip ?? [])]).toEqual(rules);
  });
});

test.each([
  ['# syntax = docker/dockerfile:1 // opts', 'docker/dockerfile:1', 1, 'dockerfile'],
  ['#!/bin/sh\n# syntax=x', 'x', 2, 'dockerfile'],
  ['//syntax=foo\n//key=value', 'foo', 1, 'other'],
  ['#!/bin/sh\n//syntax=x', 'x', 2, 'other'],
  ['{"syntax": "foo", "bar": ["abc"]}', 'foo', 1, 'other'],
])('detectSyntax() finds the frontend of %j', (text, ref, line, language) => {
  expect(detectSyntax(text)).toEqual({ ref, range: { start: line, end: line }, language });
});

test.each([
  'FROM x',
  '#!/bin/sh\n\n# syntax=x',
  '{"syntax": "foo"',
  '{"syntax": 1}',
  '{"syntax": "foo"}\n# syntax=bar',
  '# comment\n# syntax=x',
  '',
])('detectSyntax() finds nothing in %j', (text) => {
  expect(detectSyntax(text)).toBeUndefined();
});

test.each([
  ['docker/dockerfile', true],
  ['docker/dockerfile:1-labs', true],
  ['docker.io/docker/dockerfile-upstream:master', true],
  ['localhost:5000/mirror/docker/dockerfile:1.4@sha256:00', true],
  ['dockerfile.v0', true],
  ['example.com/dockerfile-plus', false],
  ['docker/dockerfile/other', false],
])('isStandardSyntax() of %j is %j', (ref, expected) => {
  expect(isStandardSyntax(ref)).toBe(expected);
});
