import { expect, test } from 'vitest';
import { StepReports } from '../../../src/api/step-reports.ts';
import type { Definition, VertexDigest } from '../../../src/llb/definition.ts';
import type { ProgressEvent, VertexEvent } from '../../../src/progress/events.ts';

const definition = {
  vertices: new Map([
    ['sha256:0', { digest: 'sha256:0', op: { type: 'scratch' } }],
    ['sha256:1', { digest: 'sha256:1', op: { type: 'file', actions: [] } }],
  ]),
  result: 'sha256:1' as VertexDigest,
} as unknown as Definition;

const step = (changes: Partial<VertexEvent> = {}): VertexEvent => ({
  kind: 'vertex',
  digest: 'sha256:1',
  inputs: ['sha256:0'],
  name: 'COPY a b',
  ...changes,
});

test('StepReports.next() tells of a step that two graphs share once it is done no more', () => {
  const told: ProgressEvent[] = [];
  const steps = new StepReports();
  const first = steps.next(definition, (event) => told.push(event));
  first(step());
  first(step({ started: 1, completed: 2 }));
  first(step({ started: 1, completed: 3 }));
  const second = steps.next(definition, (event) => told.push(event));
  second(step());
  second(step({ started: 4, completed: 5, cached: true }));
  expect(told.map((event) => (event as VertexEvent).completed)).toEqual([undefined, 2, 3]);
});

test('StepReports.next() tells again of a step that failed', () => {
  const told: ProgressEvent[] = [];
  const steps = new StepReports();
  steps.next(definition, (event) => told.push(event))(step({ completed: 1, error: 'x' }));
  steps.next(definition, (event) => told.push(event))(step({ completed: 2 }));
  expect(told).toHaveLength(2);
});

test('StepReports.next() leaves out empty filesystems, also as inputs, and passes the rest on', () => {
  const told: ProgressEvent[] = [];
  const report = new StepReports().next(definition, (event) => told.push(event));
  report(step({ digest: 'sha256:0', inputs: [], name: 'scratch' }));
  report(step());
  report({ kind: 'warning', short: 'x' });
  expect(told).toEqual([step({ inputs: [] }), { kind: 'warning', short: 'x' }]);
});
