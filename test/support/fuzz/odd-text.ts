import type { SeededRandom } from '../seeded-random.ts';

/** What has no business in a text, or only looks right: quotes, escapes, Unicode, NUL, numbers, long runs. */
export const ODD: readonly string[] = [
  ...'$ ${ } ${x:- ${x//a/ ${x%% " \' ` \\ \\\\ << <<- [ ] ["a", { ( $(( = == , , -- - : / // .. * ** ? ! # ; & | > < @ ~ ^ %'.split(
    ' ',
  ),
  ...['\n', '\r\n', '\r', '\t', ' ', '   ', '\\\n', '\\ \n', '`\n', '\0', '\x1b[2J', '\x7f', '\ufeff'],
  ...[
    '\u00a0',
    '\u0085',
    '\u2028',
    '\u202e',
    '\ud83d',
    '\ude00',
    'é',
    'e\u0301',
    '世界',
    '👩‍🚀',
    'İ',
    'ß',
    'ſ',
  ],
  ...['0', '-1', '007', '1e9', '65536', '4294967296', '9007199254740993', '1.5', 'NaN', '0x10', '-0', '٣'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'undefined', 'null', 'true', '/dev/null'],
];

/** A run of one text, now and then as long as a line may be. */
export function longRun(random: SeededRandom): string {
  const unit = random.pick([
    'a',
    ' ',
    '\\',
    '"',
    '$',
    '${',
    '$x',
    '<<E ',
    '[',
    '(',
    ',',
    '/',
    '*',
    '../',
    '\n',
    '0',
    'é',
    '--a ',
  ]);
  return unit.repeat(random.pick([10, 300, 300, 5000, 60_000]) / unit.length);
}

/** A text after some edits: pieces left out, doubled, swapped, odd ones put in, and `pieces` of the language itself. */
export function mutateText(text: string, random: SeededRandom, pieces: readonly string[]): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + random.below(24));
  switch (random.below(12)) {
    case 0:
      return text.slice(0, at) + text.slice(end);
    case 1:
      return text.slice(0, end) + text.slice(at);
    case 2:
      return text.slice(at) + text.slice(0, at);
    case 3:
      return random.chance(15) ? text.slice(0, at) + longRun(random) + text.slice(at) : text.toUpperCase();
    case 4:
      return swappedLines(text, random);
    case 5:
      return text.slice(0, at) + String.fromCharCode(random.below(0x10000)) + text.slice(end);
    case 6:
    case 7:
    case 8:
      return text.slice(0, at) + random.pick(pieces) + text.slice(at);
    default:
      return text.slice(0, at) + random.pick(ODD) + text.slice(random.chance(50) ? at : end);
  }
}

function swappedLines(text: string, random: SeededRandom): string {
  const lines = text.split('\n');
  const [one, other] = [random.below(lines.length), random.below(lines.length)];
  [lines[one], lines[other]] = [lines[other]!, lines[one]!];
  return lines.join('\n');
}
