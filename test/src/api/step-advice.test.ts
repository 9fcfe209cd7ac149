import { expect, test } from 'vitest';
import { adviseOnStep } from '../../../src/api/step-advice.ts';
import type { Op } from '../../../src/llb/op.ts';
import { UserError } from '../../../src/runtime/passwd.ts';
import { SandboxError } from '../../../src/sandbox/sandbox.ts';

test.each([
  [new UserError('UNKNOWN_USER', 'app', 'unable to find user app'), 'app', 'no user app'],
  [new UserError('UNKNOWN_GROUP', 'staff', 'unable to find group staff'), 'staff', 'no group staff'],
])('adviseOnStep() says what to do about an owner that the image does not have', (cause, subject, words) => {
  const advice = adviseOnStep(copyStep(cause));
  expect(advice.subject).toBe(subject);
  expect(advice.hint).toContain(words);
});

test.each([
  ['NOT_FOUND', 'no command gcc'],
  ['NOT_EXECUTABLE', 'chmod +x'],
] as const)('adviseOnStep() says what to do about a program that does not start: %s', (code, words) => {
  const cause = new SandboxError(code, 'gcc', 'exec: "gcc": …');
  expect(adviseOnStep(copyStep(cause)).hint).toContain(words);
});

test('adviseOnStep() leaves the advice of an error as it is', () => {
  const cause = Object.assign(new Error('x'), { subject: 'a', hint: 'Do it' });
  expect(adviseOnStep(copyStep(cause))).toEqual({ subject: 'a', hint: 'Do it' });
});

function copyStep(cause: unknown) {
  const source = { file: 'Dockerfile', text: 'FROM x\nCOPY --chown=app:staff a b\n' };
  const op: Op = { type: 'file', actions: [] };
  return { source, lines: { start: 2, end: 2 }, op, output: [], cause, findings: [] };
}
