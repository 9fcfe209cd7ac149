import { isSpace } from './blank.ts';

/** The character that escapes and continues lines: `\`, or a backquote by directive. */
export type EscapeChar = '\\' | '`';

/**
 * Splits at unquoted white space, as ENV, LABEL and ARG do. Quotes and escapes join and stay in the words, for the
 * expansion to remove; an escape at the very end is dropped. An open quote reaches to the end.
 */
export function splitWords(text: string, escapeChar: EscapeChar): string[] {
  const words: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isSpace(text.charCodeAt(at))) at++;
    if (at >= text.length) return words;
    const end = wordEnd(text, at, escapeChar);
    // Beyond the end: the last character was an escape with nothing after it.
    const word = end > text.length ? text.slice(at, -1) : text.slice(at, end);
    if (word !== '') words.push(word);
    at = end;
  }
}

function wordEnd(text: string, start: number, escapeChar: EscapeChar): number {
  let quote = '';
  let at = start;
  while (at < text.length) {
    const char = text[at]!;
    if (char === escapeChar && quote !== "'") {
      at += 2;
      continue;
    }
    if (quote !== '') {
      if (char === quote) quote = '';
    } else if (char === '"' || char === "'") quote = char;
    else if (isSpace(text.charCodeAt(at))) return at;
    at++;
  }
  return at;
}
