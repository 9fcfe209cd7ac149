import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
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
