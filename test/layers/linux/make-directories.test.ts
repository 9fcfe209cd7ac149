import { statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeDirectories } from '../../../layers/linux/make-directories.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('makeDirectories() makes what is missing, and leaves what is there', () => {
  const folder = tempFolder();
  makeDirectories(join(folder, 'a/b/c'), 0o700);
  expect(statSync(join(folder, 'a/b/c')).mode).toBe(0o40700);
  makeDirectories(join(folder, 'a/b/c'));
  makeDirectories(folder);
  makeDirectories('/');
  symlinkSync('a', join(folder, 'link'));
  makeDirectories(join(folder, 'link/d'));
  expect(statSync(join(folder, 'a/d')).isDirectory()).toBe(true);
});

test.each([
  ['/proc/store', 'ENOENT'],
  ['/proc/self/a/b', 'ENOENT'],
  ['/dev/null', 'EEXIST'],
  ['/dev/null/a', 'ENOTDIR'],
])('makeDirectories() fails for %s with %s', (path, code) => {
  expect(() => makeDirectories(path)).toThrow(expect.objectContaining({ code }));
});

test('makeDirectories() fails where a link leads nowhere', () => {
  const folder = tempFolder();
  symlinkSync('nowhere', join(folder, 'link'));
  writeFileSync(join(folder, 'file'), '');
  expect(() => makeDirectories(join(folder, 'link'))).toThrow(expect.objectContaining({ code: 'EEXIST' }));
  expect(() => makeDirectories(join(folder, 'link/a'))).toThrow();
  expect(() => makeDirectories(join(folder, 'file/a'))).toThrow(expect.objectContaining({ code: 'ENOTDIR' }));
});
