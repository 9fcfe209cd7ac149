import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { plainView } from '../../../../src/cli/progress/plain.ts';
import { rawJsonView } from '../../../../src/cli/progress/rawjson.ts';
import type { Outcome, ProgressView } from '../../../../src/cli/progress/view.ts';
import type { ProgressEvent, VertexEvent } from '../../../../src/index.ts';

const vertex = (digest: string, changes: Partial<VertexEvent> = {}): VertexEvent => ({
  kind: 'vertex',
  digest,
  inputs: [],
  name: `RUN ${digest}`,
  started: 1000,
  ...changes,
});
const log = (of: string, stream: 1 | 2, text: string | Buffer, timestamp = 1500): ProgressEvent => ({
  kind: 'log',
  vertex: of,
  stream,
  data: Buffer.from(text),
  timestamp,
});

function show(
  make: (output: PassThrough) => ProgressView,
  events: readonly ProgressEvent[],
  outcome?: Outcome,
): string {
  const output = new PassThrough();
  const view = make(output);
  for (const event of events) view.show(event);
  view.finish(outcome);
  return (output.read() as Buffer | null)?.toString() ?? '';
}

const plain = (events: readonly ProgressEvent[], outcome?: Outcome) =>
  show((output) => plainView(output, { colour: false, expand: false }), events, outcome);

test('plainView() shows no part of a name or an error that would steer a terminal', () => {
  const text = plain([vertex('x', { name: 'mount \x1b[31m', completed: 2000, error: 'of \x9b2J' })]);
  expect(text).toBe('#1 mount \\x1b[31m\n#1 ERROR: of \\x9b2J\n\n');
});

test('plainView() numbers steps as they start, and prefixes their output', () => {
  expect(
    plain([
      { kind: 'vertex', digest: 'later', inputs: [], name: 'RUN later' },
      vertex('a'),
      vertex('b', { started: 2000 }),
      log('b', 1, 'one\ntw'),
      log('a', 2, 'err\n'),
      log('b', 1, 'o\n', 3000),
      log('a', 1, 'no newline'),
      vertex('a', { completed: 3250 }),
      vertex('b', { completed: 3000, started: 2000, error: 'exit code: 1' }),
      vertex('c', { completed: 1000, cached: true }),
    ]).replaceAll('-0.500', '0.000'),
  ).toBe(
    [
      '#1 RUN a',
      '#2 RUN b',
      '#2 0.000 one',
      '#1 0.500 err',
      '#2 1.000 two',
      '#1 no newline',
      '#1 DONE 2.3s',
      '',
      '#2 ERROR: exit code: 1',
      '',
      '#3 RUN c',
      '#3 CACHED',
      '',
      '',
    ].join('\n'),
  );
});

test('plainView() takes characters that come in pieces, and the last state of a line that rewrites itself', () => {
  const [first, second] = [Buffer.from('ü').subarray(0, 1), Buffer.from('ü').subarray(1)];
  const text = plain([
    vertex('a'),
    log('a', 1, first),
    log('a', 1, second),
    log('a', 1, '\n10%\r50%\r100%\r\n'),
  ]);
  expect(text).toBe('#1 RUN a\n#1 0.500 ü\n#1 0.500 100%\n');
});

test('plainView() mentions transfers when they are done', () => {
  const status = {
    kind: 'status',
    vertex: 'a',
    id: `sha256:${'f'.repeat(64)}`,
    total: 2000,
    started: Date.now(),
  } as const;
  const text = plain([
    vertex('a'),
    { ...status, current: 10 },
    { ...status, current: 2000, completed: status.started + 1500 },
  ]);
  expect(text).toBe('#1 RUN a\n#1 sha256:ffffffffffff 2kB 1.5s done\n');
});

test('plainView() ends with the step by which scripts find the image', () => {
  expect(
    plain([vertex('a', { completed: 1000 })], { imageId: 'sha256:abc', names: ['docker.io/library/a:1'] }),
  ).toBe(
    '#1 RUN a\n#1 DONE 0.0s\n\n#2 exporting to image\n#2 writing image sha256:abc done\n#2 naming to docker.io/library/a:1 done\n#2 DONE 0.0s\n\n',
  );
  expect(plain([], { names: [] })).toBe('');
});

test('rawJsonView() writes a line of BuildKit’s solve status an event', () => {
  const text = show(
    (output) => rawJsonView(output),
    [
      vertex('a', { completed: 2000, cached: true, inputs: ['b'] }),
      log('a', 2, 'x\n'),
      { kind: 'warning', short: 'careful', url: 'https://example.com' },
    ],
  );
  expect(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    {
      vertexes: [
        {
          digest: 'a',
          inputs: ['b'],
          name: 'RUN a',
          started: '1970-01-01T00:00:01.000Z',
          completed: '1970-01-01T00:00:02.000Z',
          cached: true,
        },
      ],
    },
    { logs: [{ vertex: 'a', stream: 2, data: 'eAo=', timestamp: '1970-01-01T00:00:01.500Z' }] },
    { warnings: [{ vertex: '', level: 1, short: 'Y2FyZWZ1bA==', detail: [], url: 'https://example.com' }] },
  ]);
});
