import { expect, test, vi } from 'vitest';
import { chooseMechanism } from '../../../src/sandbox/mechanism.ts';
import type { StartPlan } from '../../../src/sandbox/plan.ts';
import { recordingSyscalls } from '../../support/recording-syscalls.ts';

const child = { pid: 7, ended: Promise.resolve(0), kill: () => {} };
vi.mock('../../../src/sandbox/start-vfork.ts', () => ({
  startByVfork: async (_plan: unknown, _streams: unknown, _sys: unknown, stubs: string[]) => {
    stubs.push('/proc', '/etc');
    throw new Error('the child ended before its set-up had');
  },
}));
vi.mock('../../../src/sandbox/start-reexec.ts', () => ({
  startByReexec: async () => ({ child, stubs: ['/etc/hosts'], terminal: undefined }),
}));
vi.mock('../../../src/sandbox/vfork.ts', () => ({
  vforkObstacle: () => undefined,
  vforkStarter: () => {
    throw new Error('it does not work here');
  },
}));

test('chooseMechanism() gives the stubs of both children, where the first could not be started by vfork', async () => {
  const start = await chooseMechanism('auto', false);
  const started = await start({} as StartPlan, undefined, recordingSyscalls());
  expect(started).toEqual({ child, stubs: ['/proc', '/etc', '/etc/hosts'], terminal: undefined });
});
