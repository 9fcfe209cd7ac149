import { expect, test } from 'vitest';
import { DetachKeyFilter, parseDetachKeys } from '../../../src/cli/detach-keys.ts';

test.each([
  ['ctrl-p,ctrl-q', [16, 17]],
  ['ctrl-@,a,ctrl-[', [0, 97, 27]],
])('parseDetachKeys() of %s', (text, bytes) => {
  expect([...parseDetachKeys(text)]).toEqual(bytes);
});

test.each(['ctrl-', 'ab', 'ctrl-1', ''])('parseDetachKeys() refuses "%s"', (text) => {
  expect(() => parseDetachKeys(text)).toThrow('invalid detach keys');
});

test('DetachKeyFilter.push() holds back what may become the sequence, and passes on what does not', () => {
  const filter = new DetachKeyFilter(parseDetachKeys('ctrl-p,ctrl-q'));
  const push = (...bytes: number[]) => {
    const { pass, detach } = filter.push(Buffer.from(bytes));
    return [[...pass], detach];
  };
  expect(push(97, 16)).toEqual([[97], false]);
  expect(push(98)).toEqual([[16, 98], false]);
  expect(push(16, 16)).toEqual([[16], false]);
  expect(push(17, 99)).toEqual([[], true]);
});
