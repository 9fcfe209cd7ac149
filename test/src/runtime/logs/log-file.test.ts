import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { LogFile, logBounds } from '../../../../src/runtime/logs/log-file.ts';
import { readLog } from '../../../../src/runtime/logs/read-log.ts';
import { tempFolder } from '../../../support/temp-folder.ts';

const UNBOUNDED = { size: Number.POSITIVE_INFINITY, files: 1 };

async function entries(path: string, options = {}): Promise<string[]> {
  const found: string[] = [];
  for await (const { log, stream } of readLog(path, options)) found.push(`${stream[3]}:${log}`);
  return found;
}

test('LogFile.write() keeps lines whole, streams apart, and the end without a newline', async () => {
  const path = join(tempFolder(), 'log');
  const log = new LogFile(path, UNBOUNDED);
  log.write('stdout', Buffer.from('one\ntw'));
  log.write('stderr', Buffer.from('err\n'));
  log.write('stdout', Buffer.from('o\nend'));
  expect(await entries(path)).toEqual(['o:one\n', 'e:err\n', 'o:two\n']);
  log.close();
  expect(await entries(path)).toEqual(['o:one\n', 'e:err\n', 'o:two\n', 'o:end']);
  const [first = ''] = readFileSync(path, 'utf8').split('\n');
  expect(Object.keys(JSON.parse(first) as object)).toEqual(['log', 'stream', 'time']);
  expect(statSync(path).mode & 0o777).toBe(0o640);
});

test('LogFile.write() cuts a long line into pieces, and no character', async () => {
  const path = join(tempFolder(), 'log');
  const log = new LogFile(path, UNBOUNDED);
  const text = `a${'ü'.repeat(20_000)}\n`;
  for (const byte of [0, 7001]) {
    const bytes = Buffer.from(text);
    if (byte === 0) log.write('stdout', bytes);
    else for (let at = 0; at < bytes.length; at += byte) log.write('stdout', bytes.subarray(at, at + byte));
  }
  log.close();
  const found = (await entries(path)).map((entry) => entry.slice(2));
  expect(found.length).toBe(6);
  expect(found.join('')).toBe(text + text);
});

test('LogFile.write() begins a new file at the bound, keeps so many, and readLog() reads over all of them', async () => {
  const folder = tempFolder();
  const path = join(folder, 'log');
  const log = new LogFile(path, { size: 1000, files: 3 });
  for (let number = 0; number < 100; number++) log.write('stdout', Buffer.from(`line ${number}\n`));
  log.close();
  expect(readdirSync(folder).sort()).toEqual(['log', 'log.1', 'log.2']);
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThanOrEqual(1000);
  const found = await entries(path);
  expect(found.at(-1)).toBe('o:line 99\n');
  expect(found).toEqual(found.map((_, index) => `o:line ${100 - found.length + index}\n`));
  for (const tail of [0, 1, 5, 20, 1000])
    expect(await entries(path, { tail })).toEqual(tail === 0 ? [] : found.slice(-tail));
});

test('LogFile.write() takes many short lines at once', async () => {
  const path = join(tempFolder(), 'log');
  const log = new LogFile(path, UNBOUNDED);
  const lines = 100_000;
  log.write('stdout', Buffer.from('y\n'.repeat(lines)));
  log.close();
  expect(readFileSync(path, 'utf8').split('\n').length).toBe(lines + 1);
});

test('readLog() follows as long as it is told to, also over a new file', async () => {
  const path = join(tempFolder(), 'log');
  const log = new LogFile(path, { size: 200, files: 5 });
  const found: string[] = [];
  let rounds = 0;
  const follow = () => {
    for (let number = 0; number < 3; number++) log.write('stdout', Buffer.from(`${rounds}.${number}\n`));
    return ++rounds < 4;
  };
  for await (const { log: text } of readLog(path, { follow })) found.push(text.trim());
  const expected = [0, 1, 2, 3].flatMap((round) => [0, 1, 2].map((number) => `${round}.${number}`));
  expect(found).toEqual(expected);
});

test('readLog() gives as many of the last lines as are asked for, also when more are written meanwhile', async () => {
  const path = join(tempFolder(), 'log');
  const log = new LogFile(path, UNBOUNDED);
  log.write('stdout', Buffer.from('one\ntwo\nthree\n'));
  const found: string[] = [];
  for await (const { log: text } of readLog(path, { tail: 2 })) {
    found.push(text);
    log.write('stdout', Buffer.from('later\n'));
  }
  log.close();
  expect(found).toEqual(['two\n', 'three\n']);
});

test('readLog() is empty where there is no log', async () => {
  const path = join(tempFolder(), 'none');
  expect(await entries(path)).toEqual([]);
  expect(existsSync(path)).toBe(false);
});

test('logBounds() knows the drivers and their options', () => {
  expect(logBounds()).toEqual(UNBOUNDED);
  expect(logBounds({ driver: 'none', options: {} })).toBeUndefined();
  expect(logBounds({ driver: 'local', options: {} })).toEqual({ size: 20 * 1024 ** 2, files: 5 });
  expect(logBounds({ driver: 'json-file', options: { 'max-size': '10k', 'max-file': '3' } })).toEqual({
    size: 10_240,
    files: 3,
  });
  expect(() => logBounds({ driver: 'json-file', options: { 'max-size': 'much' } })).toThrow('max-size');
  expect(() => logBounds({ driver: 'json-file', options: { 'max-file': '0' } })).toThrow('max-file');
});
