import { join } from 'node:path';
import { expect, test } from 'vitest';
import { checkDockerfile, outline, targets } from '../../../src/api/check.ts';
import { describeChecks } from '../../../src/api/describe.ts';
import { publish, startRegistry } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const request = (text: string) => ({
  context: undefined,
  dockerfile: { text },
  storeRoot: join(tempFolder(), 'store'),
});

test('checkDockerfile() fetches the configuration of a base image, and none of its layers', async () => {
  await using registry = await startRegistry();
  const image = sampleImage({ config: { Env: ['HERE=1'] } });
  publish(registry, 'base', 'latest', image);
  const { findings, error } = await checkDockerfile(
    request(`FROM ${registry.host}/base\nWORKDIR /$HERE/$THERE\n`),
  );
  expect(error).toBeUndefined();
  expect(findings.map(({ message }) => message)).toEqual([
    "Usage of undefined variable '$THERE' (did you mean $HERE?)",
  ]);
  const blobs = registry.requests.filter(({ path }) => path.includes('/blobs/'));
  expect(blobs.map(({ path }) => path)).toEqual([`/v2/base/blobs/${image.manifest.config.digest}`]);
});

test('describeChecks() shows each finding with its rule, page and lines, and how many there are', async () => {
  const complete = await checkDockerfile(request('FROM scratch AS One\n'));
  expect(describeChecks(complete, { colour: false })).toBe(`Check complete, 1 warning has been found!

WARNING: StageNameCasing - https://docs.docker.com/go/dockerfile/rule/stage-name-casing/
Stage name 'One' should be lowercase
Dockerfile:1
--------------------
   1 | >>> FROM scratch AS One
--------------------

`);
  const clean = await checkDockerfile(request('FROM scratch\n'));
  expect(describeChecks(clean, { colour: false })).toBe('Check complete, no warnings found.\n');
});

test('describeChecks() does not call a check complete that a mistake ended', async () => {
  const checked = await checkDockerfile(request('FROM scratch AS One\nADD --frm=x a b\n'));
  expect(checked.error?.code).toBe('UNKNOWN_FLAG');
  expect(describeChecks(checked, { colour: false })).toMatch(
    /^Check incomplete, 1 warning has been found!\n/,
  );
  const first = await checkDockerfile(request('ADD --frm=x a b\n'));
  expect(describeChecks(first, { colour: false })).toBe('');
  const later = await checkDockerfile(request('FROM scratch AS One\nCOPY --from=9 a b\n'));
  expect(later.error?.message).toBe('invalid stage index 9');
  expect(describeChecks(later, { colour: false })).toMatch(/^Check incomplete, 1 warning has been found!\n/);
});

test('checkDockerfile() needs no leave for what a build would have to be allowed', async () => {
  const { findings, error } = await checkDockerfile(
    request('FROM scratch\nRUN --network=host --security=insecure --device=x true\n'),
  );
  expect({ findings, error }).toEqual({ findings: [], error: undefined });
});

test('outline() and targets() look at a Dockerfile without a context', async () => {
  const asked = request('FROM scratch AS a\nARG X=1\nFROM a\n');
  expect((await outline(asked)).outline.args).toEqual([
    { name: 'X', value: '1', range: { start: 2, end: 2 } },
  ]);
  expect((await targets(asked)).targets.map(({ name }) => name)).toEqual(['a', undefined]);
});
