import { expect, test } from 'vitest';
import { caseProblem, featureRows } from './support/feature-table.ts';

const rows = featureRows();

test('each case that fixtures/features names exists and has an expectation', () => {
  const problems = rows.flatMap(({ place, cases }) =>
    cases.flatMap((name) => caseProblem(name) ?? []).map((problem) => `${place}: ${problem}`),
  );
  expect(problems).toEqual([]);
});

test('each line of fixtures/features stands there once', () => {
  const features = rows.map(({ feature }) => feature);
  expect(features.filter((feature, index) => features.indexOf(feature) !== index)).toEqual([]);
});

test('fixtures/features tells how many of its lines are covered', () => {
  const open = rows.filter(({ cases }) => cases.length === 0);
  console.log(`${rows.length - open.length} of ${rows.length} lines of fixtures/features are covered`);
  for (const { place, feature } of open) console.log(`not covered: ${place}: ${feature}`);
  expect(rows.length).toBeGreaterThan(0);
});
