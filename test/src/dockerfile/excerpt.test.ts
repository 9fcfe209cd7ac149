import { describe, expect, test } from 'vitest';
import { renderError, renderExcerpt } from '../../../src/dockerfile/excerpt.ts';
import { DockerfileError } from '../../../src/dockerfile/source.ts';

const numbered = (count: number) =>
  Array.from({ length: count }, (_, index) => `line ${index + 1}`).join('\n');

describe('renderExcerpt()', () => {
  test('marks every range and shows two lines around them', () => {
    const source = { file: 'a/Dockerfile', text: `${numbered(9)}\n` };
    const ranges = [
      { start: 3, end: 3 },
      { start: 5, end: 6 },
    ];
    expect(renderExcerpt(source, ranges)).toBe(
      [
        'a/Dockerfile:3',
        '--------------------',
        '   1 |     line 1',
        '   2 |     line 2',
        '   3 | >>> line 3',
        '   4 |     line 4',
        '   5 | >>> line 5',
        '   6 | >>> line 6',
        '   7 |     line 7',
        '   8 |     line 8',
        '--------------------',
      ].join('\n'),
    );
  });

  test('cuts a long excerpt and says how much is left', () => {
    const text = renderExcerpt({ file: 'D', text: numbered(40) }, [{ start: 2, end: 30 }]);
    expect(text).toContain('  12 | >>> line 12\n     |     … 18 more lines');
    expect(text).not.toContain('line 13');
  });

  test('underlines below tabs and spelled-out characters where the words stand', () => {
    const source = { file: 'D', text: '\ta\x1bb wrong' };
    const columns = { line: 1, start: 5, end: 10 };
    expect(renderExcerpt(source, [{ start: 1, end: 1 }], { columns })).toContain(
      ['   1 | >>> \ta\\x1bb wrong', '     |     \t       ^^^^^'].join('\n'),
    );
  });

  test('copes with ranges and columns beyond the text', () => {
    const columns = { line: 1, start: 50, end: 60 };
    expect(renderExcerpt({ file: 'D', text: 'a' }, [{ start: 1, end: 9 }], { columns })).toContain('>>> a');
    expect(renderExcerpt({ file: 'D', text: '' }, [{ start: 7, end: 9 }])).toContain('D:7');
  });
});

describe('renderError()', () => {
  const source = { file: 'D', text: 'FROM x\nRNU y\n' };
  const error = new DockerfileError('SYNTAX', 'bad \x1b[0m', source, [{ start: 2, end: 2 }], 'write RUN', {
    subject: 'RNU',
  });

  test('shows place, excerpt, message and hint without control characters', async () => {
    expect(await renderError(error)).toBe(
      [
        'D:2',
        '--------------------',
        '   1 |     FROM x',
        '   2 | >>> RNU y',
        '     |     ^^^',
        '--------------------',
        'ERROR: bad \\x1b[0m',
        'HINT: write RUN',
      ].join('\n'),
    );
  });

  test('colours place, marks and labels when asked to, and changes nothing else', async () => {
    const coloured = await renderError(error, true);
    expect(coloured).toContain('\x1b[31m>>>\x1b[0m RNU y');
    expect(coloured).toContain('\x1b[31m^^^\x1b[0m');
    expect(coloured.replace(/\x1b\[\d+m/g, '')).toBe(await renderError(error));
  });

  test('is the message alone when there is no place', async () => {
    expect(await renderError(new DockerfileError('EMPTY', 'nothing', undefined, []))).toBe('ERROR: nothing');
  });
});
