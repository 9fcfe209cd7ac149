import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isStillAt, lockFile, tryLockFile, unlockFile, waitForLock } from '../../../layers/linux/flock.ts';
import { tempFolder } from '../../support/temp-folder.ts';

function twoDescriptors() {
  const path = join(tempFolder(), 'lock');
  return { path, one: openSync(path, 'a'), two: openSync(path, 'a') };
}

test('tryLockFile() lets many share, or one alone', () => {
  const { one, two } = twoDescriptors();
  expect(tryLockFile(one, 'shared')).toBe(true);
  expect(tryLockFile(two, 'shared')).toBe(true);
  expect(tryLockFile(two, 'exclusive')).toBe(false);
  unlockFile(one);
  expect(tryLockFile(two, 'exclusive')).toBe(true);
  expect(tryLockFile(one, 'shared')).toBe(false);
});

test('a lock ends with its descriptor', () => {
  const { one, two } = twoDescriptors();
  lockFile(one, 'exclusive');
  expect(tryLockFile(two, 'shared')).toBe(false);
  closeSync(one);
  expect(tryLockFile(two, 'shared')).toBe(true);
});

test('waitForLock() waits without stopping the event loop', async () => {
  const { one, two } = twoDescriptors();
  lockFile(one, 'exclusive');
  const order: string[] = [];
  const waiting = waitForLock(two, 'exclusive').then(() => order.push('locked'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  order.push('unlocking');
  unlockFile(one);
  await waiting;
  expect(order).toEqual(['unlocking', 'locked']);
});

test('waitForLock() gives up when told', async () => {
  const { one, two } = twoDescriptors();
  lockFile(one, 'exclusive');
  await expect(waitForLock(two, 'shared', AbortSignal.timeout(10))).rejects.toThrow(/abort/i);
});

test('throws for what is no open file', () => {
  expect(() => lockFile(-1, 'shared')).toThrow(expect.objectContaining({ code: 'EBADF' }));
});

test('isStillAt() tells whether the path names the open file', () => {
  const { path, one } = twoDescriptors();
  expect(isStillAt(one, path)).toBe(true);
  rmSync(path);
  expect(isStillAt(one, path)).toBe(false);
  writeFileSync(`${path}.new`, '');
  renameSync(`${path}.new`, path);
  expect(isStillAt(one, path)).toBe(false);
});
