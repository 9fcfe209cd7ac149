import {
  closeSync,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import * as inode from '../../../layers/linux/inode.ts';
import { directoryTree } from '../../../layers/snapshots/directory-tree.ts';
import type { TreeWriter } from '../../../layers/snapshots/tree-writer.ts';
import { LayerDirectories } from '../../support/layer-directories.ts';
import { tempFolder } from '../../support/temp-folder.ts';
import { contentOf, listTree } from '../../support/tree-listing.ts';

let folder: string;
let layers: LayerDirectories;

const FILE = { mode: 0o644, uid: 0, gid: 0, mtimeNs: 1_234_567_890_123_456_789n } as const;
const DIRECTORY = { ...FILE, mode: 0o755 } as const;
const TEXT = Buffer.from('text');

beforeEach(() => {
  folder = tempFolder();
  layers = new LayerDirectories(folder);
  const { pool } = layers;
  onTestFinished(() => pool.forgetAll());
});

const upper = (path: string) => join(folder, 'upper', path);

test('every kind of entry gets exactly the attributes asked for, whatever the umask', () => {
  const before = process.umask(0o077);
  onTestFinished(() => void process.umask(before));
  const writer = layers.writer('upper');
  const all = { mode: 0o6777, uid: 1001, gid: 4_000_000_000, mtimeNs: -1n };
  const capability = Buffer.from('0000000200040000000000000000000000000000', 'hex');
  writer.mkdir('/dir', { ...all, mode: 0o7777, xattrs: [['user.x', Buffer.from([0, 255])]] });
  writer.file('/dir/file', TEXT, { ...all, xattrs: [['security.capability', capability]] });
  writer.file('/plain', TEXT, { ...FILE, mode: 0o666 });
  writer.file('/secret', TEXT, { ...FILE, mode: 0o400 });
  writer.symlink('/link', '/nowhere', all);
  writer.mknod('/fifo', { type: 'fifo', major: 0, minor: 0 }, all);
  writer.mknod('/block', { type: 'block', major: 259, minor: 70_000 }, { ...all, mode: 0o660 });
  writer.finish();
  expect(listTree(layers.view('upper'), { directoryTimes: true })).toMatchObject({
    '/dir': 'directory 7777 1001 4000000000 -1 user.x=00ff',
    '/dir/file': `file 6777 1001 4000000000 1 4 -1 "text" security.capability=${capability.toString('hex')}`,
    '/plain': `file 666 0 0 1 4 ${FILE.mtimeNs} "text"`,
    '/secret': `file 400 0 0 1 4 ${FILE.mtimeNs} "text"`,
    '/link': 'symlink 777 1001 4000000000 1 0 -1 /nowhere',
    '/fifo': 'fifo 6777 1001 4000000000 1 0 -1',
    '/block': 'block 660 1001 4000000000 1 0 -1 259:70000',
  });
});

test('file() gets its owner and mode also where the directory would have it otherwise', () => {
  const writer = layers.writer('upper');
  writer.mkdir('/setgid', { ...DIRECTORY, mode: 0o2755, gid: 5 });
  writer.file('/setgid/file', TEXT, FILE);
  expect(writer.tree.lookup('/setgid/file')!.stat).toMatchObject({ uid: 0, gid: 0, mode: 0o644 });
  writer.mkdir('/acl', { ...DIRECTORY, xattrs: [['system.posix_acl_default', OWNER_ONLY]] });
  writer.file('/acl/file', TEXT, FILE);
  expect(writer.tree.lookup('/acl/file')!.stat.mode).toBe(0o644);
});

/** acl(5) in its binary form: version 2, then tag, permissions and id of user::rwx, group::--- and other::---. */
const OWNER_ONLY = Buffer.concat([
  Buffer.from([2, 0, 0, 0]),
  ...[
    [0x01, 7],
    [0x04, 0],
    [0x20, 0],
  ].map(([tag, permissions]) => Buffer.from([tag!, 0, permissions!, 0, 255, 255, 255, 255])),
]);

test('directories keep their times, or get those asked for, when finish() is called', () => {
  mkdirSync(join(layers.path('1'), 'dir/sub'), { recursive: true });
  const root = inode.openAt(inode.AT_FDCWD, folder, inode.O.DIRECTORY);
  for (const [index, path] of ['1/dir/sub', '1/dir', '1'].entries())
    inode.setTimesAt(root, path, BigInt(1000 + index));
  layers.path('upper');
  inode.setTimesAt(root, 'upper', 5n);
  inode.close(root);
  const writer = layers.writer('upper', '1');
  writer.mkdir('/new', { ...DIRECTORY, mtimeNs: 7n });
  writer.file('/new/file', TEXT, FILE);
  writer.file('/dir/sub/file', TEXT, FILE);
  writer.remove('/dir/sub/file');
  writer.mkdir('/gone', DIRECTORY);
  writer.file('/gone/file', TEXT, FILE);
  writer.remove('/gone');
  writer.finish();
  const { tree } = writer;
  const times = ['/', '/dir', '/dir/sub', '/new'].map((path) => tree.lookup(path)!.stat.mtimeNs);
  expect(times).toEqual([5n, 1001n, 1000n, 7n]);
});

test('parents are copied up with owner, mode and attributes', () => {
  mkdirSync(join(layers.path('1'), 'dir/sub'), { recursive: true });
  const base = layers.writer('1');
  const xattrs = [['user.x', Buffer.from('y')]] as const;
  base.setAttributes('/dir', { mode: 0o1770, uid: 12, gid: 34, xattrs });
  base.finish();
  const writer = layers.writer('upper', '1');
  writer.file('/dir/sub/file', TEXT, FILE);
  writer.finish();
  expect(listTree(directoryTree(upper('')))).toMatchObject({ '/dir': 'directory 1770 12 34 user.x=79' });
});

test('mkdirAll() makes what is missing and leaves alone what is there', () => {
  const writer = layers.writer('upper');
  expect(writer.mkdirAll('/a/b', { ...DIRECTORY, mode: 0o700 })).toBe(true);
  expect(writer.mkdirAll('/a/b/c/d', { ...DIRECTORY, uid: 5 })).toBe(true);
  expect(writer.mkdirAll('/a/b/c', DIRECTORY)).toBe(false);
  expect(writer.mkdirAll('/', DIRECTORY)).toBe(false);
  const uids = ['/a', '/a/b', '/a/b/c', '/a/b/c/d'].map((path) => writer.tree.lookup(path)!.stat.uid);
  expect(uids).toEqual([0, 0, 5, 5]);
  writer.symlink('/link', 'a/new/dir', FILE);
  expect(writer.mkdirAll('/link/../x', DIRECTORY)).toBe(true);
  expect(writer.tree.lookup('/a/new/x')?.stat.type).toBe('directory');
});

test('what cannot be is refused with a code and the path', () => {
  const writer = layers.writer('upper');
  writer.mkdir('/dir', DIRECTORY);
  writer.file('/file', TEXT, FILE);
  const refused: [code: string, attempt: () => void][] = [
    ['IS_A_DIRECTORY', () => writer.file('/dir', TEXT, FILE)],
    ['IS_A_DIRECTORY', () => writer.file('/', TEXT, FILE)],
    ['IS_A_DIRECTORY', () => writer.symlink('/dir', 'x', FILE)],
    ['IS_A_DIRECTORY', () => writer.link('/link', '/dir')],
    ['NOT_A_DIRECTORY', () => writer.mkdir('/file', DIRECTORY)],
    ['NOT_A_DIRECTORY', () => writer.mkdirAll('/file/x', DIRECTORY)],
    ['NOT_A_DIRECTORY', () => writer.file('/file/x', TEXT, FILE)],
    ['NOT_FOUND', () => writer.file('/missing/x', TEXT, FILE)],
    ['NOT_FOUND', () => writer.setAttributes('/missing', { mode: 0 })],
    ['NOT_FOUND', () => writer.link('/x', '/missing')],
    ['UNSUPPORTED', () => writer.remove('/')],
    ['UNSUPPORTED', () => writer.remove('/dir/..')],
    ['UNSUPPORTED', () => writer.file('/a\0b', TEXT, FILE)],
    ['UNSUPPORTED', () => writer.mknod('/x', { type: 'char', major: 0, minor: 0 }, FILE)],
    ['SYSTEM', () => writer.file(`/${'x'.repeat(256)}`, TEXT, FILE)],
  ];
  for (const [code, attempt] of refused)
    expect(attempt, attempt.toString()).toThrow(expect.objectContaining({ code, name: 'StoreError' }));
  expect(Object.keys(listTree(writer.tree))).toEqual(['/', '/dir', '/file']);
});

test('a directory of a lower layer cannot be replaced by a file, but once removed it can', () => {
  mkdirSync(join(layers.path('1'), 'dir/sub'), { recursive: true });
  const writer = layers.writer('upper', '1');
  expect(() => writer.file('/dir', TEXT, FILE)).toThrow(/it is a directory/);
  expect(readdirSync(upper(''))).toEqual([]);
  writer.remove('/dir');
  writer.file('/dir', TEXT, FILE);
  expect(Object.keys(listTree(writer.tree))).toEqual(['/', '/dir']);
  writer.remove('/dir');
  writer.mkdir('/dir', DIRECTORY);
  expect(Object.keys(listTree(writer.tree))).toEqual(['/', '/dir']);
});

test.each(['a directory', 'a file', 'nothing'])(
  'mkdir() in place of %s tells by its mark what it replaced',
  (what) => {
    const lower = join(layers.path('1'), 'entry');
    if (what === 'a directory') mkdirSync(lower);
    else if (what === 'a file') writeFileSync(lower, TEXT);
    const writer = layers.writer('upper', '1');
    writer.remove('/entry');
    writer.mkdir('/entry', DIRECTORY);
    writer.finish();
    const made = inode.openAt(inode.AT_FDCWD, upper('entry'), inode.O.DIRECTORY);
    const mark = inode.getXattrFd(made, 'trusted.overlay.opaque')?.toString();
    inode.close(made);
    expect(mark).toBe(what === 'nothing' ? undefined : 'y');
  },
);

test('copy() takes any entry over from another tree, with what is given laid over it', () => {
  const source = layers.writer('source');
  const xattrs = [['user.x', Buffer.from('y')]] as const;
  source.mkdir('/dir', { ...DIRECTORY, xattrs });
  source.file('/dir/file', TEXT, { ...FILE, mode: 0o4755, uid: 9, xattrs });
  source.symlink('/link', '/dir', FILE);
  source.mknod('/fifo', { type: 'fifo', major: 0, minor: 0 }, FILE);
  source.finish();
  inode.makeNodeAt(inode.AT_FDCWD, join(folder, 'source/socket'), 'socket', 0o600, 0, 0);
  const from = layers.view('source');
  const writer = layers.writer('upper');
  for (const path of ['/dir', '/dir/file', '/link', '/fifo', '/socket'])
    writer.copy(path, from, from.lookup(path)!, {});
  writer.copy('/mine', from, from.lookup('/dir/file')!, { uid: 7, mode: 0o600, mtimeNs: 5n, xattrs: [] });
  writer.finish();
  const expected: Record<string, string> = listTree(from, { directoryTimes: true });
  delete expected['/socket'];
  delete expected['/'];
  expect(listTree(writer.tree, { directoryTimes: true })).toMatchObject({
    ...expected,
    '/mine': 'file 600 7 0 1 4 5 "text"',
  });
  expect(writer.tree.lookup('/socket')).toBeUndefined();
});

test('file() copies big files whole, and keeps their holes', () => {
  const source = openSync(join(folder, 'big'), 'w+');
  onTestFinished(() => closeSync(source));
  const size = 40 * 2 ** 20;
  writeSync(source, 'start', 0);
  writeSync(source, 'middle', 20 * 2 ** 20 + 123);
  ftruncateSync(source, size);
  const writer = layers.writer('upper');
  writer.file('/sparse', { fd: source, size }, FILE);
  writer.file('/shorter', { fd: source, size: 3 }, FILE);
  const dense = Buffer.alloc(3 * 2 ** 20 + 7, 'abc');
  writer.file('/dense', dense, FILE);
  const reread = openSync(upper('dense'), 'r');
  onTestFinished(() => closeSync(reread));
  writer.file('/again', { fd: reread, size: fstatSync(reread).size }, FILE);
  expect(readFileSync(upper('sparse')).equals(readFileSync(join(folder, 'big')))).toBe(true);
  expect(statSync(upper('sparse')).blocks * 512).toBeLessThan(2 ** 20);
  expect(readFileSync(upper('shorter'), 'utf8')).toBe('sta');
  expect(readFileSync(upper('again')).equals(dense)).toBe(true);
});

test('file() replaces a file of many names without touching the others', () => {
  const writer = layers.writer('upper');
  writer.file('/one', TEXT, FILE);
  writer.link('/two', '/one');
  writer.link('/two', '/one');
  writer.link('/two', '/two');
  expect(writer.tree.lookup('/one')!.stat.nlink).toBe(2);
  writer.file('/two', Buffer.from('new'), FILE);
  expect(contentOf(writer.tree, writer.tree.lookup('/one')!)).toBe('text');
  expect(contentOf(writer.tree, writer.tree.lookup('/two')!)).toBe('new');
});

test('names that differ by case, form or encoding are different', () => {
  const writer = layers.writer('upper');
  const names = [
    '/a',
    '/A',
    '/\xc3\xa9',
    '/e\xcc\x81',
    '/\xff\xfe',
    '/\xc5\xbf',
    '/s',
    '/\xef\xac\x81',
    '/fi',
  ];
  for (const name of names) writer.mkdir(name, DIRECTORY);
  for (const name of names) writer.file(`${name}/x`, Buffer.from(name, 'latin1'), FILE);
  for (const name of names) expect(contentOf(writer.tree, writer.tree.lookup(`${name}/x`)!)).toBe(name);
});

describe('symlinks that lead to the host', () => {
  let canary: string;

  beforeEach(() => {
    canary = join(folder, 'canary');
    mkdirSync(join(canary, 'dir'), { recursive: true });
    writeFileSync(join(canary, 'file'), 'precious');
    writeFileSync(join(canary, 'dir/file'), 'precious');
  });

  const attempts: Record<string, (writer: TreeWriter, path: string) => void> = {
    mkdir: (writer, path) => writer.mkdir(`${path}/new`, DIRECTORY),
    mkdirAll: (writer, path) => writer.mkdirAll(`${path}/new/deep`, DIRECTORY),
    file: (writer, path) => writer.file(`${path}/file`, TEXT, FILE),
    'file itself': (writer, path) => writer.file(path, TEXT, FILE),
    symlink: (writer, path) => writer.symlink(`${path}/file`, 'x', FILE),
    link: (writer, path) => writer.link('/linked', `${path}/file`),
    mknod: (writer, path) => writer.mknod(`${path}/new`, { type: 'fifo', major: 0, minor: 0 }, FILE),
    setAttributes: (writer, path) => writer.setAttributes(`${path}/file`, { mode: 0o777, uid: 5 }),
    'setAttributes itself': (writer, path) => writer.setAttributes(path, { uid: 5, mtimeNs: 0n }),
    remove: (writer, path) => writer.remove(`${path}/file`),
    'remove all': (writer, path) => writer.remove(`${path}/dir`),
    'remove itself': (writer, path) => writer.remove(path),
  };

  test.each(Object.keys(attempts))('are not followed out of the tree by %s', (name) => {
    const before = listTree(directoryTree(canary), { directoryTimes: true });
    for (const where of ['1', 'upper'])
      for (const [index, target] of [canary, `../../../../../../..${canary}`, '/proc/self/cwd/..'].entries())
        symlinkSync(target, join(layers.path(where), `link${where}${index}`));
    const writer = layers.writer('upper', '1');
    for (const link of ['/link10', '/link11', '/link12', '/linkupper0', '/linkupper1', '/linkupper2']) {
      try {
        attempts[name]!(writer, link);
      } catch (error) {
        expect(error).toMatchObject({ name: 'StoreError' });
      }
    }
    writer.finish();
    expect(listTree(directoryTree(canary), { directoryTimes: true })).toEqual(before);
  });

  test('are followed inside the tree, also one that took the place of a directory just written to', () => {
    const writer = layers.writer('upper');
    writer.mkdir('/dir', DIRECTORY);
    writer.file('/dir/one', TEXT, FILE);
    writer.remove('/dir');
    writer.symlink('/dir', canary, FILE);
    expect(() => writer.file('/dir/file', TEXT, FILE)).toThrow(
      expect.objectContaining({ code: 'NOT_FOUND' }),
    );
    writer.mkdirAll('/dir', DIRECTORY);
    writer.file('/dir/file', TEXT, FILE);
    expect(readFileSync(join(upper(canary), 'file'), 'utf8')).toBe('text');
    writer.symlink('/dir', '/', FILE);
    writer.file('/dir/file', TEXT, FILE);
    expect(readFileSync(upper('file'), 'utf8')).toBe('text');
    expect(readFileSync(join(canary, 'file'), 'utf8')).toBe('precious');
  });

  test('do not confuse it when a symlink of a lower layer is replaced', () => {
    symlinkSync('/a', join(layers.path('1'), 'link'));
    symlinkSync('/a', join(layers.path('1'), 'other'));
    for (const name of ['a', 'b']) mkdirSync(join(layers.path('1'), name));
    const writer = layers.writer('upper', '1');
    writer.file('/link/one', TEXT, FILE);
    writer.symlink('/link', '/b', FILE);
    writer.file('/link/two', TEXT, FILE);
    writer.file('/link', TEXT, FILE);
    expect(() => writer.file('/link/three', TEXT, FILE)).toThrow(/not a directory/);
    writer.file('/other/four', TEXT, FILE);
    writer.file('/a/../other', TEXT, FILE);
    expect(() => writer.file('/other/five', TEXT, FILE)).toThrow(/not a directory/);
    const paths = ['/', '/a', '/a/four', '/a/one', '/b', '/b/two', '/link', '/other'];
    expect(Object.keys(listTree(writer.tree))).toEqual(paths);
  });
});

test('attributes that steer overlayfs are never written', () => {
  const writer = layers.writer('upper');
  const xattrs = [
    'trusted.overlay.opaque',
    'user.overlay.opaque',
    'trusted.overlay.redirect',
    'user.kept',
  ].map((name) => [name, Buffer.from('y')] as const);
  writer.mkdir('/dir', { ...DIRECTORY, xattrs });
  writer.file('/file', TEXT, { ...FILE, xattrs });
  const root = inode.openAt(inode.AT_FDCWD, upper(''), inode.O.DIRECTORY);
  for (const name of ['dir', 'file']) expect(inode.listXattrs(root, name)).toEqual(['user.kept']);
  inode.close(root);
});
