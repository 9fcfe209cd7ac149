import { didYouMean, suggestInCase } from '../../text/suggest.ts';
import type { Instruction, Keyword } from '../instructions.ts';
import { readCmd, readEntrypoint, readShell } from './command-line.ts';
import { readFrom } from './from.ts';
import { readHealthcheck } from './healthcheck.ts';
import { readArg, readEnv, readLabel } from './key-values.ts';
import { readOnbuild } from './onbuild.ts';
import { readRun } from './run.ts';
import type { Statement } from './statement.ts';
import { readAdd, readCopy } from './transfer.ts';
import { readMaintainer, readStopsignal, readUser, readWorkdir } from './whole-line.ts';
import { readExpose, readVolume } from './word-list.ts';

type Reader<K extends Keyword> = (statement: Statement) => Extract<Instruction, { keyword: K }>;

/** A missing one does not compile. */
const readers: { readonly [K in Keyword]: Reader<K> } = {
  ADD: readAdd,
  ARG: readArg,
  CMD: readCmd,
  COPY: readCopy,
  ENTRYPOINT: readEntrypoint,
  ENV: readEnv,
  EXPOSE: readExpose,
  FROM: readFrom,
  HEALTHCHECK: readHealthcheck,
  LABEL: readLabel,
  MAINTAINER: readMaintainer,
  ONBUILD: readOnbuild,
  RUN: readRun,
  SHELL: readShell,
  STOPSIGNAL: readStopsignal,
  USER: readUser,
  VOLUME: readVolume,
  WORKDIR: readWorkdir,
};

const keywords = Object.keys(readers) as Keyword[];

/** Interprets a statement. `previous` is the instruction before it: a mistake there often surfaces here. */
export function readInstruction(statement: Statement, previous: Instruction | undefined): Instruction {
  const keyword = keywords.find((known) => known === statement.keyword);
  if (keyword === undefined) throw unknownInstruction(statement, previous);
  return readers[keyword](statement);
}

function unknownInstruction(statement: Statement, previous: Instruction | undefined): Error {
  const { written } = statement.base;
  const suggestion = suggestInCase(written, keywords);
  return statement.error('UNKNOWN_INSTRUCTION', `unknown instruction: ${written}${didYouMean(suggestion)}`, {
    hint: hintFor(statement, suggestion, previous),
    subject: written,
  });
}

function hintFor(
  { keyword, base, escapeChar }: Statement,
  suggestion: string | undefined,
  previous: Instruction | undefined,
): string {
  const { written } = base;
  const glued = keywords.find(
    (known) => keyword.startsWith(known) && /^[^A-Z]/.test(keyword.slice(known.length)),
  );
  if (glued !== undefined) return `Put a plain blank after ${written.slice(0, glued.length)}`;
  if (previous?.keyword === 'RUN' && previous.heredocs.length === 0 && /\S<<-?[\w'"]/.test(previous.original))
    return 'To read these lines as a heredoc, put a blank before << in the RUN above';
  if (suggestion !== undefined) return `Write ${suggestion} in place of ${written}`;
  return `If this line belongs to the one above, end that one with ${escapeChar}`;
}
