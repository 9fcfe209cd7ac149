import { expect, test } from 'vitest';
import { parseCall } from '../../../../src/cli/call/call-option.ts';

test.each([
  ['check', { method: 'check', format: 'text', ignoreStatus: false }],
  ['lint,format=json', { method: 'check', format: 'json', ignoreStatus: false }],
  ['format=json,targets', { method: 'targets', format: 'json', ignoreStatus: false }],
  ['check,ignorestatus=true', { method: 'check', format: 'text', ignoreStatus: true }],
  ['build', undefined],
])('parseCall() reads %s', (text, call) => {
  expect(parseCall(text)).toEqual(call);
});

test.each([
  ['chekc', 'unknown method "chekc"'],
  ['check,print=json', 'invalid field "print=json"'],
  ['check,format=xml', 'invalid field "format=xml"'],
])('parseCall() refuses %s', (text, message) => {
  expect(() => parseCall(text)).toThrow(message);
});
