import { expect, test } from 'vitest';
import {
  defaultCheckConfig,
  isEnabled,
  parseCheckConfig,
  withInlineConfig,
} from '../../../../src/dockerfile/checks/config.ts';

test.each([
  ['', defaultCheckConfig],
  [' skip = A , B ', { ...defaultCheckConfig, skip: new Set(['A', 'B']) }],
  ['skip=all;error=True', { ...defaultCheckConfig, skip: 'all', error: true }],
  ['experimental=all', { ...defaultCheckConfig, experimental: 'all' }],
  ['error=false', defaultCheckConfig],
])('parseCheckConfig() reads %j', (text, expected) => {
  expect(parseCheckConfig(text)).toEqual(expected);
});

test.each([
  ['foo', 'invalid check option "foo"'],
  ['foo=1', 'invalid check option "foo"'],
  ['skip=all;', 'invalid check option ""'],
  ['error=maybe', 'failed to parse check option "error=maybe"'],
])('parseCheckConfig() refuses %j', (text, message) => {
  expect(() => parseCheckConfig(text)).toThrow(message);
});

test('isEnabled() leaves experimental rules to experimental=, and the others to skip=', () => {
  const config = parseCheckConfig('skip=all;experimental=InvalidDefinitionDescription');
  expect(isEnabled(config, 'InvalidDefinitionDescription')).toBe(true);
  expect(isEnabled(config, 'StageNameCasing')).toBe(false);
  expect(isEnabled(defaultCheckConfig, 'InvalidDefinitionDescription')).toBe(false);
  expect(isEnabled(parseCheckConfig('skip=FromAsCasing'), 'StageNameCasing')).toBe(true);
});

test('withInlineConfig() adds what the first check comment says and ignores a wrong one', () => {
  const config = parseCheckConfig('skip=A;error=true');
  expect(withInlineConfig(config, ['words', 'Check = skip=B words', 'check=skip=C'])).toEqual({
    skip: new Set(['A', 'B']),
    experimental: new Set(),
    error: true,
  });
  expect(withInlineConfig(config, ['check=skip=all']).skip).toBe('all');
  expect(withInlineConfig(config, ['check=wrong', 'check=skip=B'])).toBe(config);
  expect(withInlineConfig(config, ['checks=skip=B'])).toBe(config);
});
