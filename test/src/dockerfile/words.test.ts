import { expect, test } from 'vitest';
import { splitWords } from '../../../src/dockerfile/words.ts';

test.each([
  ['', []],
  ['   ', []],
  ['a b\tc', ['a', 'b', 'c']],
  ['a="b c" d', ['a="b c"', 'd']],
  [`a"b c"'d e'f g`, [`a"b c"'d e'f`, 'g']],
  ['a\\ b c', ['a\\ b', 'c']],
  ['"a\\" b" c', ['"a\\" b"', 'c']],
  ["'a\\' b", ["'a\\'", 'b']],
  ['"open quote goes on', ['"open quote goes on']],
  ['end\\', ['end']],
  ['"end\\', ['"end']],
  ['a \\', ['a']],
  ["'end\\", ["'end\\"]],
  ['a\u00a0b\u3000c\u0085d', ['a', 'b', 'c', 'd']],
  ['a\ufeffb', ['a\ufeffb']],
  ['""', ['""']],
])('splitWords() splits %j', (text, expected) => {
  expect(splitWords(text, '\\')).toEqual(expected);
});

test('splitWords() takes a backslash as text when a backquote escapes', () => {
  expect(splitWords('a\\ b` c "d`" e"', '`')).toEqual(['a\\', 'b` c', '"d`" e"']);
});
