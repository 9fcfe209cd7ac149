import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { shortText } from '../../src/dockerfile/checks/finding.ts';
import { checkStages } from '../../src/dockerfile/lower/check.ts';
import { listTargets } from '../../src/dockerfile/targets.ts';
import { lowerRequest } from '../support/lower-fixture.ts';

const folder = resolve(import.meta.dirname, '../../fixtures/public');

/** What buildx of Docker 28.5 told about the reduction. */
interface Expected {
  /** What it is a reduction of. */
  readonly project: string;
  readonly targets: readonly unknown[];
  readonly warnings: readonly string[];
  readonly error?: string;
}

const names = readdirSync(folder).sort();
const projects: string[] = [];

test.each(names)('checkStages() and listTargets() tell of %s what buildx does', async (name) => {
  const text = readFileSync(`${folder}/${name}/Dockerfile`, 'utf8');
  const expected = JSON.parse(readFileSync(`${folder}/${name}/expect.json`, 'utf8')) as Expected;
  const known = lowerRequest(text, { images: { any: {} } });
  const { findings, error } = await checkStages({
    ...known,
    resolveImage: (_ref, platform) => known.resolveImage('any', platform),
  });
  const source = { file: 'Dockerfile', text };
  const targets = listTargets(source).map(({ range, default: isDefault, ...target }) => ({
    ...target,
    ...(isDefault && { default: true }),
    line: range.start,
  }));
  expect(targets).toEqual(expected.targets);
  expect(findings.map(shortText).sort()).toEqual(expected.warnings);
  expect(error?.message).toBe(expected.error);
  projects.push(expected.project);
});

afterAll(() => {
  console.log(`${projects.length} of ${names.length} agree:\n  ${projects.join('\n  ')}`);
});
