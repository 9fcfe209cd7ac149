import { expect, test } from 'vitest';
import { allHostDevices, requestedDevices } from '../../../src/runtime/host-devices.ts';

test('requestedDevices() takes a node with its numbers, at the place asked for', () => {
  expect(requestedDevices([{ source: '/dev/null', target: '/dev/other' }])).toMatchObject([
    { path: '/dev/other', type: 'c', major: 1, minor: 3 },
  ]);
});

test('requestedDevices() refuses what is no device, and what is not there', () => {
  expect(() => requestedDevices([{ source: '/etc/passwd', target: '/dev/x' }])).toThrow('not a device node');
  expect(() => requestedDevices([{ source: '/dev/nosuch', target: '/dev/x' }])).toThrow(
    'no such file or directory',
  );
});

test('allHostDevices() leaves out what a container has of its own', () => {
  const paths = allHostDevices().map(({ path }) => path);
  expect(paths).toContain('/dev/null');
  expect(paths.filter((path) => /^\/dev\/(pts|shm|mqueue|console|ptmx)/.test(path))).toEqual([]);
});
