import { expect, test } from 'vitest';
import { RestartSchedule, shouldRestart } from '../../../../src/runtime/supervisor/restart-policy.ts';

const failed = { exitCode: 1, stopped: false, ran: 0 };

test('RestartSchedule.next() waits twice as long each time, up to a minute, and begins anew after a steady run', () => {
  const schedule = new RestartSchedule({ name: 'always', maximumRetryCount: 0 });
  const waits = Array.from({ length: 12 }, () => schedule.next(failed));
  expect(waits.slice(0, 4)).toEqual([100, 200, 400, 800]);
  expect(waits.slice(-2)).toEqual([60_000, 60_000]);
  expect(schedule.next({ ...failed, ran: 10_000 })).toBe(100);
  expect(schedule.count).toBe(13);
});

test('RestartSchedule.next() gives up when on-failure has had its retries', () => {
  const schedule = new RestartSchedule({ name: 'on-failure', maximumRetryCount: 2 });
  expect([1, 2, 3].map(() => schedule.next(failed))).toEqual([100, 200, undefined]);
});

test.each([
  ['no', 1, false, false],
  ['on-failure', 0, false, false],
  ['on-failure', 1, false, true],
  ['on-failure', 1, true, false],
  ['always', 0, false, true],
  ['unless-stopped', 0, false, true],
  ['unless-stopped', 0, true, false],
] as const)(
  'shouldRestart() of %s after exit code %i, stopped %s, is %s',
  (name, exitCode, stopped, expected) => {
    expect(shouldRestart({ name, maximumRetryCount: 0 }, { exitCode, stopped, restarts: 0 })).toBe(expected);
  },
);
