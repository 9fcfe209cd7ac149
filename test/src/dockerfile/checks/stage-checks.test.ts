import { expect, test } from 'vitest';
import { defaultCheckConfig } from '../../../../src/dockerfile/checks/config.ts';
import { shortText } from '../../../../src/dockerfile/checks/finding.ts';
import { FindingList } from '../../../../src/dockerfile/checks/finding-list.ts';
import { StageChecks } from '../../../../src/dockerfile/checks/stage-checks.ts';
import { parseDockerfile } from '../../../../src/dockerfile/parse.ts';

function check(lines: string[], ownShell = false): string[] {
  const { instructions } = parseDockerfile({
    file: 'Dockerfile',
    text: ['FROM scratch', ...lines].join('\n'),
  });
  const list = new FindingList(defaultCheckConfig);
  const checks = new StageChecks(list, ownShell);
  for (const instruction of instructions) checks.check(instruction);
  return list.found.map(shortText);
}

const advice = (name: string, line: number) =>
  `JSONArgsRecommended: JSON arguments recommended for ${name} to prevent unintended behavior related to OS signals (line ${line})`;
const twice = (name: string, line: number) =>
  `MultipleInstructionsDisallowed: Multiple ${name} instructions should not be used in the same stage because only the last one will be used (line ${line})`;
const secret = (name: string, line: number) =>
  `SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (${name}) (line ${line})`;
const legacy = (name: string, line: number) =>
  `LegacyKeyValueFormat: "${name} key=value" should be used instead of legacy "${name} key value" format (line ${line})`;

test('check() recommends the JSON form until the stage or its base sets a shell', () => {
  expect(check(['CMD a', 'entrypoint b'])).toEqual([advice('CMD', 2), advice('entrypoint', 3)]);
  expect(check(['CMD ["a"]', 'SHELL ["x"]', 'ENTRYPOINT b'])).toEqual([]);
  expect(check(['CMD a'], true)).toEqual([]);
});

test('check() reports the earlier of two CMD, ENTRYPOINT or HEALTHCHECK', () => {
  expect(
    check(['CMD ["a"]', 'ENTRYPOINT ["b"]', 'CMD ["c"]', 'HEALTHCHECK CMD d', 'HEALTHCHECK NONE']),
  ).toEqual([twice('CMD', 2), twice('HEALTHCHECK', 5)]);
});

test('check() reports each pair in the old form, and each name of a secret', () => {
  expect(check(['ENV a b', 'label token c', 'ENV x=1 API_KEY=2 secret=3'])).toEqual([
    legacy('ENV', 2),
    legacy('label', 3),
    secret('ENV "API_KEY"', 4),
    secret('ENV "secret"', 4),
  ]);
  expect(check(['ARG a PASSWORD', '# check=skip=SecretsUsedInArgOrEnv', 'ARG TOKEN'])).toEqual([
    secret('ARG "PASSWORD"', 2),
  ]);
});
