import { expect, test } from 'vitest';
import { visible } from '../../../src/text/visible.ts';

test('visible() spells out what steers a terminal or hides text, and keeps the rest', () => {
  expect(visible('a\tb\x1b[31mc\x00\r\n\x7f\x9b\u202ed\u2066é世😀')).toBe(
    'a\tb\\x1b[31mc\\x00\\x0d\\x0a\\x7f\\x9b\\u202ed\\u2066é世😀',
  );
});
