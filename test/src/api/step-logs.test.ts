import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { removeLogs, StepLogs } from '../../../src/api/step-logs.ts';
import type { ProgressEvent } from '../../../src/progress/events.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const one = `sha256:${'1'.repeat(64)}`;
const other = `sha256:${'2'.repeat(64)}`;
const time = Date.UTC(2026, 0, 2, 3, 4, 5, 678);

const log = (vertex: string, text: string): ProgressEvent => ({
  kind: 'log',
  vertex,
  stream: 1,
  data: Buffer.from(text),
  timestamp: time,
});
const done = (digest: string): ProgressEvent => ({
  kind: 'vertex',
  digest,
  inputs: [],
  name: 'step',
  started: time,
  completed: time,
});

function watched(root: string) {
  const seen: ProgressEvent[] = [];
  const logs = new StepLogs(root);
  return { logs, seen, report: logs.watch((event) => seen.push(event)) };
}

describe('StepLogs', () => {
  test("writes each step's output to a file of its own, and passes events on", () => {
    const root = tempFolder();
    const { logs, seen, report } = watched(root);
    const events = [log(one, 'a\n'), log(other, 'x\n'), log(one, 'b\n'), done(one), done(other)];
    for (const event of events) report(event);
    logs.close();
    expect(seen).toEqual(events);
    expect(logs.pathOf(one)).toBe(join(root, 'logs/20260102T030405678-111111111111.log'));
    expect(readFileSync(logs.pathOf(one)!, 'utf8')).toBe('a\nb\n');
    expect(readFileSync(logs.pathOf(other)!, 'utf8')).toBe('x\n');
    expect(statSync(logs.pathOf(one)!).mode & 0o777).toBe(0o600);
  });

  test('makes nothing for steps without output', () => {
    const root = tempFolder();
    const { logs, report } = watched(root);
    report(done(one));
    logs.close();
    expect(logs.pathOf(one)).toBeUndefined();
    expect(existsSync(join(root, 'logs'))).toBe(false);
  });

  test('ends a log that becomes too large, and says so in it', () => {
    const { logs, report } = watched(tempFolder());
    const megabyte = 'x'.repeat(1024 * 1024);
    for (let count = 0; count < 70; count++) report(log(one, megabyte));
    logs.close();
    expect(statSync(logs.pathOf(one)!).size).toBe(64 * 1024 * 1024 + 28);
    expect(readFileSync(logs.pathOf(one)!, 'utf8').slice(-28)).toBe('\n[more output was not kept]\n');
  });

  test('keeps the newest thousand', () => {
    const root = tempFolder();
    mkdirSync(join(root, 'logs'));
    for (let count = 1000; count < 2005; count++) writeFileSync(join(root, `logs/${count}.log`), '');
    const { logs, report } = watched(root);
    report(log(one, 'new'));
    logs.close();
    const names = readdirSync(join(root, 'logs')).sort();
    expect(names).toHaveLength(1000);
    expect(names[0]).toBe('1006.log');
    expect(names).toContain('20260102T030405678-111111111111.log');
  });

  test('fails nothing where nothing can be written', () => {
    const root = tempFolder();
    writeFileSync(join(root, 'logs'), 'not a directory');
    const { logs, seen, report } = watched(root);
    report(log(one, 'a'));
    logs.close();
    expect(seen).toHaveLength(1);
    expect(logs.pathOf(one)).toBeUndefined();
  });
});

test('removeLogs() removes those that are old enough, and tells how many bytes that gave', () => {
  const root = tempFolder();
  mkdirSync(join(root, 'logs'));
  for (const [name, seconds] of [
    ['old', 1000],
    ['new', 3000],
  ] as const) {
    writeFileSync(join(root, `logs/${name}.log`), '12345');
    utimesSync(join(root, `logs/${name}.log`), seconds, seconds);
  }
  expect(removeLogs(root, 2_000_000)).toBe(5);
  expect(readdirSync(join(root, 'logs'))).toEqual(['new.log']);
  expect(removeLogs(tempFolder(), 1)).toBe(0);
});
