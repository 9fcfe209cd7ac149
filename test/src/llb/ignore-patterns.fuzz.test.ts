import { expect, test } from 'vitest';
import { Glob, PatternError } from '../../../src/llb/glob.ts';
import { compileExclude, compileIgnore, ignoreFilePatterns } from '../../../src/llb/ignore-patterns.ts';
import { seededRandom } from '../../support/seeded-random.ts';

const PARTS =
  '* ** *** ? [ ] [a-z] [^a] [z-a] [] [^ \\ \\\\ \\* / // . .. ! !! # a b é 世 \ud800 \u0000 \t \u0020 \r\n \n \ufeff {a,b} ** **/ /** (a|b) .* $ ^ + __proto__'.split(
    ' ',
  );
const PATHS = [
  'a',
  'a/b',
  'a/b/c.txt',
  '.',
  '',
  '..',
  'é',
  '世/a',
  '__proto__',
  'a'.repeat(300),
  `${'a/'.repeat(100)}b`,
];

test('compileIgnore() takes any text for patterns, or says which is none, in no time (B04)', () => {
  const random = seededRandom(4);
  let compiled = 0;
  for (let round = 0; round < 5000; round++) {
    const text = Array.from({ length: 1 + random.below(30) }, () => random.pick(PARTS)).join('');
    const lines = ignoreFilePatterns(text);
    for (const compile of [compileIgnore, compileExclude]) {
      try {
        const matcher = compile(lines);
        for (const path of PATHS) {
          const ignored = matcher.ignored(path);
          expect(typeof ignored).toBe('boolean');
          // What need not be looked into holds nothing that is kept.
          if (matcher.prunable(path))
            expect(matcher.ignored(`${path}/x`), JSON.stringify([text, path])).toBe(true);
        }
        compiled++;
      } catch (error) {
        if (!(error instanceof PatternError))
          expect((error as Error).message).toMatch(/^illegal exclusion pattern/);
      }
    }
  }
  expect(compiled).toBeGreaterThan(2000);
});

test.each([
  ['*'.repeat(5000), 'a'.repeat(5000)],
  [`${'*a'.repeat(2000)}b`, 'a'.repeat(5000)],
  [`${'**/'.repeat(1000)}x`, 'a/'.repeat(2000)],
  [`${'?*'.repeat(1000)}!`, 'a'.repeat(4000)],
  ['[a-z]'.repeat(1000), 'a'.repeat(1000)],
])('Glob() is not slowed down by a pattern made for it, case %#', (pattern, name) => {
  const began = performance.now();
  new Glob(pattern, { globstar: true }).matches(name);
  expect(performance.now() - began).toBeLessThan(5000);
});

test('compileExclude() takes linear time for many blanks', () => {
  const began = process.cpuUsage();
  expect(compileExclude([`${' '.repeat(60_000)}!${' '.repeat(60_000)}x`]).ignored('x')).toBe(false);
  expect(process.cpuUsage(began).user).toBeLessThan(1_000_000);
});
