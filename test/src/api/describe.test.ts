import { expect, test } from 'vitest';
import { describeWarnings } from '../../../src/api/describe.ts';
import type { WarningEvent } from '../../../src/progress/events.ts';

const found: WarningEvent = {
  kind: 'warning',
  short: "UndefinedVar: Usage of undefined variable '$x' (line 2)",
  detail: ['Variables should be defined before their use'],
  url: 'https://example.test/undefined-var/',
  source: { file: 'Dockerfile', text: 'FROM a\nCOPY $x /\n', ranges: [{ start: 2, end: 2 }] },
};
const plain: WarningEvent = { kind: 'warning', short: 'something \x1b[31mred' };

test('describeWarnings() lists each warning once, and how many there are', () => {
  expect(describeWarnings([found, plain, { ...found }], { colour: false, expand: false })).toBe(
    [
      ' 2 warnings found (use --debug to expand):',
      " - UndefinedVar: Usage of undefined variable '$x' (line 2)",
      ' - something \\x1b[31mred',
      '',
    ].join('\n'),
  );
  expect(describeWarnings([plain], { colour: true, expand: false })).toMatch(
    /^\x1b\[33m 1 warning found \(use --debug to expand\):\x1b\[0m\n/,
  );
  expect(describeWarnings([], { colour: false, expand: false })).toBe('');
});

test('describeWarnings() adds rule, page and lines on demand', () => {
  expect(describeWarnings([found], { colour: false, expand: true })).toBe(
    [
      ' 1 warning found:',
      " - UndefinedVar: Usage of undefined variable '$x' (line 2)",
      'Variables should be defined before their use',
      'More info: https://example.test/undefined-var/',
      'Dockerfile:2',
      '--------------------',
      '   1 |     FROM a',
      '   2 | >>> COPY $x /',
      '--------------------',
      '',
      '',
    ].join('\n'),
  );
});
