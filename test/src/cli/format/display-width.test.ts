import { expect, test } from 'vitest';
import { displayWidth, fitTo, printable } from '../../../../src/cli/format/display-width.ts';

test.each([
  ['plain', 5],
  ['über', 4],
  ['日本語', 6],
  ['e\u0301', 1],
  ['✅ ok', 5],
  ['\u200bx', 1],
  ['🚀', 2],
])('displayWidth(%j) is %i', (text, expected) => expect(displayWidth(text)).toBe(expected));

test.each([
  ['abcdef', 3, 'abc'],
  ['日本語', 5, '日本'],
  ['abc', 3, 'abc'],
  ['abc', 0, ''],
])('fitTo(%j, %i) is %j', (text, columns, expected) => expect(fitTo(text, columns)).toBe(expected));

test.each([
  ['\x1b[31mred\x1b[0m', 'red'],
  ['a\tb', 'a        b'],
  ['\x1b]0;title\x07x', 'x'],
  ['\x1b]8;;http://x\x1b\\link', 'link'],
  ['\x1b[2J\x1b[1;1Hx\x07\x08', 'x'],
  ['\x1bcx', 'x'],
  ['\x9b2Jx', '2Jx'],
])('printable(%j) is %j', (text, expected) => expect(printable(text)).toBe(expected));
