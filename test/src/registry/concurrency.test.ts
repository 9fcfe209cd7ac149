import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { mapConcurrently, Slots } from '../../../src/registry/concurrency.ts';

describe('Slots', () => {
  test('lets so many run at once, the others in their order', async () => {
    const slots = new Slots(2);
    const started: number[] = [];
    let running = 0;
    let most = 0;
    await Promise.all(
      [0, 1, 2, 3, 4].map((index) =>
        slots.run(async () => {
          started.push(index);
          most = Math.max(most, ++running);
          await delay(1);
          running--;
        }),
      ),
    );
    expect(started).toEqual([0, 1, 2, 3, 4]);
    expect(most).toBe(2);
  });

  test('goes on after work that failed, and starts none once the signal has fired', async () => {
    const slots = new Slots(1);
    const abort = new AbortController();
    const failed = slots.run(() => Promise.reject(new Error('no')));
    const next = slots.run(async () => abort.abort());
    const late = slots.run(async () => expect.unreachable(), abort.signal);
    await expect(failed).rejects.toThrow('no');
    await next;
    await expect(late).rejects.toMatchObject({ name: 'AbortError' });
    expect(await slots.run(async () => 'free')).toBe('free');
  });
});

test('mapConcurrently() aborts the others at the first failure, and throws it when all have ended', async () => {
  const ended: number[] = [];
  const work = async (item: number, _: number, signal: AbortSignal) => {
    if (item === 1) throw new Error('first');
    await delay(5000, undefined, { signal }).catch(() => {});
    ended.push(item);
  };
  await expect(mapConcurrently([0, 1, 2, 3], 3, undefined, work)).rejects.toThrow('first');
  expect(ended).toEqual([0, 2]);
});
