import { expect, test } from 'vitest';
import { withoutCredentials } from '../../../src/dockerfile/credentials.ts';

test.each([
  ['ADD https://me:token@example.test/a.git /a', 'ADD https://example.test/a.git /a'],
  ['ADD https://me:p@ss@example.test/a', 'ADD https://example.test/a'],
  ['ssh://git:w@rd@example.test/a', 'ssh://git@example.test/a'],
  ['ADD HTTP://token@example.test /a', 'ADD HTTP://example.test /a'],
  [
    'ssh://git:word@example.test/a ssh://git@example.test/b',
    'ssh://git@example.test/a ssh://git@example.test/b',
  ],
  ['git@example.test:a/b.git', 'git@example.test:a/b.git'],
  ['https://example.test/a@b?c=d@e', 'https://example.test/a@b?c=d@e'],
  ['https://a@example.test https://b@example.test', 'https://example.test https://example.test'],
])('withoutCredentials(%j) is %j', (text, expected) => {
  expect(withoutCredentials(text)).toBe(expected);
});

test('withoutCredentials() takes linear time', () => {
  const started = performance.now();
  withoutCredentials('https://'.repeat(20_000) + 'a:'.repeat(20_000));
  expect(performance.now() - started).toBeLessThan(1000);
});
