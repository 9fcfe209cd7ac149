import { expect, test } from 'vitest';
import { modeRule, parentMode } from '../../../../src/ops/file/chmod.ts';

// Results of Docker 28.5 for `COPY --chmod=…` of a file 0644 or 0600 and a directory 02711.
test.each([
  ['u=rw', 0o644, 0o644, 0o2611],
  ['a=rX', 0o644, 0o444, 0o555],
  ['g=u', 0o644, 0o664, 0o2771],
  ['+x', 0o644, 0o755, 0o2711],
  ['u=rwX,go=rX', 0o644, 0o644, 0o755],
  ['o+t', 0o644, 0o644, 0o2711],
  ['u+s,o=X', 0o644, 0o4640, 0o6711],
  ['=r', 0o644, 0o444, 0o444],
  ['u+s,g+s', 0o600, 0o6600, 0o6711],
  ['a-w,u+w-r', 0o600, 0o200, 0o2311],
  ['+X', 0o744, 0o755, 0o2711],
  ['a+t', 0o644, 0o1644, 0o3711],
  ['u-s,g-s', 0o6755, 0o755, 0o711],
])('modeRule() applies %s as Docker does', (symbolic, file, expectedFile, expectedDirectory) => {
  const rule = modeRule({ symbolic });
  expect(rule(file, false).toString(8)).toBe(expectedFile.toString(8));
  expect(rule(0o2711, true).toString(8)).toBe(expectedDirectory.toString(8));
});

test('modeRule() replaces the mode when it is octal, of directories too', () => {
  const rule = modeRule({ octal: 0o4750 });
  expect([rule(0o644, false), rule(0o2711, true)]).toEqual([0o4750, 0o4750]);
});

test.each(['', 'u', 'u+q', 'rw', 'u=rw;', 'u=rw,', 'z+x', '64a', 'u=gr'])(
  'modeRule() refuses %j',
  (symbolic) => {
    expect(() => modeRule({ symbolic })).toThrow(`invalid chmod parameter: '${symbolic}'`);
  },
);

test.each([0o10000, -1, 1.5, Number.NaN])('modeRule() refuses the number %s', (octal) => {
  expect(() => modeRule({ octal })).toThrow('invalid chmod parameter');
});

test.each([
  [{ octal: 0o600 }, 0o600],
  [{ octal: 0o644 }, 0o644],
  [{ octal: 0o777 }, 0o777],
  [{ octal: 0o2775 }, 0o2775],
  [{ symbolic: 'u=rw' }, 0o755],
  [undefined, 0o755],
])('parentMode() of %o is as Docker has it', (change, expected) => {
  expect(parentMode(change).toString(8)).toBe(expected.toString(8));
});
