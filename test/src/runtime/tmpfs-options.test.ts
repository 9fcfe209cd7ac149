import { expect, test } from 'vitest';
import { tmpfsOptions } from '../../../src/runtime/tmpfs-options.ts';

test.each([
  [[], ['noexec', 'nosuid', 'nodev']],
  [
    ['exec', 'size=1m'],
    ['exec', 'nosuid', 'nodev', 'size=1m'],
  ],
  [
    ['rw', 'ro', 'mode=1777', 'uid=5', 'size=1', 'size=10%'],
    ['noexec', 'nosuid', 'nodev', 'ro', 'mode=1777', 'uid=5', 'size=10%'],
  ],
  [['noexec'], ['noexec', 'nosuid', 'nodev']],
])('tmpfsOptions(%j) is %j', (asked, expected) => {
  expect(tmpfsOptions(asked)).toEqual(expected);
});

test.each([
  'bind',
  'rbind',
  'shared',
  'size',
  'size=x',
  'size=1,uid=0',
  'mode=9',
  'uid=root',
  'constructor=1',
  'nope=1',
  '',
])('tmpfsOptions() refuses %j', (option) => {
  expect(() => tmpfsOptions([option])).toThrow(`invalid tmpfs option ${JSON.stringify(option)}`);
});
