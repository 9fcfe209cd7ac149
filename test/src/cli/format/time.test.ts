import { expect, test } from 'vitest';
import { humanDuration, since, timestamp } from '../../../../src/cli/format/time.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

test.each([
  [0, 'Less than a second'],
  [1000, '1 second'],
  [59_999, '59 seconds'],
  [MINUTE, 'About a minute'],
  [59 * MINUTE, '59 minutes'],
  [60 * MINUTE, 'About an hour'],
  [89 * MINUTE, 'About an hour'],
  [90 * MINUTE, '2 hours'],
  [47 * HOUR, '47 hours'],
  [2 * DAY, '2 days'],
  [14 * DAY, '2 weeks'],
  [60 * DAY, '2 months'],
  [730 * DAY, '2 years'],
])('humanDuration() of %i ms is %s', (milliseconds, expected) => {
  expect(humanDuration(milliseconds)).toBe(expected);
});

test('since() and timestamp() say so when nothing says when', () => {
  expect([since(undefined), since('x'), timestamp(undefined)]).toEqual(['N/A', 'N/A', 'N/A']);
});

test('timestamp() is in the zone of the process', () => {
  const before = process.env.TZ;
  process.env.TZ = 'UTC';
  expect(timestamp('2026-01-02T03:04:05.678Z')).toBe('2026-01-02 03:04:05 +0000 UTC');
  process.env.TZ = 'Asia/Kolkata';
  expect(timestamp('2026-01-02T03:04:05Z')).toMatch(/^2026-01-02 08:34:05 \+0530 /);
  if (before === undefined) delete process.env.TZ;
  else process.env.TZ = before;
});
