import type { SeededRandom } from '../seeded-random.ts';
import { mutateText, ODD } from './odd-text.ts';

const LINES: readonly string[] = [
  '*',
  '**',
  '!keep',
  '!**/*.md',
  'node_modules',
  '**/node_modules/**',
  '/build/',
  '*.[oa]',
  'a/*/c?',
  '[a-z]*',
  '[^a-c]\\]x',
  '\\!literal',
  '# comment',
  ' lead and trail ',
  './a/../b',
  'é*世',
  '',
];

/** A .dockerignore file, or the list of patterns of `--exclude`, damaged. */
export function ignoreText(random: SeededRandom): string {
  const lines = Array.from({ length: 1 + random.below(20) }, () => random.pick(LINES));
  let text = lines.join(random.chance(10) ? '\r\n' : '\n');
  for (let count = random.below(7); count > 0; count--) text = mutateText(text, random, [...ODD, ...LINES]);
  return text;
}

const NAMES = [
  'a',
  'b',
  'c1',
  'node_modules',
  'keep',
  'build',
  'x.o',
  'README.md',
  'é世',
  '..',
  '\\',
  '[',
  '!',
  '*',
  '',
];

/** A path to be held against the patterns. */
export function somePath(random: SeededRandom): string {
  return Array.from({ length: 1 + random.below(8) }, () => random.pick(NAMES)).join('/');
}
