import { existsSync, readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '..');
const rows = new Map(
  readFileSync(resolve(root, 'docs/security.md'), 'utf8')
    .split('\n')
    .flatMap((line) => {
      const [, row, text] = /^\| ([RB]\d\d) +\|(.*)\|$/.exec(line) ?? [];
      return row === undefined || text === undefined ? [] : [[row, text] as const];
    }),
);
const filesOf = (text: string) => [...text.matchAll(/`(test\/[\w./-]+)`/g)].map(([, path]) => path!);

test('docs/security.md has a row for each attack on running containers, R01 to R22', () => {
  const wanted = Array.from({ length: 22 }, (_, index) => `R${String(index + 1).padStart(2, '0')}`);
  expect(wanted.filter((row) => !rows.has(row))).toEqual([]);
});

test.each([...rows])('docs/security.md names tests of %s that exist', (row, text) => {
  const files = filesOf(text);
  expect(files.filter((path) => !existsSync(resolve(root, path)))).toEqual([]);
  expect(files.length).toBeGreaterThan(0);
  if (!row.startsWith('R')) return;
  const sources = files
    .map((path) => resolve(root, path))
    .filter((path) => statSync(path).isFile())
    .map((path) => readFileSync(path, 'utf8'));
  expect(sources.some((source) => new RegExp(`\\b${row}\\b`).test(source))).toBe(true);
});
