import { expect, test } from 'vitest';
import { SystemCallError } from '../../../layers/linux/errno.ts';
import { applyXattrs } from '../../../layers/snapshots/apply-attributes.ts';

const VALUE = Buffer.from('x');

test('applyXattrs() passes over what cannot be set, but not capabilities, and leaves out marks of overlayfs', () => {
  const refusing = (errno: number) => (name: string) => {
    throw new SystemCallError('setxattr', errno, name);
  };
  const [EPERM, EOPNOTSUPP, ENOSPC] = [1, 95, 28];
  for (const errno of [EPERM, EOPNOTSUPP]) {
    expect(() => applyXattrs([['user.a', VALUE]], refusing(errno))).not.toThrow();
    expect(() => applyXattrs([['security.capability', VALUE]], refusing(errno))).toThrow(SystemCallError);
  }
  expect(() => applyXattrs([['user.a', VALUE]], refusing(ENOSPC))).toThrow(SystemCallError);
  const set: string[] = [];
  applyXattrs(
    ['trusted.overlay.opaque', 'user.overlay.opaque', 'user.a'].map((name) => [name, VALUE] as const),
    (name) => set.push(name),
  );
  expect(set).toEqual(['user.a']);
});
