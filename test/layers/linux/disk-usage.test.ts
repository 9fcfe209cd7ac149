import { execFileSync } from 'node:child_process';
import { linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diskUsage, sizeOfFiles } from '../../../layers/linux/disk-usage.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const du = (path: string) =>
  Number(execFileSync('du', ['-s', '-B1', path], { encoding: 'utf8' }).split('\t')[0]);

test('diskUsage() says what du(1) says: blocks, each inode once, holes and symlinks not', () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'tree/deep'), { recursive: true });
  writeFileSync(join(folder, 'tree/file'), Buffer.alloc(123_456, 'x'));
  linkSync(join(folder, 'tree/file'), join(folder, 'tree/deep/twin'));
  execFileSync('truncate', ['-s', '1G', join(folder, 'tree/holes')]);
  writeFileSync(join(folder, 'outside'), Buffer.alloc(1_000_000, 'x'));
  symlinkSync(folder, join(folder, 'tree/up'));
  const found = diskUsage(join(folder, 'tree'));
  expect(found).toBe(du(join(folder, 'tree')));
  expect(found).toBeGreaterThan(123_456);
  expect(found).toBeLessThan(1_000_000);
  // Docker's count: holes too, directories not.
  expect(sizeOfFiles(join(folder, 'tree'))).toBe(123_456 + 2 ** 30);
});

test('diskUsage() of nothing is 0', () => {
  expect(diskUsage(join(tempFolder(), 'missing'))).toBe(0);
});
