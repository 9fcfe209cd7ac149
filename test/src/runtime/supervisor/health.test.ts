import { expect, test } from 'vitest';
import type { HealthState } from '../../../../src/runtime/container-state.ts';
import { healthCommand, nextHealth } from '../../../../src/runtime/supervisor/health.ts';

const STARTING: HealthState = { status: 'starting', failingStreak: 0, log: [] };
const result = (exitCode: number) => ({ start: '', end: '', exitCode, output: '' });

function after(codes: readonly number[], { retries = 3, inStartPeriod = false } = {}): HealthState {
  return codes.reduce((state, code) => nextHealth(state, result(code), { retries, inStartPeriod }), STARTING);
}

test('nextHealth() is unhealthy after so many failures in a row, and healthy after one success', () => {
  expect(after([1, 1])).toMatchObject({ status: 'starting', failingStreak: 2 });
  expect(after([1, 1, 1])).toMatchObject({ status: 'unhealthy', failingStreak: 3 });
  expect(after([1, 1, 1, 0])).toMatchObject({ status: 'healthy', failingStreak: 0 });
  expect(after([0, 1])).toMatchObject({ status: 'healthy', failingStreak: 1 });
});

test('nextHealth() counts no failures in the start period, and keeps the last five results', () => {
  const state = after([1, 1, 1, 1, 1, 1, 2], { inStartPeriod: true });
  expect(state).toMatchObject({ status: 'starting', failingStreak: 0 });
  expect(state.log.map(({ exitCode }) => exitCode)).toEqual([1, 1, 1, 1, 2]);
});

test('healthCommand() knows both forms, and that there is none', () => {
  expect(healthCommand({ test: ['CMD', 'a', 'b'] })).toEqual(['a', 'b']);
  expect(healthCommand({ test: ['CMD-SHELL', 'a | b'] })).toEqual(['/bin/sh', '-c', 'a | b']);
  expect(healthCommand({ test: ['NONE'] })).toBeUndefined();
  expect(healthCommand({})).toBeUndefined();
});
