import { isBlank } from './blank.ts';
import type { Heredoc } from './instructions.ts';

/** Where a heredoc is announced in the text of an instruction, and how its body is to be read. */
export interface HeredocMark extends Pick<Heredoc, 'name' | 'chomp' | 'expand' | 'fd'> {
  /** `[fd]<<[-]delimiter` as written, and its offsets. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/**
 * `shell`: the text is a shell command line (RUN), where `;`, `|`, `>` and their like end a delimiter.
 * `words`: the text is a list of words (COPY, ADD), where only blanks do.
 */
export type HeredocPlace = 'shell' | 'words';

type Closer = '}' | ')';

/**
 * Finds `[fd]<<[-][blanks]delimiter` where a shell would see it: at the start of a word, outside quotes, `${…}` and
 * `$((…))`. A text whose quotes or braces stay open announces none.
 */
export function heredocMarks(text: string, place: HeredocPlace): HeredocMark[] {
  const marks: HeredocMark[] = [];
  const open: Closer[] = [];
  let wordStart = true;
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (open.length === 0 && wordStart) {
      const mark = markAt(text, at, place);
      if (mark === 'open-quote') return [];
      if (mark !== undefined) {
        marks.push(mark);
        at = mark.end;
        continue;
      }
    }
    if (char === "'" || char === '"') {
      const end = quoteEnd(text, at);
      if (end === undefined) return [];
      at = end;
      wordStart = false;
      continue;
    }
    const opened = opening(text, at, wordStart, place);
    if (opened > 0) {
      for (let count = opened; count > 0; count--) open.push(char === '$' && opened === 1 ? '}' : ')');
      at += opened + (char === '$' ? 1 : 0);
      wordStart = false;
      continue;
    }
    if (open.at(-1) === char) open.pop();
    else if (open.at(-1) === ')' && char === '(') open.push(')');
    wordStart = isBlank(text.charCodeAt(at)) || (place === 'shell' && /[;&|]/.test(char));
    at += char === '\\' ? 2 : 1;
  }
  return open.length === 0 ? marks : [];
}

/** Whether the text announces one heredoc and nothing else: then its body is the command. */
export function isOnlyHeredoc(text: string): boolean {
  const [mark, ...others] = heredocMarks(text, 'shell');
  return mark !== undefined && others.length === 0 && mark.start === 0 && mark.end === text.length;
}

/** A body of `<<-` without the tabs that begin its lines. */
export function chompTabs(content: string): string {
  return content.replace(/^\t+/gm, '');
}

/** Whether a delimiter can name the file that COPY, ADD or a `#!` body makes of it. */
export function isFileName(name: string): boolean {
  return name !== '.' && name !== '..' && !name.includes('/') && !name.includes('\0');
}

/** How many brackets open at this place: 1 for `${`, 2 for `$((` and for `((` where a command starts, else 0. */
function opening(text: string, at: number, wordStart: boolean, place: HeredocPlace): 0 | 1 | 2 {
  if (text.startsWith('${', at)) return 1;
  if (place === 'words') return 0;
  return text.startsWith('$((', at) || (wordStart && text.startsWith('((', at)) ? 2 : 0;
}

function markAt(text: string, start: number, place: HeredocPlace): HeredocMark | 'open-quote' | undefined {
  let at = start;
  while (at - start < 9 && text[at]! >= '0' && text[at]! <= '9') at++;
  if (!text.startsWith('<<', at) || text[at + 2] === '<') return undefined;
  const fd = Number(text.slice(start, at));
  at += 2;
  const chomp = text[at] === '-';
  if (chomp) at++;
  while (isBlank(text.charCodeAt(at))) at++;
  const delimiter = readDelimiter(text, at, place);
  if (delimiter === undefined || delimiter === 'open-quote') return delimiter;
  return { ...delimiter, fd, chomp, start, text: text.slice(start, delimiter.end) };
}

/** One word without its quotes. Any quote in it turns expansion of the body off; an escaped character does not. */
function readDelimiter(
  text: string,
  start: number,
  place: HeredocPlace,
): Pick<HeredocMark, 'name' | 'expand' | 'end'> | 'open-quote' | undefined {
  let name = '';
  let expand = true;
  let at = start;
  while (at < text.length && !isBlank(text.charCodeAt(at))) {
    const char = text[at]!;
    if (place === 'shell' && /[;&|()<>]/.test(char)) break;
    if (char === '<') return undefined;
    if (char === "'" || char === '"') {
      const end = quoteEnd(text, at);
      if (end === undefined) return 'open-quote';
      const inner = text.slice(at + 1, end - 1);
      name += char === '"' ? inner.replace(/\\(["$\\])/g, '$1') : inner;
      expand = false;
      at = end;
    } else if (char === '\\') {
      name += text[at + 1] ?? '';
      at += 2;
    } else {
      name += char;
      at++;
    }
  }
  return name === '' ? undefined : { name, expand, end: Math.min(at, text.length) };
}

/** Offset after the quote that closes the one at `start`; undefined when it stays open. */
function quoteEnd(text: string, start: number): number | undefined {
  const quote = text[start]!;
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === quote) return at + 1;
    if (text[at] === '\\' && quote === '"') at++;
  }
  return undefined;
}
