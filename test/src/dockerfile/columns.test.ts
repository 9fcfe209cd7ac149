import { expect, test } from 'vitest';
import { locate } from '../../../src/dockerfile/columns.ts';

/** The text at the columns, and their line. */
function found(text: string, subject: string, start = 1): [number, string] | undefined {
  const lines = text.split('\n');
  const columns = locate({ file: 'Dockerfile', text }, { start, end: lines.length }, subject);
  return columns && [columns.line, lines[columns.line - 1]!.slice(columns.start, columns.end)];
}

test.each([
  ['RNU x RNU', 'RNU', [1, 'RNU']],
  ['COPY \\\n # --frm=y \\\n\n  --frm=x a b', '--frm', [4, '--frm=x']],
  ['CMD --flag "x"', '--flag', [1, '--flag']],
  ['ENV a=b \\\n  cc c', 'c', [2, 'c']],
  ['ENV a=b "c d" e=f', '"c d"', [1, '"c d"']],
  ['ENV a=xyz', 'y', [1, 'y']],
  ['RUN <<"a b" cat\nx\na b', '<<"a b"', [1, '<<"a b"']],
  ['R\\\nNU x', 'RNU', [1, 'R\\']],
  ['RUN x', 'nothing', undefined],
  ['', 'x', undefined],
  ['RUN --mount=\u0085a true', '', undefined],
] as const)('locate() in %j finds %j', (text, subject, expected) => {
  expect(found(text, subject)).toEqual(expected);
});

test('locate() heeds the escape character of the file', () => {
  expect(found('# escape=`\nFROM x\nCOPY a `\n  bad\\', 'bad\\', 3)).toEqual([4, 'bad\\']);
});

test('locate() leaves huge instructions alone', () => {
  expect(found(`RUN ${'x\\\n'.repeat(60_000)}y`, 'y')).toBeUndefined();
});

test.each([
  ['COPY --from=deps --chown=node:node /app/node_modules ./node_modules', 'node', 25],
  ['COPY --chown=own a b', 'own', 13],
  ['RUN --mount=from=app,target=/x cat /application', 'app', 17],
  ['RUN app --app=1', 'app', 4],
])(
  'locate() in %j prefers a word, then a part of a flag, to what is inside of a word',
  (text, subject, start) => {
    expect(locate({ file: 'Dockerfile', text }, { start: 1, end: 1 }, subject)?.start).toBe(start);
  },
);
