import { expect, test } from 'vitest';
import { signalNumber } from '../../../src/runtime/signals.ts';

test.each([
  ['SIGTERM', 15],
  ['term', 15],
  ['9', 9],
  ['SIGRTMIN', 34],
  ['RTMIN+3', 37],
  ['SIGRTMAX-1', 63],
])('signalNumber(%s) is %i', (text, expected) => expect(signalNumber(text)).toBe(expected));

test.each(['', 'FOO', '0', '65', '-9', '1e1', 'SIGRTMIN+40', 'RTMAX+1', 'constructor'])(
  'signalNumber() refuses %j',
  (text) => {
    expect(() => signalNumber(text)).toThrow(`invalid signal: ${text}`);
  },
);
