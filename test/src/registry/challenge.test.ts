import { expect, test } from 'vitest';
import { parseChallenges } from '../../../src/registry/challenge.ts';

const parsed = (header: string) =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test.each([
  ['Basic realm="a, b"', [['basic', { realm: 'a, b' }]]],
  [
    'Bearer realm="https://x/t",service="s",scope="repository:a/b:pull,push"',
    [['bearer', { realm: 'https://x/t', service: 's', scope: 'repository:a/b:pull,push' }]],
  ],
  ['BEARER Realm = "x\\"y" , error=invalid_token', [['bearer', { realm: 'x"y', error: 'invalid_token' }]]],
  [
    'Negotiate, Basic realm=x, Bearer realm="y"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
      ['bearer', { realm: 'y' }],
    ],
  ],
  ['', []],
])('parseChallenges() reads %s', (header, expected) => {
  expect(parsed(header)).toEqual(expected);
});

test('parseChallenges() ends in linear time on junk', () => {
  const started = performance.now();
  parseChallenges(`Bearer realm="${'\\'.repeat(100_000)}`);
  parseChallenges(`${'a '.repeat(50_000)}`);
  expect(performance.now() - started).toBeLessThan(500);
});
