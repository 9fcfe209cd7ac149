import { expect, test } from 'vitest';
import { randomBytes, randomBytesBy } from '../../../layers/linux/random.ts';

test('randomBytes() gives other bytes each time, as many as asked for', () => {
  const names = new Set(Array.from({ length: 1000 }, () => randomBytes(8).toString('hex')));
  expect(names.size).toBe(1000);
  for (const name of names) expect(name).toHaveLength(16);
  expect(randomBytes(0)).toHaveLength(0);
  expect(randomBytes(256)).toHaveLength(256);
});

test.each([-1, 0, 15])('randomBytesBy() asks node:crypto when the kernel answers %i of 16', (answer) => {
  const bytes = randomBytesBy((into) => {
    into.fill(0);
    return answer;
  }, 16);
  expect(bytes).toHaveLength(16);
  expect(bytes.equals(Buffer.alloc(16))).toBe(false);
});
