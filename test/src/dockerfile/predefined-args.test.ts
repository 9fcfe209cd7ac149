import { expect, test } from 'vitest';
import { predefinedArgs, proxyEnvironment } from '../../../src/dockerfile/predefined-args.ts';

const buildPlatform = { os: 'linux', architecture: 'amd64' };
const targetPlatform = { os: 'linux', architecture: 'arm', variant: 'v7' };

test('predefinedArgs() describes both platforms and the target', () => {
  const args = predefinedArgs({ buildPlatform, targetPlatform, targetStage: '', buildArgs: {} });
  expect(Object.fromEntries(args)).toEqual({
    BUILDPLATFORM: 'linux/amd64',
    BUILDOS: 'linux',
    BUILDOSVERSION: '',
    BUILDARCH: 'amd64',
    BUILDVARIANT: '',
    TARGETPLATFORM: 'linux/arm/v7',
    TARGETOS: 'linux',
    TARGETOSVERSION: '',
    TARGETARCH: 'arm',
    TARGETVARIANT: 'v7',
    TARGETSTAGE: 'default',
  });
});

test('predefinedArgs() gives way to build arguments', () => {
  const buildArgs = { TARGETARCH: 'mine', OTHER: 'x' };
  const args = predefinedArgs({ buildPlatform, targetPlatform, targetStage: 'app', buildArgs });
  expect(args.get('TARGETARCH')).toBe('mine');
  expect(args.get('TARGETSTAGE')).toBe('app');
  expect(args.has('OTHER')).toBe(false);
});

test('proxyEnvironment() gives every proxy in both cases, and nothing else', () => {
  expect(proxyEnvironment({ http_proxy: 'p', NO_PROXY: 'n', OTHER: 'x' })).toEqual([
    'HTTP_PROXY=p',
    'http_proxy=p',
    'NO_PROXY=n',
    'no_proxy=n',
  ]);
});
