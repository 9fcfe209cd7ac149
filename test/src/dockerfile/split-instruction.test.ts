import { expect, test } from 'vitest';
import { splitInstruction } from '../../../src/dockerfile/split-instruction.ts';

test.each([
  ['RUN', { keyword: 'RUN', flags: [], rest: '' }],
  ['  run\t\v x  y ', { keyword: 'run', flags: [], rest: 'x  y' }],
  ['COPY --a --b=c d --e', { keyword: 'COPY', flags: ['--a', '--b=c'], rest: 'd --e' }],
  ['COPY --a=b', { keyword: 'COPY', flags: ['--a=b'], rest: '' }],
  ['COPY -- --a', { keyword: 'COPY', flags: [], rest: '--a' }],
  ['COPY --a --', { keyword: 'COPY', flags: ['--a'], rest: '' }],
  ['COPY --- x', { keyword: 'COPY', flags: ['---'], rest: 'x' }],
  ['COPY -x y', { keyword: 'COPY', flags: [], rest: '-x y' }],
  ['COPY --a="b c"\'d "e\' f', { keyword: 'COPY', flags: ['--a=b cd "e'], rest: 'f' }],
  ['COPY --a=b\\ c\\"d "e"', { keyword: 'COPY', flags: ['--a=b c"d'], rest: '"e"' }],
  ['COPY --a="b\\"c" d', { keyword: 'COPY', flags: ['--a=b"c'], rest: 'd' }],
  ['COPY --a="open x y', { keyword: 'COPY', flags: ['--a=open x y'], rest: '' }],
  ['COPY --a=b\\', { keyword: 'COPY', flags: ['--a=b'], rest: '' }],
  ['COPY --a="b" "c', { keyword: 'COPY', flags: ['--a=b'], rest: '"c' }],
])('splitInstruction() cuts %j', (line, expected) => {
  expect(splitInstruction(line, '\\')).toEqual(expected);
});
