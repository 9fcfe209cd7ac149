import { expect, test } from 'vitest';
import { contextKey } from '../../../src/dockerfile/context-name.ts';

test('contextKey() makes the names of one image meet', () => {
  const names = ['busybox', 'busybox:latest', 'library/busybox', 'docker.io/library/busybox'];
  expect(new Set(names.map(contextKey))).toEqual(new Set(['busybox']));
  expect(contextKey('docker.io/me/app:1')).toBe('me/app:1');
});

test('contextKey() leaves a name alone that is no image name', () => {
  expect(contextKey('No Name')).toBe('No Name');
});
