import { expect, test } from 'vitest';
import { parseCheckConfig } from '../../../../src/dockerfile/checks/config.ts';
import { shortText } from '../../../../src/dockerfile/checks/finding.ts';
import { FindingList, lintError } from '../../../../src/dockerfile/checks/finding-list.ts';

const source = { file: 'Dockerfile', text: 'FROM scratch\n' };
const at = (start: number) => ({ start, end: start });

test('add() keeps what is wanted, with description and address', () => {
  const list = new FindingList(parseCheckConfig('skip=FromAsCasing'));
  list.add('FromAsCasing', 'a', [at(1)]);
  list.add('StageNameCasing', 'b', [at(1)], ['check=skip=StageNameCasing']);
  list.add('StageNameCasing', 'c', [at(2)]);
  expect(list.found).toEqual([
    {
      rule: 'StageNameCasing',
      message: 'c',
      description: 'Stage names should be lowercase',
      url: 'https://docs.docker.com/go/dockerfile/rule/stage-name-casing/',
      ranges: [at(2)],
    },
  ]);
  expect(list.found.map(shortText)).toEqual(['StageNameCasing: c (line 2)']);
});

test('lintError() names each rule once when findings are to fail the build', () => {
  const config = parseCheckConfig('error=true');
  const list = new FindingList(config);
  expect(lintError(list.found, config, source)).toBeUndefined();
  list.add('StageNameCasing', 'a', [at(3)]);
  list.add('FromAsCasing', 'b', [at(1)]);
  list.add('StageNameCasing', 'c', [at(2)]);
  expect(lintError(list.found, config, source)).toMatchObject({
    code: 'LINT',
    message: 'lint violation found for rules: StageNameCasing, FromAsCasing',
    ranges: [at(3), at(1), at(2)],
  });
  expect(lintError(list.found, parseCheckConfig(''), source)).toBeUndefined();
});
