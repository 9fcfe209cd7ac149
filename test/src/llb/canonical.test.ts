import { expect, test } from 'vitest';
import { encodeCanonical, type Plain } from '../../../src/llb/canonical.ts';

const text = (value: Plain) => Buffer.from(encodeCanonical(value)).toString('latin1');

test('encodeCanonical() gives equal values equal bytes, whatever the order of keys', () => {
  expect(text({ a: 1, b: ['x'] })).toBe(text({ b: ['x'], a: 1 }));
  expect(text({ a: 1, b: undefined })).toBe(text({ a: 1 }));
});

test.each<[Plain, Plain]>([
  [
    ['ab', 'c'],
    ['a', 'bc'],
  ],
  [['ab'], ['a', 'b']],
  [[['a'], 'b'], [['a', 'b']]],
  [[], ['']],
  [[], {}],
  ['1', 1],
  [1, 1n],
  [1, true],
  [null, 'null'],
  ['', new Uint8Array(0)],
  [{ a: 'b' }, { ab: '' }],
  [{ a: null }, {}],
  ['é', 'e\u0301'],
  [{ a: { b: '' } }, { a: {}, b: '' }],
  ['s1:a', ['a']],
])('encodeCanonical() tells the two values of pair %# apart', (one, other) => {
  expect(text(one)).not.toBe(text(other));
});

test('encodeCanonical() writes type and length before every part', () => {
  expect(text({ n: 12, list: ['é', false, null] })).toBe('o2:s4:listl3:s1:Ã©b1:0n0:s1:nd2:12');
});

test('encodeCanonical() refuses numbers that are none', () => {
  expect(() => encodeCanonical(Number.NaN)).toThrow('not a finite number');
  expect(text(-0)).toBe(text(0));
});
