import { splitBlanks } from '../blank.ts';
import { readFlags } from '../flags.ts';
import { heredocMarks, isFileName } from '../heredoc.ts';
import type { AddInstruction, CopyInstruction, TransferSource } from '../instructions.ts';
import { readStrings } from './command-line.ts';
import type { Statement } from './statement.ts';

/** What COPY and ADD have in common. */
const common = { chown: 'string', chmod: 'string', link: 'boolean', exclude: 'list' } as const;

/** `COPY [flags] source… destination`, the words in JSON form or not. */
export function readCopy(statement: Statement): CopyInstruction {
  const flags = readFlags(statement, { from: 'string', ...common, parents: 'boolean' });
  return {
    ...transfer(statement, flags),
    keyword: 'COPY',
    parents: flags.parents ?? false,
    ...(flags.from !== undefined && { from: flags.from }),
  };
}

/** `ADD [flags] source… destination`, the words in JSON form or not. */
export function readAdd(statement: Statement): AddInstruction {
  const flags = readFlags(statement, {
    ...common,
    checksum: 'string',
    'keep-git-dir': 'boolean',
    unpack: 'boolean',
  });
  const { checksum, unpack, 'keep-git-dir': keepGitDir } = flags;
  return {
    ...transfer(statement, flags),
    keyword: 'ADD',
    ...(checksum !== undefined && { checksum }),
    ...(keepGitDir !== undefined && { keepGitDir }),
    ...(unpack !== undefined && { unpack }),
  };
}

interface CommonFlags {
  readonly chown: string | undefined;
  readonly chmod: string | undefined;
  readonly link: boolean | undefined;
  readonly exclude: readonly string[];
}

function transfer(statement: Statement, { chown, chmod, link, exclude }: CommonFlags) {
  const sources = [...readSources(statement)];
  const last = sources.pop();
  if (last === undefined || sources.length === 0) throw noDestination(statement, last);
  if (last.kind === 'heredoc')
    throw statement.error('BAD_ARGUMENT', `${statement.keyword} cannot accept a heredoc as a destination`, {
      hint: `Write the destination last: ${statement.keyword} <<EOF /path`,
    });
  return {
    ...statement.base,
    sources,
    destination: last.text,
    link: link ?? false,
    exclude,
    ...(chown !== undefined && { chown }),
    ...(chmod !== undefined && { chmod }),
  };
}

/** The words in order, the destination still among them. */
function* readSources(statement: Statement): Generator<TransferSource> {
  const { rest } = statement;
  const strings = readStrings(statement, rest);
  const marks = strings === undefined ? heredocMarks(rest, 'words') : [];
  let at = 0;
  for (const [index, { name, text, start, end }] of marks.entries()) {
    yield* paths(splitBlanks(rest.slice(at, start)));
    if (!isFileName(name))
      throw statement.error('BAD_ARGUMENT', `heredoc name "${name}" is not a file name`, {
        hint: `${statement.keyword} makes a file of that name: put its folder into the destination instead`,
        subject: text,
      });
    yield { kind: 'heredoc', index };
    at = end;
  }
  yield* paths(strings ?? splitBlanks(rest.slice(at)));
}

const paths = (words: readonly string[]): TransferSource[] => words.map((text) => ({ kind: 'path', text }));

function noDestination(statement: Statement, only: TransferSource | undefined): Error {
  const { keyword } = statement;
  const provided = only === undefined ? 'none was' : 'only one was';
  return statement.error(
    'BAD_ARGUMENT',
    `${keyword} requires at least two arguments, but ${provided} provided. Destination could not be determined`,
    {
      hint: `Write ${keyword} SOURCE DESTINATION${only?.kind === 'path' ? `: ${keyword} ${only.text} .` : ''}`,
    },
  );
}
