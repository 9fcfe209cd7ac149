import { once } from 'node:events';
import { expect, test } from 'vitest';
import { interruptible } from '../../../src/cli/interruptible.ts';

test('interruptible() has work end at a signal, gives its status, and lets go of signals', async () => {
  const before = process.listenerCount('SIGTERM');
  const status = interruptible('x', async (signal) => {
    await once(signal, 'abort');
    signal.throwIfAborted();
  });
  process.emit('SIGTERM', 'SIGTERM');
  expect(await status).toBe(143);
  expect(process.listenerCount('SIGTERM')).toBe(before);
});

test('interruptible() passes on failures that no signal made', async () => {
  const failed = interruptible('x', () => Promise.reject(new Error('no')));
  await expect(failed).rejects.toThrow('no');
});
