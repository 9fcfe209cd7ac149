import { expect, test } from 'vitest';
import { adviseOnOutput, adviseOnStatus } from '../../../src/api/output-advice.ts';
import type { ExecOp } from '../../../src/llb/op.ts';

const op = (changes: Partial<ExecOp> = {}) => ({ network: 'default', user: '', ...changes }) as ExecOp;

test.each([
  ['E: Unable to locate package libssl-deb', 'libssl-deb'],
  ["E: Package 'python2' has no installation candidate", 'python2'],
  ['  nosuch (no such package):', 'nosuch'],
  ['ERROR: No matching distribution found for nosuch==1.2', 'nosuch'],
  ['/bin/sh: gcc: not found', 'gcc'],
  ['/bin/sh: 1: gcc: not found', 'gcc'],
  ['/bin/bash: line 3: gcc: command not found', 'gcc'],
  ['\x1b[31msh: gcc: not found\x1b[0m', 'gcc'],
])('adviseOnOutput() takes the words to blame out of %j', (line, subject) => {
  const advice = adviseOnOutput(op(), ['something before', line, 'something after']);
  expect(advice?.subject).toBe(subject);
  expect(advice?.hint).toContain(subject);
});

test('adviseOnOutput() knows a step without a network', () => {
  const output = ["Temporary failure resolving 'deb.debian.org'"];
  expect(adviseOnOutput(op({ network: 'none' }), output)?.hint).toContain('--network=none');
  expect(adviseOnOutput(op(), output)?.hint).toContain('cannot resolve names');
});

test('adviseOnOutput() blames the user for a denial only where it is not root', () => {
  const output = ['touch: /usr/x: Permission denied'];
  expect(adviseOnOutput(op({ user: 'app:app' }), output)?.hint).toContain('user app:app');
  expect(adviseOnOutput(op({ user: 'root' }), output)).toBeUndefined();
});

test('adviseOnOutput() says nothing about output that it does not know', () => {
  expect(adviseOnOutput(op(), ['make: *** [Makefile:2: all] Error 1', 'file not found'])).toBeUndefined();
});

test('adviseOnStatus() explains what signals mean', () => {
  expect(adviseOnStatus({ code: 137, oomKilled: true })?.hint).toContain('was ended for lack of memory');
  expect(adviseOnStatus({ code: 137, oomKilled: false })?.hint).toContain('often for lack of memory');
  expect(adviseOnStatus({ code: 1, oomKilled: false })).toBeUndefined();
});
