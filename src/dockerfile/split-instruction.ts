import { blankFrom, isSpace, trim, wordFrom } from './blank.ts';
import type { EscapeChar } from './words.ts';

/** An instruction cut where every instruction is cut. */
export interface InstructionParts {
  /** As written. */
  readonly keyword: string;
  /** `--name[=value]` each, quotes and escapes removed. */
  readonly flags: readonly string[];
  /** What follows the flags, trimmed. */
  readonly rest: string;
}

/** Cuts a logical line into keyword, flags and the rest. Flags stand directly after the keyword; `--` ends them. */
export function splitInstruction(line: string, escapeChar: EscapeChar): InstructionParts {
  const text = trim(line);
  const end = blankFrom(text);
  const flags: string[] = [];
  let at = wordFrom(text, end);
  for (;;) {
    while (at < text.length && isSpace(text.charCodeAt(at))) at++;
    if (!text.startsWith('--', at)) break;
    const flag = readFlag(text, at, escapeChar);
    at = flag.end;
    if (flag.word === '--') break;
    flags.push(flag.word);
  }
  return { keyword: text.slice(0, end), flags, rest: trim(text.slice(at)) };
}

/** A word up to an unquoted blank. An escape takes the next character as it is, inside quotes of either kind too. */
function readFlag(text: string, start: number, escapeChar: EscapeChar): { word: string; end: number } {
  const parts: string[] = [];
  let quote = '';
  let from = start;
  let at = start;
  for (; at < text.length; at++) {
    const char = text[at]!;
    const special = quote === '' ? char === '"' || char === "'" : char === quote;
    if (special || char === escapeChar) {
      parts.push(text.slice(from, at));
      if (special) quote = quote === '' ? char : '';
      else at++;
      from = special ? at + 1 : at;
    } else if (quote === '' && isSpace(text.charCodeAt(at))) break;
  }
  parts.push(text.slice(from, at));
  return { word: parts.join(''), end: at };
}
