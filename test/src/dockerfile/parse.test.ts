import { describe, expect, test } from 'vitest';
import { shortText } from '../../../src/dockerfile/checks/finding.ts';
import { renderError } from '../../../src/dockerfile/excerpt.ts';
import { type ParsedDockerfile, parseDockerfile, parseTrigger } from '../../../src/dockerfile/parse.ts';
import { DockerfileError } from '../../../src/dockerfile/source.ts';
import { dockerfileCases } from '../../support/dockerfile-cases.ts';

/** A parsed file as its golden file has it: what is empty or false left out, ranges as `first-last`. */
function summary({ instructions, directives, findings }: ParsedDockerfile): string {
  const { escapeChar, syntax } = directives;
  const value = { escapeChar, syntax: syntax?.ref, instructions, findings: findings.map(shortText) };
  const shorten = (key: string, field: unknown): unknown => {
    if (field === false || (Array.isArray(field) && field.length === 0 && key !== 'args')) return undefined;
    if (key !== 'range') return field;
    const { start, end } = field as { start: number; end: number };
    return `${start}-${end}`;
  };
  return `${JSON.stringify(value, shorten, 1)}\n`;
}

function errorOf(text: string, options = {}): DockerfileError {
  try {
    parseDockerfile({ file: 'Dockerfile', text }, options);
  } catch (error) {
    if (error instanceof DockerfileError) return error;
    throw error;
  }
  throw new Error('no error');
}

const ofLine = (line: string) => {
  const { code, message, hint } = errorOf(`FROM scratch\n${line}\n`);
  return { code, message: message.replace('dockerfile parse error on line 2: ', ''), hint };
};

describe('fixtures', () => {
  test.each(dockerfileCases('parsed.json'))('parseDockerfile() reads $name', async ({ source, expected }) => {
    await expect(summary(parseDockerfile(source))).toMatchFileSnapshot(expected);
  });

  test.each(dockerfileCases('parse-error.txt'))(
    'parseDockerfile() refuses $name',
    async ({ source, expected }) => {
      const rendered = await renderError(errorOf(source.text));
      await expect(`${rendered}\n`).toMatchFileSnapshot(expected);
    },
  );
});

