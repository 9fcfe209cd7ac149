import { expect, test } from 'vitest';
import { resolveUser, UserError } from '../../../src/runtime/passwd.ts';
import { MemoryTree } from '../../support/memory-tree.ts';

const image = () =>
  new MemoryTree({
    '/etc/passwd':
      'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:2::/usr/sbin:\napp:x:1000:50:App,,:/home/app:/bin/sh\n',
    '/etc/group': 'root:x:0:root\nwheel:x:10:root\nstaff:x:50:\ndocker:x:999:app,other\naudio:x:63: app\n',
  });

test.each([
  ['', { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root' }],
  ['root', { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root' }],
  ['app', { uid: 1000, gid: 50, additionalGids: [50, 999, 63], home: '/home/app' }],
  ['1000', { uid: 1000, gid: 50, additionalGids: [50, 999, 63], home: '/home/app' }],
  ['app:docker', { uid: 1000, gid: 999, additionalGids: [999], home: '/home/app' }],
  ['app:7', { uid: 1000, gid: 7, additionalGids: [7], home: '/home/app' }],
  ['4242', { uid: 4242, gid: 0, additionalGids: [0], home: '/' }],
  ['4242:4243', { uid: 4242, gid: 4243, additionalGids: [4243], home: '/' }],
  [':docker', { uid: 0, gid: 999, additionalGids: [999], home: '/root' }],
  ['00', { uid: 0, gid: 0, additionalGids: [0, 10], home: '/root' }],
  ['4294967294', { uid: 4294967294, gid: 0, additionalGids: [0], home: '/' }],
])('resolveUser() finds who %j is, and their groups and home', (spec, expected) => {
  expect(resolveUser(image(), spec)).toEqual(expected);
});

test('resolveUser() adds the groups of --group-add, each once', () => {
  expect(resolveUser(image(), 'app', ['audio', '7', 'docker']).additionalGids).toEqual([50, 999, 63, 7]);
});

test('resolveUser() gives a number without passwd file no group but 0', () => {
  expect(resolveUser(new MemoryTree(), '12')).toEqual({ uid: 12, gid: 0, additionalGids: [0], home: '/' });
});

test('resolveUser() names the user or group that the image does not have', () => {
  expect(() => resolveUser(image(), 'nosuch')).toThrow(
    'unable to find user nosuch: no matching entries in passwd file',
  );
  expect(() => resolveUser(image(), 'app:nosuch')).toThrow(
    'unable to find group nosuch: no matching entries in group file',
  );
});

const NUMBER_LIKE = [
  '4294967295',
  '4294967296',
  '99999999999999999999999',
  '1e3',
  '0x0',
  '0 ',
  ' 0',
  '+0',
  '-1',
  '0b0',
  '.0',
];

test.each(NUMBER_LIKE)('resolveUser() refuses %j, though the image gives that name to root', (name) => {
  const tree = new MemoryTree({
    '/etc/passwd': `${name}:x:0:0::/root:\n`,
    '/etc/group': `${name}:x:0:\n`,
  });
  expect(() => resolveUser(tree, name)).toThrow(UserError);
  expect(() => resolveUser(tree, `1:${name}`)).toThrow(UserError);
});

test('resolveUser() never looks a number up as a name', () => {
  const tree = new MemoryTree({ '/etc/passwd': '2147483648:x:0:0::/root:\n' });
  expect(resolveUser(tree, '2147483648')).toMatchObject({ uid: 2147483648, gid: 0, home: '/' });
});

test('resolveUser() skips lines whose ids are out of range or no numbers', () => {
  const tree = new MemoryTree({
    '/etc/passwd':
      'app:x:4294967296:0::/a:\napp:x:-1:0::/b:\napp:x::0::/c:\napp\n:x:0:0::/:\napp:x:5:6::/d:\n',
  });
  expect(resolveUser(tree, 'app')).toMatchObject({ uid: 5, gid: 6, home: '/d' });
});

test('resolveUser() follows /etc/passwd inside the image only', () => {
  const tree = new MemoryTree({
    '/etc/passwd': { target: '../../../../data/users' },
    '/data/users': 'app:x:5:6::/d:\n',
  });
  expect(resolveUser(tree, 'app')).toMatchObject({ uid: 5 });
});

test.each([
  ['a FIFO', { type: 'fifo' as const }],
  ['a device', { type: 'char' as const, device: [1, 5] as const }],
  ['a directory', { type: 'directory' as const }],
  ['more than a mebibyte', { content: Buffer.alloc(1024 * 1024 + 1, 'x') }],
])('resolveUser() refuses a passwd file that is %s, without opening it', (_what, sketch) => {
  const tree = new MemoryTree({ '/etc/passwd': sketch });
  expect(() => resolveUser(tree, 'app')).toThrow(/Cannot read \/etc\/passwd of the image/);
  expect(tree.calls.open).toBe(0);
});
