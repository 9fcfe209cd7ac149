import { expect, test } from 'vitest';
import { adviseOnVariables } from '../../../src/dockerfile/variable-advice.ts';

const advise = (text: string, line: number, unset: readonly string[] = [], known: readonly string[] = []) =>
  adviseOnVariables(
    { file: 'Dockerfile', text },
    { start: line, end: line },
    { unset, has: (name) => known.includes(name) },
  );

const global =
  'ARG VERSION=1 OTHER\nFROM a \\\n AS b\nRUN get app-$VERSION.tar\nRUN VERSION=2; echo $VERSION\n';

test('adviseOnVariables() finds a global ARG that the stage does not repeat', () => {
  expect(advise(global, 4)).toEqual({
    subject: '$VERSION',
    hint: '$VERSION has no value here: its ARG on line 1 stands before the first FROM, where only FROM lines see it. Write ARG VERSION after line 3: it keeps its value',
  });
});

test('adviseOnVariables() says nothing about variables that have a value', () => {
  expect(advise(global, 4, [], ['VERSION'])).toBeUndefined();
  expect(advise(global, 5)).toBeUndefined();
  expect(advise('ARG V\nFROM a\nRUN echo $VERSION\n', 3)).toBeUndefined();
});

test('adviseOnVariables() looks into heredocs', () => {
  expect(advise('ARG V\nFROM a\nRUN <<E\necho $V\nE\n', 3)?.subject).toBe('$V');
});

test('adviseOnVariables() tells of variables that nobody declares', () => {
  expect(advise('FROM a\nCOPY x-$NAME /\n', 2, ['NAME'])).toEqual({
    subject: '$NAME',
    hint: '$NAME has no value here: declare it with ARG or ENV in this stage',
  });
});
