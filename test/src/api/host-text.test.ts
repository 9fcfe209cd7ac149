import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readHostText } from '../../../src/api/host-text.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const never = new AbortController().signal;

test('readHostText() reads a file, and knows when there is none', async () => {
  const folder = tempFolder();
  writeFileSync(join(folder, 'file'), 'FROM scratch\n# ä\n');
  expect(await readHostText(join(folder, 'file'), never)).toBe('FROM scratch\n# ä\n');
  expect(await readHostText(join(folder, 'missing'), never)).toBeUndefined();
  expect(await readHostText(join(folder, 'file/below'), never)).toBeUndefined();
});

test('readHostText() reads a pipe to its end, and stops waiting for it when told to', async () => {
  const pipe = join(tempFolder(), 'pipe');
  execFileSync('mkfifo', [pipe]);
  const writer = spawn('sh', ['-c', `(echo one; sleep 0.1; echo two) > ${pipe}`]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await readHostText(pipe, never)).toBe('one\ntwo\n');
  writer.kill();
  const abort = new AbortController();
  const waiting = readHostText(pipe, abort.signal);
  setTimeout(() => abort.abort(), 20);
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
});

test('readHostText() refuses what is no file, or too large for one', async () => {
  const folder = tempFolder();
  mkdirSync(join(folder, 'directory'));
  await expect(readHostText(join(folder, 'directory'), never)).rejects.toThrow('is a directory');
  await expect(readHostText('/dev/zero', never)).rejects.toThrow('is not a file');
  writeFileSync(join(folder, 'large'), '');
  truncateSync(join(folder, 'large'), 2 ** 40);
  await expect(readHostText(join(folder, 'large'), never)).rejects.toThrow('has more than 16777216 bytes');
});
