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
  const matches = (wanted: string, candidate: string) =>
    matchPlatform(parsePlatform(wanted), parsePlatform(candidate));

  test.each([
    ['linux/amd64', 'linux/amd64'],
    ['linux/amd64', 'linux/386'],
    ['linux/amd64/v3', 'linux/amd64/v2'],
    ['linux/arm/v7', 'linux/arm/v5'],
    ['linux/arm64', 'linux/arm/v7'],
    ['linux/arm64/v9', 'linux/arm64'],
    ['windows(10.0.1)/amd64', 'windows(10.0.1)/amd64'],
    ['windows/amd64', 'windows(10.0.1)/amd64'],
  ])('says yes where %s is wanted and %s is there', (wanted, candidate) => {
    expect(matches(wanted, candidate)).toBe(true);
  });

  test.each([
    ['linux/amd64', 'linux/amd64/v2'],
    ['linux/amd64', 'linux/arm64'],
    ['linux/arm/v6', 'linux/arm/v7'],
    ['linux/amd64', 'windows/amd64'],
    ['linux/386', 'linux/amd64'],
    ['windows(10.0.1)/amd64', 'windows(10.0.2)/amd64'],
    ['linux/amd64', 'unknown/unknown'],
  ])('says no where %s is wanted and %s is there', (wanted, candidate) => {
    expect(matches(wanted, candidate)).toBe(false);
  });

  test('knows other spellings, as images from elsewhere have them', () => {
    const aarch64 = { os: 'linux', architecture: 'aarch64', variant: 'v8' };
    expect(matchPlatform(parsePlatform('linux/arm64'), aarch64)).toBe(true);
    expect(matchPlatform(parsePlatform('linux/arm/v7'), { os: 'linux', architecture: 'arm' })).toBe(true);
  });
});

describe('choosePlatform()', () => {
  test('prefers the same, then older variants, then the 32-bit sibling', () => {
    const left = ['linux/386', 'linux/amd64', 'linux/amd64/v2', 'linux/amd64/v3', 'linux/amd64/v4'];
    const order: string[] = [];
    for (;;) {
      const best = choosePlatform(parsePlatform('linux/amd64/v3'), left, parsePlatform);
      if (best === undefined) break;
      order.push(...left.splice(left.indexOf(best), 1));
    }
    expect(order).toEqual(['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64', 'linux/386']);
  });

  test('takes the first of equals', () => {
    const items = ['linux/386', 'linux/amd64', 'linux/amd64/v1', 'linux/arm64'];
    expect(choosePlatform(parsePlatform('linux/amd64'), items, parsePlatform)).toBe('linux/amd64');
    expect(choosePlatform(parsePlatform('linux/s390x'), items, parsePlatform)).toBeUndefined();
  });

  test('passes over what has no platform', () => {
    expect(choosePlatform(parsePlatform('linux/amd64'), ['x'], () => undefined)).toBeUndefined();
  });
});
