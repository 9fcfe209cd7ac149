import { expect, test } from 'vitest';
import { parsePlatform } from '../../../../layers/index.ts';
import { platformLabel } from '../../../../src/dockerfile/lower/platform-label.ts';

test.each([
  ['linux/amd64', {}, 'linux/amd64'],
  ['linux/amd64', { TARGETPLATFORM: 'linux/amd64' }, 'linux/amd64'],
  ['linux/amd64', { TARGETPLATFORM: 'linux/arm/v7' }, 'linux/amd64->arm/v7'],
  ['linux/amd64', { TARGETARCH: 'arm64', TARGETVARIANT: '' }, 'linux/amd64->arm64'],
  ['linux/amd64', { TARGETOS: 'windows', TARGETARCH: 'amd64' }, 'linux/amd64->windows/amd64'],
  ['linux/amd64', { TARGETPLATFORM: 'a/b/c/d' }, 'linux/amd64'],
])('platformLabel() of %s with %j is %s', (platform, environment, expected) => {
  expect(platformLabel(parsePlatform(platform), new Map(Object.entries(environment)))).toBe(expected);
});
