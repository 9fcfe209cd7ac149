import { expect, test } from 'vitest';
import { parseChmod } from '../../../src/dockerfile/chmod.ts';

test.each([
  ['755', { octal: 0o755 }],
  ['0644', { octal: 0o644 }],
  ['7777', { octal: 0o7777 }],
  ['u=rwX,go=rX', { symbolic: 'u=rwX,go=rX' }],
  ['+x', { symbolic: '+x' }],
  ['a-w', { symbolic: 'a-w' }],
  ['g=u', { symbolic: 'g=u' }],
  ['u+x-w', { symbolic: 'u+x-w' }],
])('parseChmod(%j) is %j', (text, expected) => {
  expect(parseChmod(text)).toEqual(expected);
});

test.each(['64a', '10000', '888', '-1', 'x', 'u=q', 'u', 'u=r,', ''])('parseChmod(%j) throws', (text) => {
  expect(() => parseChmod(text)).toThrow(
    `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
  );
});
