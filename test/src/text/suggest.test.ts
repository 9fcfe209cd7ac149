import { expect, test } from 'vitest';
import { didYouMean, suggest, suggestInCase } from '../../../src/text/suggest.ts';

test.each([
  ['frm', ['chown', 'from'], 'from'],
  ['tpye', ['tmpfs', 'type'], 'type'],
  ['abcd', ['abxy', 'abyx'], 'abxy'],
  ['abcd', ['abxy', 'abcx'], 'abcx'],
  ['bulid', ['build', 'base'], 'build'],
  ['from', ['frm', 'from'], undefined],
  ['abc', ['xyz'], undefined],
  ['a', ['d', 'ab'], undefined],
  ['ab', ['xy', 'xb'], 'xb'],
  ['', ['abc'], undefined],
  ['x'.repeat(1_000_000), ['abc'], undefined],
])('suggest() for %.10s gives the nearest, the first among equals', (word, options, expected) => {
  expect(suggest(word, options)).toBe(expected);
});

test('suggestInCase() ignores case and answers in the case of the word', () => {
  expect(suggestInCase('rnu', ['RUN'])).toBe('run');
  expect(suggestInCase('RNU', ['RUN'])).toBe('RUN');
  expect(suggestInCase('Run', ['RUN'])).toBeUndefined();
});

test('didYouMean() is empty without a suggestion', () => {
  expect([didYouMean('a'), didYouMean(undefined)]).toEqual([' (did you mean a?)', '']);
});
