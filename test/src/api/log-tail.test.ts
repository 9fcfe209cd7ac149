import { expect, test } from 'vitest';
import { LogTail } from '../../../src/api/log-tail.ts';

function tailOf(...chunks: readonly string[]) {
  const tail = new LogTail();
  const report = tail.watch(() => {});
  for (const chunk of chunks)
    report({ kind: 'log', vertex: 'v', stream: 1, data: Buffer.from(chunk), timestamp: 0 });
  return tail.end('v');
}

const numbered = (count: number) => Array.from({ length: count }, (_, index) => `line ${index + 1}`);

test('LogTail keeps the last 40 lines, and counts those before', () => {
  expect(tailOf(`${numbered(3).join('\n')}\n`)).toEqual({ lines: numbered(3), omitted: 0 });
  const lines = numbered(1234);
  expect(tailOf(`${lines.join('\n')}\n`)).toEqual({ lines: lines.slice(-40), omitted: 1194 });
  expect(tailOf(...lines.map((line) => `${line}\n`), 'rest')).toEqual({
    lines: [...lines.slice(-39), 'rest'],
    omitted: 1195,
  });
});

test('LogTail leaves out empty lines at the end', () => {
  expect(tailOf('a\n\n\n')).toEqual({ lines: ['a'], omitted: 0 });
  expect(tailOf()).toEqual({ lines: [], omitted: 0 });
});
