import { expect, test } from 'vitest';
import { parseDuration, parseMoment } from '../../../../src/cli/format/moment.ts';

const NOW = Date.parse('2026-01-02T12:00:00Z');

test.each([
  ['1136073600', 1_136_073_600_000],
  ['1136073600.5', 1_136_073_600_500],
  ['10m', NOW - 600_000],
  ['1h30m', NOW - 5_400_000],
  ['2026-01-01T00:00:00Z', Date.parse('2026-01-01T00:00:00Z')],
  ['2026-01-01T00:00:00.25+01:00', Date.parse('2025-12-31T23:00:00.250Z')],
  ['2026-01-01T05:06', Date.parse('2026-01-01T05:06:00')],
  ['2026-01-01', Date.parse('2026-01-01T00:00:00')],
])('parseMoment() of %s', (text, expected) => {
  expect(parseMoment(text, '--since', NOW)).toBe(expected);
});

test.each(['yesterday', '', '10 m', '2026-13-45'])('parseMoment() refuses "%s"', (text) => {
  expect(() => parseMoment(text, '--since', NOW)).toThrow('--since');
});

test('parseDuration() reads what Go writes', () => {
  expect(['1.5s', '250ms', '1h2m3s', '-5s', '0', '5', 'x'].map(parseDuration)).toEqual([
    1500,
    250,
    3_723_000,
    -5000,
    0,
    undefined,
    undefined,
  ]);
});
