import { expect, test } from 'vitest';
import { TransferView } from '../../../src/cli/transfer-view.ts';
import type { StatusEvent } from '../../../src/index.ts';

function show(isTerminal: boolean, events: readonly Partial<StatusEvent>[]): string {
  const written: string[] = [];
  const output = { write: (text: string) => void written.push(text), isTerminal, columns: 66 };
  const view = new TransferView(output, { doing: 'Downloading', done: 'Pull complete' });
  for (const event of events)
    view.report({
      kind: 'status',
      vertex: '',
      current: 0,
      total: 100,
      started: 1,
      id: '',
      ...event,
    } as StatusEvent);
  return written.join('');
}

const a = `sha256:${'a'.repeat(64)}`;
const b = `pushing sha256:${'b'.repeat(64)}`;

test('TransferView prints a line for each that is complete, where lines stay', () => {
  expect(
    show(false, [
      { id: a },
      { id: b, current: 50 },
      { id: b, current: 100, completed: 2 },
      { id: a, completed: 3 },
      { id: a, completed: 3 },
    ]),
  ).toBe('bbbbbbbbbbbb: Pull complete\naaaaaaaaaaaa: Pull complete\n');
});

test('TransferView redraws all lines in place on a terminal, none wider than it', () => {
  const text = show(true, [
    { id: a, current: 50 },
    { id: b, current: 100, completed: 2 },
    { id: a, current: 100, completed: 3 },
  ]);
  const frames = text.split(/\x1b\[\d+A/);
  expect(frames).toHaveLength(3);
  expect(frames[0]).toMatch(/^aaaaaaaaaaaa: Downloading \[={15}> {14}\] 50B\/10\x1b\[K\n$/);
  expect(frames[2]).toBe('aaaaaaaaaaaa: Pull complete\x1b[K\nbbbbbbbbbbbb: Pull complete\x1b[K\n');
});
