import { expect, test } from 'vitest';
import type { RecordStore } from '../../../layers/index.ts';
import { cacheExplainer, difference } from '../../../src/api/explain-cache.ts';
import type { Vertex } from '../../../src/llb/definition.ts';

const before = {
  name: '[build 2/5] RUN make',
  parts: [
    ['step', '1'],
    ['root', '2'],
    ['files of a', '3'],
  ],
} as const;
const now = (changed: string, name: string = before.name) => ({
  name,
  parts: before.parts.map(([part, digest]) => [part, part === changed ? 'new' : digest] as const),
});

test.each([
  [undefined, now(''), 'no earlier build of this Dockerfile has run the step'],
  [before, now(''), 'nothing has changed, but its result is no longer in the store'],
  [before, now('step', '[build 2/5] RUN make all'), 'the instruction is another: it was RUN make'],
  [before, now('step'), 'the instruction sees other variables, or another user or directory, than before'],
  [before, now('root'), 'what it builds on has changed: see the steps before'],
  [before, now('files of a'), 'files of a have changed'],
])('difference() names the first part that is not as before', (earlier, later, expected) => {
  expect(difference(earlier, later)).toBe(expected);
});

test('cacheExplainer() tells what cannot be remembered when it is to finish, not when it is to try', () => {
  const records = {
    set: () => {
      throw new Error('the disk is full');
    },
  } as unknown as RecordStore;
  const explainer = cacheExplainer({ records, scope: '' });
  explainer.missed({ meta: { name: '[1/1] RUN make' } } as Vertex, []);
  explainer.tryFinish();
  expect(() => explainer.finish()).toThrow('the disk is full');
});
