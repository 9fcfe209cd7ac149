import { expect, test } from 'vitest';
import { checkJson, outlineJson, targetsJson } from '../../../../src/cli/call/call-json.ts';
import { DockerfileError } from '../../../../src/dockerfile/source.ts';

const source = { file: 'Dockerfile', text: 'FROM x\n' };
const data = 'RlJPTSB4Cg==';
const at = (...lines: number[]) => ({
  ranges: lines.map((line) => ({ start: { line }, end: { line } })),
});

test("checkJson() is BuildKit's lint document, with a range for each line", () => {
  const finding = {
    rule: 'UndefinedVar',
    message: 'Usage of undefined variable',
    description: 'Variables should be defined',
    url: 'https://example.test/',
    ranges: [{ start: 2, end: 3 }],
  } as const;
  const error = new DockerfileError('NOT_FOUND', 'nope: not found', source, [{ start: 4, end: 4 }]);
  expect(JSON.parse(checkJson({ source, findings: [finding], error }))).toEqual({
    warnings: [
      {
        ruleName: 'UndefinedVar',
        description: 'Variables should be defined',
        url: 'https://example.test/',
        detail: 'Usage of undefined variable',
        location: at(2, 3),
      },
    ],
    sources: [{ filename: 'Dockerfile', data, language: 'Dockerfile' }],
    buildError: { message: 'nope: not found', location: at(4) },
  });
});

test("outlineJson() is BuildKit's outline document, without what is empty", () => {
  const range = { start: 1, end: 1 };
  const outline = {
    name: 'x',
    args: [{ name: 'A', value: '1', range }],
    secrets: [
      { id: 's', required: true, range },
      { id: 't', required: false, range },
    ],
    ssh: [],
  };
  expect(JSON.parse(outlineJson(source, outline))).toEqual({
    name: 'x',
    args: [{ name: 'A', value: '1', location: at(1) }],
    secrets: [
      { name: 's', required: true, location: at(1) },
      { name: 't', location: at(1) },
    ],
    sources: [data],
  });
});

test("targetsJson() is BuildKit's targets document", () => {
  const range = { start: 1, end: 1 };
  const targets = [
    { name: 'a', default: false, base: 'x', description: 'd', platform: 'linux/arm64', range },
    { default: true, base: 'y', range },
  ];
  expect(JSON.parse(targetsJson(source, targets))).toEqual({
    targets: [
      { name: 'a', description: 'd', base: 'x', platform: 'linux/arm64', location: at(1) },
      { default: true, base: 'y', location: at(1) },
    ],
    sources: [data],
  });
});
