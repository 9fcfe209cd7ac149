import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import * as inode from '../../../layers/linux/inode.ts';
import { removeTreeAt } from '../../../layers/linux/remove-tree.ts';
import { tempFolder } from '../../support/temp-folder.ts';

test('removeTreeAt() removes all below, and nothing that symlinks lead to', () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'canary'));
  writeFileSync(join(folder, 'canary/file'), 'precious');
  mkdirSync(join(folder, 'tree/a/b/c'), { recursive: true });
  writeFileSync(join(folder, 'tree/a/file'), '');
  for (const name of ['tree/link', 'tree/a/b/link']) symlinkSync(join(folder, 'canary'), join(folder, name));
  const fd = inode.openAt(inode.AT_FDCWD, folder, inode.O.DIRECTORY);
  removeTreeAt(fd, 'tree');
  symlinkSync(join(folder, 'canary'), join(folder, 'tree'));
  removeTreeAt(fd, 'tree');
  inode.close(fd);
  expect(readdirSync(folder)).toEqual(['canary']);
  expect(existsSync(join(folder, 'canary/file'))).toBe(true);
});
