import { describe, expect, test } from 'vitest';
import { parseDockerfile } from '../../../src/dockerfile/parse.ts';
import {
  baseOrigin,
  displayName,
  reachableStages,
  sourceOrigin,
  splitStages,
  targetStage,
} from '../../../src/dockerfile/stages.ts';

function partsOf(text: string) {
  const source = { file: 'Dockerfile', text };
  return splitStages(parseDockerfile(source).instructions, source);
}

const source = { file: 'Dockerfile', text: '' };
const parts = partsOf('ARG A\nFROM busybox AS one\nRUN a\nFROM one AS two\nFROM two AS One\nFROM busybox\n');

test('splitStages() cuts at FROM and keeps what stands before', () => {
  expect(parts.globals.map(({ args }) => args.map(({ key }) => key))).toEqual([['A']]);
  expect(parts.stages.map(({ instructions }) => instructions.map(({ keyword }) => keyword))).toEqual([
    ['RUN'],
    [],
    [],
    [],
  ]);
  expect(parts.stages.map(displayName)).toEqual(['one', 'two', 'one', 'stage-3']);
});

describe('baseOrigin()', () => {
  test.each([
    [0, 'one', { kind: 'image', name: 'one' }],
    [1, 'ONE', { kind: 'stage', index: 0 }],
    [3, 'one', { kind: 'stage', index: 2 }],
    [3, 'scratch', { kind: 'scratch' }],
    [3, '0', { kind: 'image', name: '0' }],
  ])('in stage %d of %s is %j', (index, image, expected) => {
    expect(baseOrigin(parts, index, image)).toEqual(expected);
  });

  test('is a stage called scratch, when there is one', () => {
    const named = partsOf('FROM busybox AS scratch\nFROM scratch\n');
    expect(baseOrigin(named, 1, 'scratch')).toEqual({ kind: 'stage', index: 0 });
    expect(baseOrigin(named, 0, 'scratch')).toEqual({ kind: 'scratch' });
  });
});

describe('sourceOrigin()', () => {
  test.each([
    [3, 'one', true, { kind: 'stage', index: 2 }],
    [2, 'one', true, { kind: 'stage', index: 0 }],
    [0, 'TWO', true, { kind: 'stage', index: 1 }],
    [3, '1', true, { kind: 'stage', index: 1 }],
    [3, '1', false, { kind: 'image', name: '1' }],
    [3, 'other:1', true, { kind: 'image', name: 'other:1' }],
    [3, 'scratch', true, { kind: 'scratch' }],
  ])('in stage %d of %s (numbers: %j) is %j', (index, name, asNumbers, expected) => {
    expect(sourceOrigin(parts, index, name, asNumbers)).toEqual(expected);
  });

  test('refuses numbers that are no stage', () => {
    expect(() => sourceOrigin(parts, 3, '4', true)).toThrow('invalid stage index 4');
    expect(() => sourceOrigin(parts, 3, '-1', true)).toThrow('invalid stage index -1');
  });
});

test('targetStage() is the last one, or the last of a name', () => {
  expect(targetStage(parts, undefined, source)).toBe(3);
  expect(targetStage(parts, 'one', source)).toBe(2);
  expect(targetStage(parts, 'TWO', source)).toBe(1);
  expect(() => targetStage(parts, '1', source)).toThrow('target stage "1" could not be found');
});

test('reachableStages() follows what stages use, and each once', () => {
  const range = { start: 1, end: 1 };
  const use = (...indexes: number[]) =>
    indexes.map((index) => ({ origin: { kind: 'stage', index } as const, range }));
  const references = [use(), use(0), use(), use(1, 0)];
  expect([...reachableStages([3], references)].sort()).toEqual([0, 1, 3]);
  expect([...reachableStages([1, 2], references)].sort()).toEqual([0, 1, 2]);
});
