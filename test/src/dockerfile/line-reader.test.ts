import { expect, test } from 'vitest';
import { LineReader } from '../../../src/dockerfile/line-reader.ts';

function linesOf(text: string): (readonly [number, string, string])[] {
  const reader = new LineReader(text, { source: { file: 'Dockerfile', text } });
  const lines: (readonly [number, string, string])[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next())
    lines.push([reader.line, line, reader.raw]);
  return lines;
}

test('next() walks lines without their ends and keeps them in raw', () => {
  expect(linesOf('\ufeffa\r\n\n\rb\r\r\nc')).toEqual([
    [1, 'a', 'a\r\n'],
    [2, '', '\n'],
    [3, '\rb', '\rb\r\r\n'],
    [4, 'c', 'c'],
  ]);
  expect(linesOf('')).toEqual([]);
});

test('next() counts the bytes of a line, not its characters', () => {
  expect(linesOf(`${'x'.repeat(65_535)}\n`)).toHaveLength(1);
  expect(linesOf(`${'é'.repeat(32_767)}x`)).toHaveLength(1);
  const message = 'dockerfile parse error on line 2: dockerfile line greater than max allowed size of 65535';
  expect(() => linesOf(`\n${'x'.repeat(65_536)}`)).toThrow(message);
  expect(() => linesOf(`\n${'é'.repeat(32_768)}`)).toThrow(message);
});
