import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { linkSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { StoreError } from '../../../layers/errors.ts';
import * as inode from '../../../layers/linux/inode.ts';
import { type DirectoryTreeOptions, directoryTree } from '../../../layers/snapshots/directory-tree.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { contentOf } from '../../support/tree-listing.ts';

let folder: string;
let context: string;

beforeEach(() => {
  folder = tempFolder();
  context = join(folder, 'context');
  mkdirSync(join(context, 'a/b'), { recursive: true });
  mkdirSync(join(folder, 'canary'));
  writeFileSync(join(folder, 'canary/secret'), 'secret');
  writeFileSync(join(context, 'a/b/file'), 'text');
});

function open(options: DirectoryTreeOptions = {}) {
  const tree = directoryTree(context, options);
  onTestFinished(() => tree.close());
  return tree;
}

test('lookup() finds entries by their paths, however these are written', () => {
  const tree = open();
  for (const path of ['/a/b/file', 'a/b/file', '//a/./b//file', '/a/../a/b/file', '/../a/b/file'])
    expect(tree.lookup(path), path).toMatchObject({ path: '/a/b/file', stat: { type: 'file', size: 4 } });
  for (const path of ['/', '', '/..', '.', '/a/..'])
    expect(tree.lookup(path), path).toMatchObject({ path: '/', stat: { type: 'directory' } });
  for (const path of ['/missing', '/missing/x', '/a/b/file/x', '/a/b/file/..', '/a\0', '/missing/../a'])
    expect(tree.lookup(path), path).toBeUndefined();
});

test('lookup() follows symlinks in parents always, and in the last component when asked', () => {
  symlinkSync('b', join(context, 'a/relative'));
  symlinkSync('/a/relative', join(context, 'absolute'));
  symlinkSync('../../../../a', join(context, 'a/b/up'));
  symlinkSync('missing', join(context, 'dangling'));
  const tree = open();
  expect(tree.lookup('/absolute')).toMatchObject({ path: '/absolute', stat: { type: 'symlink' } });
  expect(tree.readlink(tree.lookup('/absolute')!)).toBe('/a/relative');
  expect(tree.lookup('/absolute', { follow: true })).toMatchObject({ path: '/a/b' });
  expect(tree.lookup('/absolute/file')).toMatchObject({ path: '/a/b/file' });
  expect(tree.lookup('/absolute/up/b/up/relative/file')).toMatchObject({ path: '/a/b/file' });
  expect(tree.lookup('/dangling')).toMatchObject({ path: '/dangling' });
  expect(tree.lookup('/dangling', { follow: true })).toBeUndefined();
});

test('lookup() never leaves the directory', () => {
  symlinkSync(join(folder, 'canary'), join(context, 'absolute'));
  symlinkSync('../canary', join(context, 'relative'));
  symlinkSync('/proc/self/root', join(context, 'magic'));
  const tree = open();
  for (const path of ['/absolute/secret', '/relative/secret', '/magic/etc', '/../canary/secret']) {
    expect(tree.lookup(path, { follow: true }), path).toBeUndefined();
  }
});

test('lookup() throws ELOOP for a loop of symlinks, and follows 40', () => {
  symlinkSync('loop', join(context, 'loop'));
  symlinkSync('a', join(context, 'link1'));
  for (let index = 2; index <= 41; index++) symlinkSync(`link${index - 1}`, join(context, `link${index}`));
  const tree = open();
  expect(() => tree.lookup('/loop', { follow: true })).toThrow(StoreError);
  expect(() => tree.lookup('/loop/x')).toThrow(/too many symbolic links/);
  expect(tree.lookup('/link40', { follow: true })).toMatchObject({ path: '/a' });
  expect(() => tree.lookup('/link41', { follow: true })).toThrow(/too many symbolic links/);
});

test('children() lists every name bytewise, also those that are not UTF-8', () => {
  const names = ['Z', 'a', 'b.', '\xc3\xa9', 'e\xcc\x81', '\xff'];
  const fd = inode.openAt(inode.AT_FDCWD, join(context, 'a/b'), inode.O.DIRECTORY);
  for (const name of names) inode.makeDirectoryAt(fd, name, 0o700);
  inode.close(fd);
  const tree = open();
  const paths = tree.children(tree.lookup('/a/b')!).map(({ path }) => path);
  expect(paths).toEqual(
    ['Z', 'a', 'b.', 'e\xcc\x81', 'file', '\xc3\xa9', '\xff'].map((name) => `/a/b/${name}`),
  );
});

test('hidden entries are absent, with all below them, and never asked for twice', () => {
  const asked: string[] = [];
  const tree = open({
    hidden(path, type) {
      asked.push(`${type} ${path}`);
      return path === '/a';
    },
  });
  writeFileSync(join(context, 'other'), '');
  expect(tree.lookup('/a')).toBeUndefined();
  expect(tree.lookup('/a/b/file')).toBeUndefined();
  symlinkSync('a/b', join(context, 'link'));
  expect(tree.lookup('/link/file')).toBeUndefined();
  expect(tree.children(tree.lookup('/')!).map(({ path }) => path)).toEqual(['/link', '/other']);
  expect(asked.filter((line) => line === 'directory /a')).toHaveLength(1);
});

test('open() gives the file that was looked up, or throws', () => {
  const tree = open();
  const node = tree.lookup('/a/b/file')!;
  expect(contentOf(tree, node)).toBe('text');
  rmSync(join(context, 'a/b/file'));
  expect(() => tree.open(node)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  linkSync(join(folder, 'canary/secret'), join(context, 'a/b/file'));
  expect(() => tree.open(node)).toThrow(/no longer the file/);
  rmSync(join(context, 'a/b'), { recursive: true });
  symlinkSync(join(folder, 'canary'), join(context, 'a/b'));
  const moved = { ...node, path: '/a/b/secret' };
  expect(() => tree.open(moved)).toThrow(expect.objectContaining({ code: 'NOT_FOUND' }));
  tree.lookup('/'); // From here on directories are opened anew.
  expect(() => tree.open(moved)).toThrow(expect.objectContaining({ code: 'NOT_A_DIRECTORY' }));
});

test('xattrs() leaves out those of overlayfs and of security modules', () => {
  const fd = inode.openAt(inode.AT_FDCWD, context, inode.O.DIRECTORY);
  for (const name of ['user.b', 'user.a', 'user.overlay.opaque', 'trusted.overlay.opaque', 'security.label'])
    inode.setXattr(fd, 'a', name, Buffer.from(name));
  inode.close(fd);
  const tree = open();
  expect(tree.xattrs(tree.lookup('/a')!)).toEqual([
    ['user.a', Buffer.from('user.a')],
    ['user.b', Buffer.from('user.b')],
  ]);
  expect(tree.xattrs(tree.lookup('/')!)).toEqual([]);
});

test('directoryTree() says what is wrong with the directory', () => {
  expect(() => directoryTree(join(folder, 'missing'))).toThrow(
    expect.objectContaining({ code: 'NOT_FOUND' }),
  );
  expect(() => directoryTree(join(folder, 'canary/secret'))).toThrow(
    expect.objectContaining({ code: 'NOT_A_DIRECTORY' }),
  );
});

test('nothing outside is read while a directory is swapped for a symlink all the time', async () => {
  rmSync(join(context, 'a/b'), { recursive: true });
  mkdirSync(join(context, 'real'));
  writeFileSync(join(context, 'real/secret'), 'mine');
  symlinkSync(join(folder, 'canary'), join(context, 'evil'));
  const flip = `
    const fs = require('node:fs');
    process.chdir(process.argv[1]);
    process.stdout.write('ready');
    for (;;) {
      fs.renameSync('real', 'a/b'); fs.renameSync('a/b', 'real');
      fs.renameSync('evil', 'a/b'); fs.renameSync('a/b', 'evil');
    }`;
  const child = spawn(process.execPath, ['-e', flip, context], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {},
  });
  await once(child.stdout, 'data');
  const tree = open();
  const contents = new Set<string>();
  for (let round = 0; round < 5000; round++) {
    try {
      const node = tree.lookup('/a/b/secret', { follow: true });
      if (node !== undefined) contents.add(contentOf(tree, node));
      const directory = tree.lookup('/a/b');
      if (directory !== undefined)
        for (const found of tree.children(directory)) contents.add(contentOf(tree, found));
    } catch (error) {
      expect(error).toBeInstanceOf(StoreError);
    }
  }
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect([...contents]).toEqual(['mine']);
});
