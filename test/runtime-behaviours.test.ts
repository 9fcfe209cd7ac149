import { expect, test } from 'vitest';
import { behaviourRows, testProblem } from './support/behaviour-table.ts';

const rows = behaviourRows();

test('each test that fixtures/runtime-behaviours.tsv names exists', () => {
  const problems = rows.flatMap(({ place, tests }) =>
    tests.flatMap((name) => testProblem(name) ?? []).map((problem) => `${place}: ${problem}`),
  );
  expect(problems).toEqual([]);
});

test('each behaviour stands in fixtures/runtime-behaviours.tsv once, and says where it is from', () => {
  const behaviours = rows.map(({ behaviour }) => behaviour);
  expect(behaviours.filter((behaviour, index) => behaviours.indexOf(behaviour) !== index)).toEqual([]);
  const sources = rows.flatMap((row) => row.sources);
  expect(sources.filter((source) => !/^(runc\/\w[\w-]*\.bats|crun\/\w+\.py)#\S/.test(source))).toEqual([]);
});

test('fixtures/runtime-behaviours.tsv tells how many behaviours apply, and are held', () => {
  const apply = rows.filter(({ reason }) => reason === undefined);
  const open = apply.filter(({ tests }) => tests.length === 0);
  console.log(`${apply.length} of ${rows.length} apply, ${apply.length - open.length} held`);
  for (const { place, behaviour } of open) console.log(`not held: ${place}: ${behaviour}`);
  expect(apply.length).toBeGreaterThan(0);
});
