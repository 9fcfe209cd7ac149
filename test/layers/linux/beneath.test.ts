import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { openBeneath, walkBeneath } from '../../../layers/linux/beneath.ts';
import * as inode from '../../../layers/linux/inode.ts';
import { tempFolder } from '../../support/temp-folder.ts';

let root: number;

beforeEach(() => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'a/b'), { recursive: true });
  writeFileSync(join(folder, 'a/b/file'), '');
  symlinkSync('a', join(folder, 'link'));
  symlinkSync('/', join(folder, 'a/root'));
  const fd = inode.openAt(inode.AT_FDCWD, folder, inode.O.PATH | inode.O.DIRECTORY);
  onTestFinished(() => inode.close(fd));
  root = fd;
});

describe.each([
  ['openBeneath()', openBeneath],
  ['walkBeneath()', walkBeneath],
])('%s', (_, open) => {
  test('opens what is below, and the directory itself for an empty path', () => {
    for (const [path, type] of [
      ['', 'directory'],
      ['a', 'directory'],
      ['a/b/file', 'file'],
    ] as const) {
      const fd = open(root, path, inode.O.RDONLY);
      expect(inode.statFd(fd).type).toBe(type);
      inode.close(fd);
    }
  });

  test.each(['link', 'link/b', 'a/root', 'a/root/etc'])('refuses the symlink in "%s"', (path) => {
    expect(() => open(root, path, inode.O.RDONLY)).toThrow(/ELOOP|ENOTDIR/);
  });

  test('says when something is missing or no directory', () => {
    expect(() => open(root, 'a/missing/x', inode.O.RDONLY)).toThrow(/ENOENT/);
    expect(() => open(root, 'a/b/file/x', inode.O.RDONLY)).toThrow(/ENOTDIR/);
  });
});
