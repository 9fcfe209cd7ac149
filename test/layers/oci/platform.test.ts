import { describe, expect, test } from 'vitest';
import {
  choosePlatform,
  formatPlatform,
  hostPlatform,
  matchPlatform,
  parsePlatform,
} from '../../../layers/index.ts';

const host = hostPlatform();

describe('parsePlatform()', () => {
  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['Linux/AMD64', 'linux/amd64'],
    ['linux/x86_64', 'linux/amd64'],
    ['linux/x86-64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/i386', 'linux/386'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/v8', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm64/v9', 'linux/arm64/v9'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/arm/6', 'linux/arm/v6'],
    ['linux/armhf', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['macos/arm64', 'darwin/arm64'],
    ['windows(10.0.17763)/amd64', 'windows(10.0.17763)/amd64'],
    ['plan10/vax', 'plan10/vax'],
    ['arm64', 'linux/arm64'],
    ['s390x', 'linux/s390x'],
    ['linux', formatPlatform(host)],
    ['windows', formatPlatform({ ...host, os: 'windows' })],
  ])('reads %s as %s', (text, expected) => {
    expect(formatPlatform(parsePlatform(text))).toBe(expected);
  });

  test.each([
    '',
    '/',
    'linux/',
    '/amd64',
    'linux/amd64/',
    'linux/amd64/v1/x',
    'vax',
    'li nux/amd64',
    'linux/am*64',
    'linux()/amd64',
    'linux(1/amd64',
    'linux/amd64\n',
  ])('refuses %j', (text) => {
    expect(() => parsePlatform(text)).toThrow(expect.objectContaining({ code: 'UNSUPPORTED' }));
  });

  test('leaves out what is not there', () => {
    expect(Object.keys(parsePlatform('linux/arm64/v8')).sort()).toEqual(['architecture', 'os']);
  });
});

describe('matchPlatform()', () => {
  const rank = (wanted: string, candidate: string) =>
    matchPlatform(parsePlatform(wanted), parsePlatform(candidate));

  test('prefers the same, then older variants, then the 32-bit sibling', () => {
    const ranks = ['amd64/v3', 'amd64/v2', 'amd64', '386'].map((name) =>
      rank('linux/amd64/v3', `linux/${name}`),
    );
    expect(ranks).toEqual([...ranks].sort());
    expect(new Set(ranks).size).toBe(4);
    expect(ranks[0]).toBe(0);
  });

  test.each([
    ['linux/amd64', 'linux/amd64/v2'],
    ['linux/amd64', 'linux/arm64'],
    ['linux/arm/v6', 'linux/arm/v7'],
    ['linux/amd64', 'windows/amd64'],
    ['linux/386', 'linux/amd64'],
    ['windows(10.0.1)/amd64', 'windows(10.0.2)/amd64'],
  ])('is undefined where %s is wanted and %s is there', (wanted, candidate) => {
    expect(rank(wanted, candidate)).toBeUndefined();
  });

  test('knows other spellings, as images from elsewhere have them', () => {
    expect(
      matchPlatform(parsePlatform('linux/arm64'), { os: 'linux', architecture: 'aarch64', variant: 'v8' }),
    ).toBe(0);
    expect(matchPlatform(parsePlatform('linux/arm/v7'), { os: 'linux', architecture: 'arm' })).toBe(0);
  });
});

describe('choosePlatform()', () => {
  test('takes the best, and the first of equals', () => {
    const items = ['linux/386', 'linux/amd64', 'linux/amd64/v1', 'linux/arm64'];
    expect(choosePlatform(parsePlatform('linux/amd64'), items, parsePlatform)).toBe('linux/amd64');
    expect(choosePlatform(parsePlatform('linux/s390x'), items, parsePlatform)).toBeUndefined();
  });

  test('passes over what has no platform', () => {
    expect(choosePlatform(parsePlatform('linux/amd64'), ['x'], () => undefined)).toBeUndefined();
  });
});
