import { expect, test } from 'vitest';
import { isSecretName } from '../../../../src/dockerfile/checks/secret-name.ts';

test.each([
  ['API_KEY', true],
  ['apikey', true],
  ['GITHUB_TOKEN', true],
  ['secret_MESSAGE', true],
  ['auth', true],
  ['AWS_CREDENTIALS', true],
  ['PASSWD', true],
  ['TOKEN_FILE', false],
  ['PUBLIC_KEY', false],
  ['KEY_VERSION', false],
  ['monkey', false],
  ['passwords', false],
  ['', false],
])('isSecretName() of %j is %j', (name, expected) => {
  expect(isSecretName(name)).toBe(expected);
});
