import { expect, test } from 'vitest';
import { outlineText, targetsText } from '../../../../src/cli/call/call-text.ts';

const range = { start: 1, end: 1 };

// As `docker buildx build --call` prints them, blanks at the ends of lines included.
test('outlineText() prints the tables of buildx', () => {
  const text = outlineText({
    name: 'final',
    description: 'is what you want',
    args: [
      { name: 'VERSION', value: 'latest', description: 'is the version', range },
      { name: 'X', value: '1', range },
    ],
    secrets: [
      { id: 'tok', required: true, range },
      { id: 'other', required: false, range },
    ],
    ssh: [{ id: 'default', required: false, range }],
  });
  expect(text).toBe(
    [
      'TARGET:      final',
      'DESCRIPTION: is what you want',
      '',
      'BUILD ARG   VALUE    DESCRIPTION',
      'VERSION     latest   is the version',
      'X           1        ',
      '',
      'SECRET   REQUIRED',
      'tok      true',
      'other    ',
      '',
      'SSH       REQUIRED',
      'default   ',
      '',
      '',
    ].join('\n'),
  );
});

test('outlineText() prints nothing for a target that takes nothing and has no name', () => {
  expect(outlineText({ args: [], secrets: [], ssh: [] })).toBe('');
});

test('targetsText() prints the table of buildx', () => {
  const targets = [
    { name: 'base', description: 'is the common base', default: false, base: 'a', range },
    { name: 'final', default: false, base: 'base', range },
    { default: true, base: 'scratch', range },
  ];
  expect(targetsText(targets)).toBe(
    'TARGET    DESCRIPTION\nbase      is the common base\nfinal     \n(default) \n',
  );
  expect(targetsText([{ name: 'other', default: true, base: 'a', range }])).toBe(
    'TARGET          DESCRIPTION\nother (default) \n',
  );
});
