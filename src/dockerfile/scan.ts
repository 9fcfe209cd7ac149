import { trim, trimStart } from './blank.ts';
import type { Directives } from './directives.ts';
import { type HeredocMark, type HeredocPlace, heredocMarks } from './heredoc.ts';
import type { Heredoc } from './instructions.ts';
import { readJsonForm } from './json-form.ts';
import { LineReader } from './line-reader.ts';
import { type Origin, parseError } from './parse-error.ts';
import type { SourceRange } from './source.ts';
import { type InstructionParts, splitInstruction } from './split-instruction.ts';
import type { EscapeChar } from './words.ts';

/** One instruction of the file: its lines joined, its heredoc bodies read, nothing interpreted yet. */
export interface ScannedInstruction extends InstructionParts {
  /** Heredoc bodies included. */
  readonly range: SourceRange;
  /** The joined line, trimmed. */
  readonly original: string;
  /** Comment lines directly above, without `#`. */
  readonly comments: readonly string[];
  readonly heredocs: readonly Heredoc[];
  /** Blank lines between its continued lines. */
  readonly emptyLines: readonly SourceRange[];
}

const heredocPlaces: Readonly<Record<string, HeredocPlace>> = { RUN: 'shell', COPY: 'words', ADD: 'words' };

/** Yields the instructions of a file in order. Throws DockerfileError for overlong lines and unterminated heredocs. */
export function* scan(
  text: string,
  origin: Origin,
  { escapeChar, lines }: Pick<Directives, 'escapeChar' | 'lines'>,
): Generator<ScannedInstruction> {
  const reader = new LineReader(text, origin);
  let comments: string[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    const content = trimStart(line);
    if (content.startsWith('#') && reader.line > lines) {
      const comment = trim(content.slice(1));
      if (comment === '') comments = [];
      else comments.push(comment);
    } else if (content === '') comments = [];
    if (content === '' || content.startsWith('#')) continue;
    const scanned = readInstruction(reader, content, escapeChar, origin);
    // A lone escape character with nothing after it is no instruction.
    if (scanned.original !== '') yield { ...scanned, comments };
    comments = [];
  }
}

function readInstruction(
  reader: LineReader,
  firstLine: string,
  escapeChar: EscapeChar,
  origin: Origin,
): Omit<ScannedInstruction, 'comments'> {
  const start = reader.line;
  const { text, emptyLines } = joinLines(reader, firstLine, escapeChar);
  const parts = splitInstruction(text, escapeChar);
  const marks = text.includes('<<') ? announced(parts, escapeChar) : [];
  const announcedAt = { start, end: reader.line };
  const heredocs = marks.map((mark) => readBody(reader, mark, origin, announcedAt));
  return { ...parts, range: { start, end: reader.line }, original: trim(text), heredocs, emptyLines };
}

/** Joins continued lines: nothing is inserted and nothing stripped; comments and blank lines between vanish. */
function joinLines(
  reader: LineReader,
  firstLine: string,
  escapeChar: EscapeChar,
): { text: string; emptyLines: SourceRange[] } {
  const emptyLines: SourceRange[] = [];
  const parts: string[] = [];
  let continued = continuedPart(firstLine, escapeChar);
  parts.push(continued ?? firstLine);
  while (continued !== undefined) {
    const line = reader.next();
    if (line === undefined) break;
    const content = trimStart(line);
    if (content.startsWith('#')) continue;
    if (content === '') {
      emptyLines.push({ start: reader.line, end: reader.line });
      continue;
    }
    continued = continuedPart(line, escapeChar);
    parts.push(continued ?? line);
  }
  return { text: parts.join(''), emptyLines };
}

/** The line without the escape character and blanks that end it; undefined when it is not continued. */
function continuedPart(line: string, escapeChar: EscapeChar): string | undefined {
  let end = line.length;
  while (end > 0 && (line[end - 1] === ' ' || line[end - 1] === '\t')) end--;
  // Two of them at the end are text: the first escapes the second.
  return line[end - 1] === escapeChar && line[end - 2] !== escapeChar ? line.slice(0, end - 1) : undefined;
}

/** Heredocs belong to RUN, COPY, ADD and triggers of these, and not to their JSON form. */
function announced({ keyword, rest }: InstructionParts, escapeChar: EscapeChar): HeredocMark[] {
  const written = keyword.toUpperCase();
  if (written === 'ONBUILD') {
    const trigger = splitInstruction(rest, escapeChar);
    return trigger.keyword.toUpperCase() === 'ONBUILD' ? [] : announced(trigger, escapeChar);
  }
  const place = Object.hasOwn(heredocPlaces, written) ? heredocPlaces[written] : undefined;
  return place === undefined || readJsonForm(rest) !== undefined ? [] : heredocMarks(rest, place);
}

/** Reads raw lines up to the delimiter on a line of its own. */
function readBody(reader: LineReader, mark: HeredocMark, origin: Origin, announcedAt: SourceRange): Heredoc {
  const { name, chomp, expand, fd } = mark;
  const start = reader.line + 1;
  const body: string[] = [];
  let near: { readonly line: number; readonly text: string } | undefined;
  for (let line = reader.next(); line !== undefined; line = reader.next()) {
    if ((chomp ? line.replace(/^\t+/, '') : line) === name) {
      const range = { start, end: reader.line };
      return { name, chomp, expand, fd, content: body.join(''), range };
    }
    if (near === undefined && trim(line) === trim(name)) near = { line: reader.line, text: line };
    body.push(reader.raw);
  }
  throw parseError(origin, announcedAt, 'UNTERMINATED_HEREDOC', `unterminated heredoc <<${name}`, {
    hint: near === undefined ? `End its body with a line that is ${name} alone` : nearHint(mark, near),
    subject: mark.text,
    ...(near !== undefined && { also: { start: near.line, end: near.line } }),
  });
}

/** Why a line that looks like the end of a heredoc is none. */
function nearHint(
  { name, chomp }: HeredocMark,
  near: { readonly line: number; readonly text: string },
): string {
  const { line, text } = near;
  if (text.startsWith(name)) return `Line ${line} does not end it: remove the blanks after ${name}`;
  if (chomp)
    return `Line ${line} does not end it: after <<- it may be indented with tabs, but not with blanks`;
  return text.replace(/^\t+/, '') === name
    ? `Line ${line} does not end it, being indented: write <<-${name}, which allows tabs, or remove the tab`
    : `Line ${line} does not end it, being indented: move ${name} to the start of the line`;
}
