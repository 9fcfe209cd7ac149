import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { expandWord } from '../../../src/dockerfile/expand.ts';

const table = readFileSync(join(import.meta.dirname, '../../../fixtures/words.tsv'), 'utf8');
const cases = table
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => line.split('\t') as [escapeChar: string, word: string, variables: string, expected: string]);

function environment(variables: string): ReadonlyMap<string, string> {
  const entries = variables === '' ? [] : variables.split(';').map((entry) => entry.split(/=(.*)/s));
  return new Map(entries.map(([name, value]) => [name!, value!]));
}

test.each(cases)(
  'expandWord() with escape %s reads %s with %j as %j',
  (escapeChar, word, variables, expected) => {
    const expand = () => expandWord(word, environment(variables), { escapeChar }).text;
    if (!expected.startsWith('error: ')) expect(expand()).toBe(expected);
    else
      expect(expand).toThrow(
        expect.objectContaining({
          name: 'ExpansionError',
          message: `failed to process ${JSON.stringify(word)}: ${expected.slice(7)}`,
          subject: word,
        }),
      );
  },
);

const options = { escapeChar: '\\' };

describe('expandWord().words', () => {
  test.each([
    ['80 443', '', ['80', '443']],
    ['$ports', 'ports= 80  443 ', ['80', '443']],
    ['"$ports"', 'ports=80 443', ['80 443']],
    ['a$ports', 'ports=1 2', ['a1', '2']],
    ['a\\ b c', '', ['a b', 'c']],
    [`80\${x:-81 82}`, '', ['8081', '82']],
    ['$none', '', []],
    ['""', '', []],
  ])('of %j with %j are %j', (word, variables, expected) => {
    expect(expandWord(word, environment(variables), options).words).toEqual(expected);
  });
});

test('expandWord() tells which names had a value, those in nested words too', () => {
  const { used, unset } = expandWord(`$a \${b:-$c} \${d:+$e} '$f'`, environment('a=1;c=2;d=3'), options);
  expect([...used]).toEqual(['a', 'c', 'd']);
  expect([...unset]).toEqual(['b', 'e']);
});

test('expandWord() leaves quotes alone and drops any backslash, when quotes are literal', () => {
  const body = 'a="$x" b=\'$x\' \\$x \\\\ \\q\n"open\n';
  expect(expandWord(body, environment('x=1'), { ...options, quotes: 'literal' }).text).toBe(
    'a="1" b=\'1\' $x \\ q\n"open\n',
  );
});

test('expandWord() keeps quotes and names without value, for texts that are shown', () => {
  const text = `RUN echo "$a $b" '$a' \${b} \${b:-x} \${b#x} \${b/x/y}`;
  expect(expandWord(text, environment('a=1'), { ...options, quotes: 'keep', keepUnset: true }).text).toBe(
    `RUN echo "1 $b" '$a' \${b} \${b:-x} \${b#x} \${b/x/y}`,
  );
});

test('expandWord() takes linear time, when a pattern is made to backtrack', () => {
  const started = performance.now();
  const value = 'a'.repeat(20_000);
  const word = `\${x/${'a*'.repeat(50)}b/-}\${x//a*a*c/-}\${x%%${'*a'.repeat(50)}c}`;
  expect(expandWord(word, new Map([['x', value]]), options).text).toBe(value.repeat(3));
  expect(performance.now() - started).toBeLessThan(2000);
});
