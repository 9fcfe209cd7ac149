import { mkdtempSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as inode from '../../../layers/linux/inode.ts';

let folder: string;
let root: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'inode-'));
  root = inode.openAt(inode.AT_FDCWD, folder, inode.O.DIRECTORY);
});

afterEach(() => {
  inode.close(root);
  rmSync(folder, { recursive: true });
});

describe('statAt()', () => {
  test('agrees with lstat on every field', () => {
    writeFileSync(join(folder, 'a'), 'hello', { mode: 0o640 });
    const expected = statSync(join(folder, 'a'), { bigint: true });
    expect(inode.statAt(root, 'a')).toMatchObject({
      type: 'file',
      mode: 0o640,
      uid: Number(expected.uid),
      size: 5,
      mtimeNs: expected.mtimeNs,
      ctimeNs: expected.ctimeNs,
      ino: expected.ino,
      nlink: 1,
    });
  });

  test('is undefined for what is not there', () => {
    expect(inode.statAt(root, 'missing')).toBeUndefined();
  });
});

test('setTimesAt() keeps nanoseconds, also before 1970', () => {
  writeFileSync(join(folder, 'a'), '');
  for (const time of [-1_234_567_890_123_456_789n, -1n, 0n, 1_700_000_000_000_000_001n]) {
    inode.setTimesAt(root, 'a', time);
    expect(inode.statAt(root, 'a')?.mtimeNs).toBe(time);
  }
});

test('readDirectory() lists names that are not UTF-8', () => {
  const names = ['a', '\xff\xfe', 'gr\xc3\xb6\xc3\x9fe'];
  for (const name of names) inode.makeDirectoryAt(root, name, 0o755);
  const found = inode.readDirectory(root);
  expect(found.map(({ name }) => name).sort()).toEqual([...names].sort());
  expect(found.every(({ type }) => type === 'directory')).toBe(true);
});

test('makeNodeAt() round-trips device numbers', () => {
  inode.makeNodeAt(root, 'node', 'char', 0o600, 4, 300);
  expect(inode.statAt(root, 'node')).toMatchObject({ type: 'char', rdevMajor: 4, rdevMinor: 300 });
});

test('openAt2() keeps an absolute symlink in the root', () => {
  inode.symlinkAt('/etc/passwd', root, 'link');
  expect(() => inode.openAt2(root, 'link', inode.O.RDONLY, inode.RESOLVE.IN_ROOT)).toThrow(/ENOENT/);
});

test('setXattr() and getXattr() round-trip bytes; the directory itself is the empty name', () => {
  writeFileSync(join(folder, 'a'), '');
  const value = Buffer.from([0, 1, 255]);
  for (const name of ['a', '']) {
    inode.setXattr(root, name, 'user.test', value);
    expect(inode.listXattrs(root, name)).toEqual(['user.test']);
    expect(inode.getXattr(root, name, 'user.test')).toEqual(value);
    expect(inode.getXattr(root, name, 'user.other')).toBeUndefined();
  }
});

test('tryCreateAt() makes a file, or answers -1 when the name is taken', () => {
  const flags = inode.O.WRONLY | inode.O.CREAT | inode.O.EXCL;
  const fd = inode.tryCreateAt(root, 'a', flags, 0o600);
  expect(inode.statFd(fd).type).toBe('file');
  inode.close(fd);
  inode.symlinkAt('nowhere', root, 'link');
  expect(inode.tryCreateAt(root, 'a', flags, 0o600)).toBe(-1);
  expect(inode.tryCreateAt(root, 'link', flags, 0o600)).toBe(-1);
  expect(() => inode.tryCreateAt(root, 'missing/a', flags, 0o600)).toThrow(/ENOENT/);
});

test('seek() finds data and holes, and answers -1 when there is no more', () => {
  writeFileSync(join(folder, 'a'), 'x');
  truncateSync(join(folder, 'a'), 5e9);
  const fd = inode.openAt(root, 'a', inode.O.RDONLY);
  expect(inode.seek(fd, 0, inode.SEEK.DATA)).toBe(0);
  expect(inode.seek(fd, 0, inode.SEEK.HOLE)).toBeLessThan(5e9);
  expect(inode.seek(fd, 4e9, inode.SEEK.DATA)).toBe(-1);
  expect(inode.seek(fd, 4e9, inode.SEEK.SET)).toBe(4e9);
  inode.close(fd);
});

test('exchangeAt() swaps two entries of any kind', () => {
  inode.makeDirectoryAt(root, 'directory', 0o755);
  inode.symlinkAt('target', root, 'link');
  inode.exchangeAt(root, 'directory', root, 'link');
  expect(inode.statAt(root, 'link')?.type).toBe('directory');
  expect(inode.readLinkAt(root, 'directory')).toBe('target');
  expect(() => inode.exchangeAt(root, 'link', root, 'missing')).toThrow(/ENOENT/);
});

test('isSameInode() tells a file from another, also of another type', () => {
  for (const name of ['a', 'b']) writeFileSync(join(folder, name), '');
  const fd = inode.openAt(root, 'a', inode.O.RDONLY);
  const stat = inode.statAt(root, 'a')!;
  expect(inode.isSameInode(fd, stat)).toBe(true);
  expect(inode.isSameInode(fd, inode.statAt(root, 'b')!)).toBe(false);
  expect(inode.isSameInode(fd, { ...stat, type: 'directory' })).toBe(false);
  expect(inode.isSameInode(fd, { ...stat, dev: stat.dev + 1n })).toBe(false);
  inode.close(fd);
});

test('two names in one call do not get in each other’s way, whatever their length', () => {
  const long = 'x'.repeat(255);
  inode.symlinkAt('y'.repeat(4000), root, long);
  inode.renameAt(root, long, root, 'short');
  expect(inode.readLinkAt(root, 'short')).toBe('y'.repeat(4000));
  inode.linkAt(root, 'short', root, long);
  expect(inode.statAt(root, long)?.nlink).toBe(2);
  expect(() => inode.symlinkAt('z'.repeat(10_000), root, 'no')).toThrow(/ENAMETOOLONG/);
});
