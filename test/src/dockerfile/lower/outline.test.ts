import { expect, test } from 'vitest';
import { outlineTarget } from '../../../../src/dockerfile/lower/outline.ts';
import { lowerRequest } from '../../../support/lower-fixture.ts';

const dockerfile = `# REGISTRY where bases come from
ARG REGISTRY=example.test
# NAME of the base
ARG NAME=\${REGISTRY}/base UNUSED=1
FROM \${NAME} AS base
# LEVEL how much
ARG LEVEL=2
RUN --mount=type=secret,id=b --mount=type=secret,target=/x/a --mount=type=ssh,required make
FROM other AS unneeded
ARG ELSEWHERE
# the image
# final the image
FROM base AS Final
ARG TARGETARCH
ARG LEVEL=3 BARE
RUN --mount=type=secret,id=b,required make
`;
const images = { 'example.test/base': {}, mine: {} };

test('outlineTarget() lists arguments, secrets and agents of what the target needs', async () => {
  const outline = await outlineTarget(lowerRequest(dockerfile, { images }));
  expect(outline).toEqual({
    name: 'final',
    description: 'the image',
    args: [
      {
        name: 'REGISTRY',
        description: 'where bases come from',
        value: 'example.test',
        range: { start: 2, end: 2 },
      },
      { name: 'NAME', description: 'of the base', value: 'example.test/base', range: { start: 4, end: 4 } },
      { name: 'LEVEL', value: '3', range: { start: 15, end: 15 } },
      { name: 'BARE', range: { start: 15, end: 15 } },
    ],
    secrets: [
      { id: 'a', required: false, range: { start: 8, end: 8 } },
      { id: 'b', required: false, range: { start: 8, end: 8 } },
    ],
    ssh: [{ id: 'default', required: true, range: { start: 8, end: 8 } }],
  });
});

test('outlineTarget() shows values that are given, and leaves out what their defaults would have used', async () => {
  const buildArgs = { NAME: 'mine', BARE: 'x' };
  const { args } = await outlineTarget(lowerRequest(dockerfile, { images, buildArgs }));
  expect(args.map(({ name, value }) => `${name}=${value}`)).toEqual(['NAME=mine', 'LEVEL=3', 'BARE=x']);
});

test('outlineTarget() tells of a stage below what that stage says', async () => {
  const { name, args } = await outlineTarget(lowerRequest(dockerfile, { images, target: 'base' }));
  expect(name).toBe('base');
  expect(args.find((arg) => arg.name === 'LEVEL')).toMatchObject({ description: 'how much', value: '2' });
});

test('outlineTarget() counts a global argument that a stage repeats as the global one', async () => {
  const text = '# A one\nARG A=1\nFROM busybox\nARG A\n';
  const { name, args } = await outlineTarget(lowerRequest(text));
  expect(name).toBeUndefined();
  expect(args).toEqual([{ name: 'A', description: 'one', value: '1', range: { start: 2, end: 2 } }]);
});
