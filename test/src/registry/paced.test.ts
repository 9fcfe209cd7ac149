import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { paced } from '../../../src/registry/paced.ts';

async function* every(milliseconds: number, chunk: Buffer, count: number): AsyncGenerator<Buffer> {
  for (let index = 0; index < count; index++) {
    await delay(milliseconds);
    yield chunk;
  }
}

async function bytesOf(chunks: AsyncIterable<Buffer>, pause = 0): Promise<number> {
  let bytes = 0;
  for await (const { length } of chunks) {
    bytes += length;
    if (pause > 0) await delay(pause);
  }
  return bytes;
}

test('paced() fails when bytes drip in for longer than its window', async () => {
  const dripping = paced(every(5, Buffer.alloc(1), 1000), 50);
  await expect(bytesOf(dripping)).rejects.toMatchObject({ code: 'ESLOW' });
});

test('paced() lets through what comes in pieces that are large enough', async () => {
  expect(await bytesOf(paced(every(5, Buffer.alloc(8192), 30), 50))).toBe(30 * 8192);
});

test('paced() does not count the time that its reader takes', async () => {
  expect(await bytesOf(paced(every(0, Buffer.alloc(1), 10), 200), 50)).toBe(10);
});

test('paced() ends its source when the reader goes away', async () => {
  let isEnded = false;
  async function* source() {
    try {
      for (;;) yield Buffer.alloc(1);
    } finally {
      isEnded = true;
    }
  }
  for await (const _ of paced(source())) break;
  expect(isEnded).toBe(true);
});
