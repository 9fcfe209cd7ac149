/** Unicode White_Space outside Latin-1; a byte-order mark is not among them. */
const wide = new Set([
  0x1680, 0x2000, 0x2001, 0x2002, 0x2003, 0x2004, 0x2005, 0x2006, 0x2007, 0x2008, 0x2009, 0x200a, 0x2028,
  0x2029, 0x202f, 0x205f, 0x3000,
]);

/** White space as the words of ENV, LABEL, ARG and the edges of a line know it: all of Unicode's. */
export function isSpace(code: number): boolean {
  return isBlank(code) || code === 0x0a || code === 0x85 || code === 0xa0 || (code > 0xff && wide.has(code));
}

/** White space between a keyword and its arguments and between plain arguments: ASCII's, without newline. */
export function isBlank(code: number): boolean {
  return code === 0x20 || (code >= 0x0b && code <= 0x0d) || code === 0x09;
}

export function trimStart(text: string): string {
  let start = 0;
  while (start < text.length && isSpace(text.charCodeAt(start))) start++;
  return text.slice(start);
}

export function trimEnd(text: string): string {
  let end = text.length;
  while (end > 0 && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(0, end);
}

export function trim(text: string): string {
  return trimStart(trimEnd(text));
}

/** Offset of the first blank at or after `from`; the length of the text when there is none. */
export function blankFrom(text: string, from = 0): number {
  let at = from;
  while (at < text.length && !isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** Offset of the first character at or after `from` that is no blank. */
export function wordFrom(text: string, from = 0): number {
  let at = from;
  while (at < text.length && isBlank(text.charCodeAt(at))) at++;
  return at;
}

/** Splits at blanks alone: FROM, COPY, ADD, EXPOSE, VOLUME. Quotes do not group here. */
export function splitBlanks(text: string): string[] {
  const words: string[] = [];
  for (let at = wordFrom(text); at < text.length; ) {
    const end = blankFrom(text, at);
    words.push(text.slice(at, end));
    at = wordFrom(text, end);
  }
  return words;
}
