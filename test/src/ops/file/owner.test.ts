import { expect, test } from 'vitest';
import { resolveOwner, workdirOwner } from '../../../../src/ops/file/owner.ts';
import { UserError } from '../../../../src/runtime/passwd.ts';
import { MemoryTree } from '../../../support/memory-tree.ts';

const image = () =>
  new MemoryTree({ '/etc/passwd': 'daemon:x:1:2:::\n5:x:0:0:::\n', '/etc/group': 'staff:x:50:\n5:x:0:\n' });

// As Docker 28.5 resolves --chown.
test.each([
  ['daemon', 1, 2],
  ['daemon:', 1, 0],
  ['daemon:7', 1, 7],
  ['daemon:staff', 1, 50],
  [':staff', 0, 50],
  [':5', 0, 5],
  ['5:', 5, 0],
  ['5', 5, 5],
  ['1000', 1000, 1000],
  ['01:02', 1, 2],
  ['2147483648:4294967294', 2147483648, 4294967294],
])('resolveOwner() takes %j for %i:%i', (owner, uid, gid) => {
  expect(resolveOwner(image(), owner)).toEqual({ uid, gid });
});

test.each(['nosuch', 'nosuch:5', '5:nosuch', '4294967295', '4294967296:0', '-1:0', '0:-1', '1e3', '0x0'])(
  'resolveOwner() fails for %j rather than making it root',
  (owner) => {
    expect(() => resolveOwner(image(), owner)).toThrow(UserError);
  },
);

test('resolveOwner() fails for a name where there is no passwd file', () => {
  expect(() => resolveOwner(new MemoryTree(), 'daemon')).toThrow('unable to find user daemon');
});

test('resolveOwner() reads no file for numbers', () => {
  const tree = new MemoryTree({ '/etc/passwd': { type: 'fifo' } });
  expect(resolveOwner(tree, '5:6')).toEqual({ uid: 5, gid: 6 });
});

// As Docker 28.5 makes a WORKDIR.
test.each([
  ['daemon', 1, 2],
  ['daemon:staff', 1, 50],
  ['daemon:', 1, 0],
  ['daemon:nosuch', 1, 2],
  ['12:nosuch', 12, 12],
  ['12', 12, 12],
  ['nosuch', 0, 0],
  ['nosuch:staff', 0, 50],
  ['nosuch:nosuch', 0, 0],
  [':staff', 0, 50],
])('workdirOwner() takes USER %j for %i:%i', (user, uid, gid) => {
  expect(workdirOwner(image(), user)).toEqual({ uid, gid });
});

test('workdirOwner() fails for what is neither a name nor an id', () => {
  expect(() => workdirOwner(image(), '4294967296')).toThrow(UserError);
});
