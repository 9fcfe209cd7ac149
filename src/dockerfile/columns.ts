import { DockerfileParser, type Instruction, ModifiableInstruction } from 'dockerfile-ast';
import { readDirectives } from './directives.ts';
import type { DockerfileSource, SourceRange } from './source.ts';

/** A stretch of one line of the file. */
export interface Columns {
  /** 1-based, as in SourceRange. */
  readonly line: number;
  /** 0-based UTF-16 offsets in that line; `end` is exclusive. */
  readonly start: number;
  readonly end: number;
}

/** What dockerfile-ast calls a range: 0-based lines. */
type AstRange = ReturnType<Instruction['getInstructionRange']>;

/** Instructions longer than this get no columns. */
const longestText = 100_000;

/**
 * Where in the instruction at `range` the words `subject` stand: its keyword, a flag or an argument, whatever
 * continuations and comments lie between. Undefined when they cannot be told apart from the rest, and for no words.
 *
 * Loads dockerfile-ast: import this module only when there is an error to show.
 */
export function locate(source: DockerfileSource, range: SourceRange, subject: string): Columns | undefined {
  const lines = source.text.split('\n').slice(range.start - 1, range.end);
  const text = lines.join('\n');
  if (subject === '' || text.length > longestText) return undefined;
  const directive = escapeCharOf(source) === '`' ? '#escape=`\n' : '';
  const [instruction] = instructionsIn(directive + text);
  const found = instruction === undefined ? undefined : find(instruction, subject);
  if (found === undefined) return inText(lines, range.start, subject);
  const index = found.start.line - (directive === '' ? 0 : 1);
  const line = lines[index] ?? '';
  const end = found.end.line === found.start.line ? found.end.character : line.trimEnd().length;
  return narrow({ line: range.start + index, start: found.start.character, end }, line, subject);
}

function find(instruction: Instruction, subject: string): AstRange | undefined {
  if (instruction.getInstruction() === subject) return instruction.getInstructionRange();
  const flags = instruction instanceof ModifiableInstruction ? instruction.getFlags() : [];
  const flag = flags.find((candidate) => `--${candidate.getName()}` === subject);
  if (flag !== undefined) return flag.getRange();
  const words = instruction.getArguments();
  return (
    words.find((candidate) => candidate.getValue() === subject) ??
    flags.find((candidate) => standsAlone(candidate.getValue() ?? '', subject)) ??
    words.find((candidate) => candidate.getValue().includes(subject)) ??
    words.find((candidate) => subject.startsWith(`${candidate.getValue()} `))
  )?.getRange();
}

/** Whether the value of a flag names the subject: `app` is in `app:staff` and in `from=app,target=/x`. */
function standsAlone(value: string, subject: string): boolean {
  return value.split(/[:=,"]/).includes(subject);
}

/** The first place where the subject stands by itself, comments left out: values inside flags are no words. */
function inText(lines: readonly string[], first: number, subject: string): Columns | undefined {
  if (!/\w/.test(subject)) return undefined;
  for (const [index, line] of lines.entries()) {
    if (/^\s*#/.test(line)) continue;
    const at = wordAt(line, subject, 0);
    if (at >= 0) return { line: first + index, start: at, end: at + subject.length };
  }
  return undefined;
}

/** Where the subject stands by itself in the line, at `from` or after; -1 if nowhere. */
function wordAt(line: string, subject: string, from: number): number {
  for (let at = line.indexOf(subject, from); at >= 0; at = line.indexOf(subject, at + 1)) {
    if (!/\w/.test(line[at - 1] ?? '') && !/\w/.test(line[at + subject.length] ?? '')) return at;
  }
  return -1;
}

/** The part of the columns that is the subject itself, where a word is more than that; all of a longer subject. */
function narrow(columns: Columns, line: string, subject: string): Columns {
  const alone = wordAt(line, subject, columns.start);
  const at = alone >= 0 && alone < columns.end ? alone : line.indexOf(subject, columns.start);
  if (at < 0) return columns;
  if (subject.startsWith('--') && at === columns.start) return columns;
  return at < columns.end ? { ...columns, start: at, end: at + subject.length } : columns;
}

/** The library is an editor's: no text makes it report an error, and a defect of it must not hide ours. */
function instructionsIn(text: string): readonly Instruction[] {
  try {
    return DockerfileParser.parse(text).getInstructions();
  } catch {
    return [];
  }
}

function escapeCharOf(source: DockerfileSource): string {
  try {
    return readDirectives(source).escapeChar;
  } catch {
    return '\\';
  }
}
