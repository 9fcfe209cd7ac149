// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the shell's.
import { expect, test } from 'vitest';
import { parseDockerfile } from '../../../../src/dockerfile/parse.ts';

test.each([
  ['linux/amd64', 'base', true],
  ['linux/amd64', 'base-amd64', false],
  ['linux/amd64', 'linux-base', false],
  ['linux/arm/v7', 'v7', true],
  ['x86_64', 'base', true],
  ['x86_64', 'amd64', false],
  ['LINUX/AARCH64', 'arm64', false],
  ['windows(10.0)/amd64', 'windows', false],
  ['linux', 'linux1', false],
  ['$BUILDPLATFORM', 'base', false],
  ['linux/${ARCH}', 'base', false],
  ['!', 'base', false],
])('FROM --platform=%s AS %s: constant platform found is %j', (platform, name, expected) => {
  const text = `FROM --platform=${platform} scratch AS ${name}`;
  const { findings } = parseDockerfile({ file: 'Dockerfile', text });
  expect(findings.map(({ message }) => message)).toEqual(
    expected ? [`FROM --platform flag should not use constant value "${platform}"`] : [],
  );
});
