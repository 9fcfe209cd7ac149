import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { terminalView } from '../../../../src/cli/progress/terminal.ts';
import type { ProgressEvent, VertexEvent } from '../../../../src/index.ts';
import { Screen } from '../../../support/screen.ts';

const START = Date.parse('2026-01-01T00:00:00Z');

beforeEach(() => void vi.useFakeTimers({ now: START }));
afterEach(() => void vi.useRealTimers());

const vertex = (name: string, changes: Partial<VertexEvent> = {}): VertexEvent => ({
  kind: 'vertex',
  digest: name,
  inputs: [],
  name: `[${name}] RUN ${name}`,
  started: START,
  ...changes,
});
const log = (of: string, text: string): ProgressEvent => ({
  kind: 'log',
  vertex: of,
  stream: 1,
  data: Buffer.from(text),
  timestamp: Date.now(),
});

function show(screen: Screen, ...events: readonly ProgressEvent[]) {
  const view = terminalView(screen, { colour: true, expand: false });
  for (const event of events) view.show(event);
  return view;
}

describe('terminalView()', () => {
  test('shows running steps with their last lines and the time they take', () => {
    const screen = new Screen(40, 20);
    show(screen, vertex('a'), vertex('b'), log('a', 'first\nsecond\nthi'), log('a', 'rd\rTHIRD'));
    vi.advanceTimersByTime(1200);
    expect(screen.text).toBe(
      [
        ' [+] Building 1.2s (0/2)',
        ' => [a] RUN a                      1.2s',
        ' => => first',
        ' => => second',
        ' => => THIRD',
        ' => [b] RUN b                      1.2s',
      ].join('\n'),
    );
  });

  test('lets steps that have ended stand above, in full, with how they ended', () => {
    const screen = new Screen(60, 20);
    const view = show(
      screen,
      vertex('cached', { completed: START, cached: true }),
      vertex('a'),
      vertex('b'),
      log('a', 'output\n'),
      vertex('a', { completed: START + 2500 }),
      vertex('b', { completed: START + 2500, error: 'exit code: 1' }),
      vertex('c', { completed: START, error: 'context canceled' }),
    );
    view.finish();
    expect(screen.text).toBe(
      [
        ' => CACHED [cached] RUN cached',
        ' => [a] RUN a 2.5s',
        ' => ERROR [b] RUN b',
        ' => CANCELED [c] RUN c',
        '0.0s in all',
      ].join('\n'),
    );
  });

  test('never shows more lines than the screen has, but every running step that fits', () => {
    const screen = new Screen(40, 10);
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    show(screen, ...names.map((name) => vertex(name)), ...names.map((name) => log(name, 'x\n'.repeat(20))));
    vi.advanceTimersByTime(1000);
    const lines = screen.text.split('\n');
    expect(lines.length).toBeLessThan(10);
    for (const name of names) expect(screen.text).toContain(`[${name}] RUN`);
  });

  test('cuts what is too wide for a line that is drawn over, by columns and not by characters', () => {
    const screen = new Screen(40, 10);
    show(screen, vertex('日本語'.repeat(10)), log('日本語'.repeat(10), `${'語'.repeat(50)}\n`));
    for (let frame = 0; frame < 5; frame++) vi.advanceTimersByTime(100);
    expect(screen.text.split('\n')).toHaveLength(3);
  });

  test('lets nothing of a step’s name or output steer the terminal', () => {
    const screen = new Screen(60, 10);
    const view = show(
      screen,
      vertex('\x1b[2J\x1b[1;1H'),
      log('\x1b[2J\x1b[1;1H', '\x1b[2J\x1b]0;title\x07text\n'),
    );
    vi.advanceTimersByTime(100);
    view.show(vertex('\x1b[2J\x1b[1;1H', { completed: START }));
    view.finish();
    expect(screen.writes.join('')).not.toMatch(/\x1b\[2J|\x1b\]|\x07/);
  });

  test('shows what is transferred as long as it goes on', () => {
    const screen = new Screen(60, 10);
    const status = {
      kind: 'status',
      vertex: 'a',
      id: 'downloading',
      current: 1_000_000,
      total: 3_000_000,
      started: START,
    } as const;
    const view = show(screen, vertex('a'), status);
    vi.advanceTimersByTime(500);
    expect(screen.text).toContain(' => => downloading 1MB / 3MB 0.5s');
    view.show({ ...status, current: 3_000_000, completed: START + 600 });
    vi.advanceTimersByTime(500);
    expect(screen.text).not.toContain('downloading');
  });

  test('ends with the names and the id of the image', () => {
    const screen = new Screen(100, 10);
    show(screen).finish({ imageId: 'sha256:abc', names: ['docker.io/library/app:1'] });
    expect(screen.text).toBe(' => docker.io/library/app:1 sha256:abc\n0.0s in all');
  });
});
