import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { libc } from '../../../src/linux/libc.ts';
import { writeWhatFits } from '../../../src/linux/own-output.ts';

function pipe(): readonly [reader: number, writer: number] {
  const [reader, writer] = libc().pipe();
  onTestFinished(() => closeSync(writer));
  return [reader, writer];
}

const bytes = (length: number) => Buffer.from(Array.from({ length }, (_, index) => index % 251));

test('writeWhatFits() writes all of it to a file, at once', () => {
  const folder = mkdtempSync(join(tmpdir(), 'own-output-'));
  const fd = openSync(join(folder, 'out'), 'a');
  onTestFinished(() => {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  });
  const pollNow = vi.fn(() => true);
  expect(writeWhatFits(fd, bytes(10_000), { pollNow })).toBe(10_000);
  expect(pollNow).toHaveBeenCalledTimes(1);
  expect(writeWhatFits(fd, Buffer.alloc(0), libc())).toBe(0);
  expect(readFileSync(join(folder, 'out')).equals(bytes(10_000))).toBe(true);
});

test('writeWhatFits() stops where a pipe is full, which would block otherwise', () => {
  const [reader, writer] = pipe();
  onTestFinished(() => closeSync(reader));
  const all = bytes(300_000);
  const done = writeWhatFits(writer, all, libc());
  expect(done).toBeGreaterThanOrEqual(4096);
  expect(done).toBeLessThan(all.length);
  expect(writeWhatFits(writer, all, libc())).toBe(0);
  const read = Buffer.alloc(done);
  for (let at = 0; at < done; ) at += readSync(reader, read, at, done - at, null);
  expect(read.equals(all.subarray(0, done))).toBe(true);
});

test('writeWhatFits() writes nothing where the reader has gone', () => {
  const [reader, writer] = pipe();
  closeSync(reader);
  expect(writeWhatFits(writer, bytes(10), libc())).toBe(0);
});