// The cores of these texts are what users of Docker know and search for.
test.each([
  ['COPY --link= a b', 'BAD_FLAG', 'missing a value on flag: --link'],
  ['RUN --mount x', 'BAD_FLAG', 'missing a value on flag: --mount'],
  ['ARG --x a', 'UNKNOWN_FLAG', 'unknown flag: --x'],
  ['STOPSIGNAL --x 9', 'UNKNOWN_FLAG', 'unknown flag: --x'],
  ['ADD --from=x a b', 'UNKNOWN_FLAG', 'unknown flag: --from'],
  ['ENV', 'BAD_ARGUMENT', 'ENV requires at least one argument'],
  ['LABEL', 'BAD_ARGUMENT', 'LABEL requires at least one argument'],
  ['ARG', 'BAD_ARGUMENT', 'ARG requires at least one argument'],
  ['EXPOSE', 'BAD_ARGUMENT', 'EXPOSE requires at least one argument'],
  ['VOLUME', 'BAD_ARGUMENT', 'VOLUME requires at least one argument'],
  ['VOLUME []', 'BAD_ARGUMENT', 'VOLUME requires at least one argument'],
  ['VOLUME ["/a", " "]', 'BAD_ARGUMENT', 'VOLUME specified can not be an empty string'],
  ['ONBUILD', 'BAD_ARGUMENT', 'ONBUILD requires at least one argument'],
  ['HEALTHCHECK', 'BAD_ARGUMENT', 'HEALTHCHECK requires at least one argument'],
  ['SHELL', 'BAD_ARGUMENT', 'SHELL requires at least one argument'],
  ['SHELL []', 'BAD_ARGUMENT', 'SHELL requires at least one argument'],
  ['SHELL bash -c', 'BAD_ARGUMENT', 'SHELL requires the arguments to be in JSON form'],
  ['WORKDIR', 'BAD_ARGUMENT', 'WORKDIR requires exactly one argument'],
  ['USER', 'BAD_ARGUMENT', 'USER requires exactly one argument'],
  ['STOPSIGNAL', 'BAD_ARGUMENT', 'STOPSIGNAL requires exactly one argument'],
  ['MAINTAINER', 'BAD_ARGUMENT', 'MAINTAINER requires exactly one argument'],
  ['ENV a', 'BAD_ARGUMENT', 'ENV must have two arguments'],
  ['LABEL a', 'BAD_ARGUMENT', 'LABEL must have two arguments'],
  ['ENV =a', 'BAD_ARGUMENT', 'ENV names can not be blank'],
  ['ARG =a', 'BAD_ARGUMENT', 'ARG names can not be blank'],
  ['LABEL a=b =c', 'BAD_ARGUMENT', 'LABEL names can not be blank'],
  ['LABEL a=b c', 'SYNTAX', 'Syntax error - can\'t find = in "c". Must be of the form: name=value'],
  [
    'ADD a',
    'BAD_ARGUMENT',
    'ADD requires at least two arguments, but only one was provided. Destination could not be determined',
  ],
  [
    'COPY',
    'BAD_ARGUMENT',
    'COPY requires at least two arguments, but none was provided. Destination could not be determined',
  ],
  ['FROM', 'BAD_ARGUMENT', 'FROM requires either one or three arguments'],
  ['FROM a AS', 'BAD_ARGUMENT', 'FROM requires either one or three arguments'],
  ['FROM a AS b c', 'BAD_ARGUMENT', 'FROM requires either one or three arguments'],
  ['RUN --network=fake x', 'BAD_FLAG', 'invalid network mode "fake"'],
  ['RUN --network=hots x', 'BAD_FLAG', 'invalid network mode "hots" (did you mean host?)'],
  ['RUN --security=fake x', 'BAD_FLAG', 'security "fake" is not valid'],
  ['HEALTHCHECK FOO', 'BAD_ARGUMENT', 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
  ['HEALTHCHECK NONE x', 'BAD_ARGUMENT', 'HEALTHCHECK NONE takes no arguments'],
  ['HEALTHCHECK CMD', 'BAD_ARGUMENT', 'Missing command after HEALTHCHECK CMD'],
  ['HEALTHCHECK CMD []', 'BAD_ARGUMENT', 'Missing command after HEALTHCHECK CMD'],
  ['HEALTHCHECK --interval=5 CMD x', 'BAD_FLAG', '--interval: missing unit in duration "5"'],
  ['HEALTHCHECK --timeout=500us CMD x', 'BAD_FLAG', 'Interval "timeout" cannot be less than 1ms'],
  ['HEALTHCHECK --timeout=-1s CMD x', 'BAD_FLAG', 'Interval "timeout" cannot be less than 1ms'],
  ['HEALTHCHECK --retries=-1 CMD x', 'BAD_FLAG', '--retries cannot be negative (-1)'],
  ['HEALTHCHECK --retries=x CMD x', 'BAD_FLAG', 'invalid value "x" for --retries'],
  ['ONBUILD ONBUILD RUN x', 'BAD_ARGUMENT', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
  ['ONBUILD maintainer x', 'BAD_ARGUMENT', "MAINTAINER isn't allowed as an ONBUILD trigger"],
  ['ONBUILD # x', 'BAD_ARGUMENT', 'an ONBUILD trigger is one instruction'],
  [
    'ADD ["a", ["b"]]',
    'BAD_ARGUMENT',
    'when using JSON array syntax, arrays must be comprised of strings only',
  ],
] as const)('parseDockerfile() refuses "%s" and says what to write', (line, code, message) => {
  expect(ofLine(line)).toEqual({ code, message, hint: expect.stringMatching(/\S/) });
});

test('parseDockerfile() refuses a heredoc script whose name is no file name', () => {
  expect(ofLine('RUN <<a/b\n#!/bin/sh\na/b')).toMatchObject({
    message: 'heredoc name "a/b" is not a file name',
  });
  expect(ofLine('COPY <<.. /x\n..')).toMatchObject({ message: 'heredoc name ".." is not a file name' });
});

test('parseDockerfile() takes BUILDKIT_SYNTAX and BUILDKIT_DOCKERFILE_CHECK over the file', () => {
  const source = { file: 'Dockerfile', text: '# syntax=example.com/other\nFROM scratch AS Base\n' };
  expect(parseDockerfile(source, { syntax: 'dockerfile.v0' }).findings).toHaveLength(1);
  const quiet = parseDockerfile(source, { syntax: 'docker/dockerfile:1', check: 'skip=all;error=true' });
  expect(quiet).toMatchObject({ findings: [], checks: { skip: 'all', error: true } });
  expect(errorOf(source.text, { syntax: 'example.com/x' })).toMatchObject({
    code: 'UNSUPPORTED',
    ranges: [],
  });
  expect(errorOf('FROM scratch', { check: 'nonsense' })).toMatchObject({ code: 'BAD_ARGUMENT' });
});

test('parseDockerfile() refuses a file that cannot be a Dockerfile by its size', () => {
  expect(errorOf(`FROM scratch\n${'#\n'.repeat(9 * 1024 * 1024)}`).message).toBe(
    'the Dockerfile is larger than 16 MiB',
  );
});

describe('parseTrigger()', () => {
  const at = { source: { file: 'Dockerfile', text: 'FROM base\n' }, range: { start: 1, end: 1 } };

  test('reads what ONBUILD stored, heredoc bodies included, and places it at FROM', () => {
    const { instructions } = parseDockerfile({
      file: 'Dockerfile',
      text: 'FROM scratch\nONBUILD COPY <<-"A" <<B /x\n\ta\n\tA\nb\nB\n',
    });
    const [, onbuild] = instructions;
    if (onbuild?.keyword !== 'ONBUILD') throw new Error('no ONBUILD');
    expect(onbuild.trigger).toBe('COPY <<-"A" <<B /x\n\ta\nA\nb\nB');
    expect(parseTrigger(onbuild.trigger, at)).toMatchObject({
      keyword: 'COPY',
      range: at.range,
      destination: '/x',
      heredocs: [
        { name: 'A', content: '\ta\n', chomp: true, expand: false, range: at.range },
        { name: 'B', content: 'b\n', chomp: false, expand: true, range: at.range },
      ],
    });
  });

  test.each([
    ['FROM scratch', "FROM isn't allowed as an ONBUILD trigger"],
    ['ONBUILD RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ['RUNN x', 'unknown instruction: RUNN (did you mean RUN?)'],
    ['RUN a\nRUN b', 'an ONBUILD trigger is one instruction'],
    ['', 'an ONBUILD trigger is one instruction'],
    ['RUN <<E', 'unterminated heredoc <<E'],
  ])('refuses %j where it fires', (text, message) => {
    const prefix = `cannot run the ONBUILD trigger "${text.split('\n')[0]}" of the base image: `;
    expect(() => parseTrigger(text, at)).toThrow(
      expect.objectContaining({ message: prefix + message, source: at.source, ranges: [at.range] }),
    );
  });
});
