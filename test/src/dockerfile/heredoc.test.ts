// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the shell's.
import { describe, expect, test } from 'vitest';
import {
  chompTabs,
  type HeredocPlace,
  heredocMarks,
  isFileName,
  isOnlyHeredoc,
} from '../../../src/dockerfile/heredoc.ts';

/** `fd:name`, with `-` for chomp and `!` for a quoted delimiter. */
const marks = (text: string, place: HeredocPlace) =>
  heredocMarks(text, place).map(
    ({ fd, name, chomp, expand }) => `${fd}:${name}${chomp ? '-' : ''}${expand ? '' : '!'}`,
  );

describe('heredocMarks()', () => {
  test.each([
    ['<<EOF', ['0:EOF']],
    ['<<-EOF', ['0:EOF-']],
    ['<< EOF', ['0:EOF']],
    ['<<- \t EOF', ['0:EOF-']],
    ['<< -EOF', ['0:-EOF']],
    ['4<<EOF', ['4:EOF']],
    ["<<'EOF'", ['0:EOF!']],
    ['<<"EOF"', ['0:EOF!']],
    [`<<E"O"'F'`, ['0:EOF!']],
    [`<<E\\'F`, [`0:E'F`]],
    [`<<'e'o\\'f`, [`0:eo'f!`]],
    [`<<"a\\"b\\c"`, ['0:a"b\\c!']],
    ['<<"one two"', ['0:one two!']],
    ['<<$EOF', ['0:$EOF']],
    ['<<E <<F x 3<<-G', ['0:E', '0:F', '3:G-']],
    ['', []],
    ['<<', []],
    ['<<-', []],
    ['<< ', []],
    ["<<''", []],
    ['<E', []],
    ['<<<E', []],
    ['<<< E', []],
    ['a<<E', []],
    ['1234567890<<E', []],
    ['\\<<E', []],
    ['"<<E"', []],
    ["'<<E'", []],
    ['"a <<E', []],
    ["<<'E", []],
    ["<<E 'x", []],
    ['${x <<E', []],
    ['${x:-"}" <<E} <<F', ['0:F']],
    ['<<E ${x}', ['0:E']],
  ])('finds in %j what RUN and COPY agree on', (text, expected) => {
    expect(marks(text, 'shell')).toEqual(expected);
    expect(marks(text, 'words')).toEqual(expected);
  });

  test.each([
    ['cat <<E> /x', ['0:E'], ['0:E>']],
    ['<<E;<<F', ['0:E', '0:F'], []],
    ['<<E|cat', ['0:E'], ['0:E|cat']],
    ['x;<<E', ['0:E'], []],
    ['<<f(1).txt', ['0:f'], ['0:f(1).txt']],
    ['$((1 << 2))', [], ['0:2))']],
    ['((1 << 2)) <<E', ['0:E'], ['0:2))', '0:E']],
    ['$(( (1) << 2 ))', [], ['0:2']],
    ['>', [], []],
    ['<< >x', [], ['0:>x']],
  ])('reads %j as a shell would in RUN, as words in COPY', (text, shell, words) => {
    expect(marks(text, 'shell')).toEqual(shell);
    expect(marks(text, 'words')).toEqual(words);
  });

  test('gives the text that announces and where it stands', () => {
    expect(heredocMarks('a 3<<- "b c" d', 'words')).toMatchObject([
      { text: '3<<- "b c"', start: 2, end: 12 },
    ]);
  });
});

test.each([
  ['<<E', true],
  ['<<- "a b"', true],
  ['5<<E', true],
  ['<<E ', false],
  ['<<E cat', false],
  ['cat <<E', false],
  ['<<E <<F', false],
  ['<<E>x', false],
])('isOnlyHeredoc() of %j is %j', (text, expected) => {
  expect(isOnlyHeredoc(text)).toBe(expected);
});

test('chompTabs() takes the tabs that begin lines and nothing else', () => {
  expect(chompTabs('\t\ta\tb\n \tc\n\t\n')).toBe('a\tb\n \tc\n\n');
});

test.each([
  ['EOF', true],
  ['two words', true],
  ['...', true],
  ['..', false],
  ['.', false],
  ['a/b', false],
  ['/', false],
  ['a\0b', false],
])('isFileName() of %j is %j', (name, expected) => {
  expect(isFileName(name)).toBe(expected);
});
