// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are the shell's.
import { expect, test } from 'vitest';
import { renderError } from '../../../src/dockerfile/excerpt.ts';
import { parseDockerfile, parseTrigger } from '../../../src/dockerfile/parse.ts';
import { DockerfileError } from '../../../src/dockerfile/source.ts';
import { dockerfileCases } from '../../support/dockerfile-cases.ts';
import { SeededRandom } from '../../support/seeded-random.ts';

/** What the grammar is made of, and what has no business in it. */
const tokens = [
  ...'FROM ARG ENV LABEL RUN COPY ADD WORKDIR USER VOLUME EXPOSE CMD ENTRYPOINT SHELL STOPSIGNAL'.split(' '),
  ...'HEALTHCHECK MAINTAINER ONBUILD AS scratch NONE # \\ ` " \' [ ] { } ( ) = == - -- << <<- <<< 3<< < > ; & |'.split(
    ' ',
  ),
  ...'# escape=`|# syntax=x|# check=skip=all|# check=|<<EOF|<<"a b"|EOF|\tEOF|["a", "b"]|["a", 1]|--mount='.split(
    '|',
  ),
  ...'--interval=5s|--from=|--link|${x:-|$((|))|}|\\\n|\\  \n|\n|\r\n|\r|\t| |   |\0|\ufeff|\u00a0|\u0085'.split(
    '|',
  ),
  ...[
    '\ud83d',
    '\ude00',
    '\u2028',
    '\x1b[2J',
    'é',
    '世',
    '__proto__',
    'constructor',
    'x'.repeat(300),
    '\\'.repeat(99),
  ],
];

const seeds = [...dockerfileCases('parsed.json'), ...dockerfileCases('parse-error.txt')].map(
  ({ source }) => source.text,
);

function mutate(text: string, random: SeededRandom): string {
  const at = random.below(text.length + 1);
  const end = Math.min(text.length, at + random.below(20));
  switch (random.below(5)) {
    case 0:
      return text.slice(0, at) + text.slice(end);
    case 1:
      return text.slice(0, end) + text.slice(at);
    case 2:
      return text.slice(0, at) + random.pick(seeds).slice(0, 200) + text.slice(at);
    default:
      return text.slice(0, at) + random.pick(tokens) + text.slice(at);
  }
}

/** The mistake found, if any. Whatever else is thrown goes through. */
function mistakeIn(parse: () => unknown): DockerfileError | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (error instanceof DockerfileError) return error;
    throw error;
  }
}

test('parseDockerfile() throws nothing but DockerfileError, and soon, whatever the text', async () => {
  const random = new SeededRandom(20_240_607);
  const at = { source: { file: 'D', text: 'FROM x' }, range: { start: 1, end: 1 } };
  let refused = 0;
  for (let round = 0; round < 6000; round++) {
    let text = random.pick(seeds);
    for (let count = random.below(8); count >= 0; count--) text = mutate(text, random);
    const source = { file: 'Dockerfile', text };
    const start = performance.now();
    const mistake = mistakeIn(() => parseDockerfile(source));
    mistakeIn(() => parseTrigger(text.slice(0, 500), at));
    expect(performance.now() - start, JSON.stringify(text)).toBeLessThan(1000);
    if (mistake === undefined) continue;
    refused++;
    expect(mistake.message).toMatch(/\S/);
    const lines = text.split('\n').length;
    for (const range of mistake.ranges) {
      expect(range.start, JSON.stringify(text)).toBeGreaterThan(0);
      expect(range.end, JSON.stringify(text)).toBeLessThanOrEqual(lines);
      expect(range.start).toBeLessThanOrEqual(range.end);
    }
    if (refused % 10 === 0) expect(await renderError(mistake)).not.toMatch(/[\x00-\x08\x0b-\x1f]/);
  }
  // Mutations that never fail, or always do, would test little.
  expect(refused).toBeGreaterThan(1000);
  expect(refused).toBeLessThan(5900);
});

/** Texts that make a careless scanner take quadratic time, at the size where that would show. */
const repeated = (text: string, size = 2_000_000) => text.repeat(Math.ceil(size / text.length));
const lines = (line: string) => repeated(`${line.slice(0, 60_000)}\\\n`);

test.each([
  ['blanks', `FROM scratch\nRUN ${lines(repeated(' ', 60_000))}`],
  ['braces', `FROM scratch\nRUN << ${lines(repeated('${', 60_000))}`],
  ['brackets', `FROM scratch\nRUN << ${lines(repeated('$((', 60_000))}`],
  ['heredocs in quotes', `FROM scratch\nRUN ${lines(repeated('"<<E" ', 60_000))}`],
  ['heredocs', `FROM scratch\nRUN ${repeated('<<E ', 20_000)}\n${repeated('E\n')}`],
  ['quotes', `FROM scratch\nENV a=${lines(repeated(`"'`, 60_000))}`],
  ['escapes', `FROM scratch\nENV a=${lines(repeated('\\ ', 60_000))}`],
  ['words', `FROM scratch\nEXPOSE ${lines(repeated('1 ', 60_000))}`],
  ['flags', `FROM scratch\nCOPY ${lines(repeated('--exclude=a ', 60_000))} a b`],
  ['brackets of JSON', `FROM scratch\nRUN ${lines(repeated('[', 60_000))}`],
  ['comments', `${repeated('# a\n')}FROM scratch`],
  ['blank lines in a continuation', `FROM scratch\nRUN a \\\n${repeated('\n')}`],
  ['keyword', `FROM scratch\n${lines(repeated('R', 60_000))}`],
  ['stages', repeated('FROM scratch AS a\n', 500_000)],
  ['directive', `# check=skip=${repeated('a, ', 60_000)}\nFROM scratch`],
  ['directive blanks', `# check=skip=a${repeated(' ', 60_000)}b\nFROM scratch`],
  ['durations', `FROM scratch\nHEALTHCHECK --interval=${repeated('1h', 60_000)} CMD x`],
])('parseDockerfile() takes linear time for many %s', async (_, text) => {
  const start = performance.now();
  const mistake = mistakeIn(() => parseDockerfile({ file: 'Dockerfile', text }));
  if (mistake !== undefined) await renderError(mistake);
  expect(performance.now() - start).toBeLessThan(5000);
});
