import { expect, test } from 'vitest';
import { checkStages } from '../../../../src/dockerfile/lower/check.ts';
import { lowerRequest } from '../../../support/lower-fixture.ts';

const dockerfile = `FROM busybox AS One
ENV a b
FROM busybox AS two
COPY $nope /x
`;

const rulesOf = async (text: string, request = {}) => {
  const { findings, error } = await checkStages(lowerRequest(text, request));
  return {
    rules: findings.map(({ rule, ranges }) => `${rule}:${ranges[0]!.start}`),
    error: error?.message,
  };
};

test('checkStages() checks every stage, in the order of the file', async () => {
  expect(await rulesOf(dockerfile)).toEqual({
    rules: ['StageNameCasing:1', 'LegacyKeyValueFormat:2', 'UndefinedVar:4'],
    error: undefined,
  });
});

test('checkStages() checks only what the target needs, when there is one', async () => {
  expect((await rulesOf(dockerfile, { target: 'two' })).rules).toEqual([
    'StageNameCasing:1',
    'UndefinedVar:4',
  ]);
});

test('checkStages() keeps what was found before a mistake', async () => {
  const { rules, error } = await rulesOf('FROM busybox AS One\nFROM missing\n');
  expect(rules).toEqual(['StageNameCasing:1']);
  expect(error).toBe('missing: not found');
});

test('checkStages() keeps what was found in the lines before one that cannot be read, or before the first stage', async () => {
  expect(
    await rulesOf('FROM busybox as One\nRUN a \\\n\n b\nMAINTAINER me\nRUNN x\nMAINTAINER me\n'),
  ).toEqual({
    rules: ['StageNameCasing:1', 'FromAsCasing:1', 'NoEmptyContinuation:3', 'MaintainerDeprecated:5'],
    error: 'dockerfile parse error on line 6: unknown instruction: RUNN (did you mean RUN?)',
  });
  expect(await rulesOf('FROM busybox AS One\n', { target: 'two' })).toEqual({
    rules: ['StageNameCasing:1'],
    error: expect.stringContaining('target stage "two" could not be found'),
  });
});

test('checkStages() turns findings into an error where the file asks for it', async () => {
  expect((await rulesOf(`# check=error=true\n${dockerfile}`)).error).toBe(
    'lint violation found for rules: StageNameCasing, LegacyKeyValueFormat, UndefinedVar',
  );
  const buildArgs = { BUILDKIT_DOCKERFILE_CHECK: 'skip=all;error=true' };
  expect(await rulesOf(dockerfile, { buildArgs })).toEqual({ rules: [], error: undefined });
});
