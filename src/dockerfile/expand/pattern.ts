/**
 * Patterns of `${name#pattern}` and its kin, after POSIX "Pattern Matching Notation": `*`, `?`, `[a-z]`, and an escape
 * that takes the next character as it is. Unlike file globs nothing here stops at a slash.
 *
 * A pattern is cut at its stars into pieces of fixed length, so that no match needs to go back over the text twice.
 */
export interface ShellPattern {
  readonly pieces: readonly (readonly Single[])[];
}

/** Characters of a text with its matches replaced. */
const LARGEST = 1024 * 1024;

type Single = (char: string) => boolean;

/** Reads a pattern. Throws Error when something else than a special character is escaped. */
export function compilePattern(pattern: string, escapeChar: string): ShellPattern {
  const chars = [...pattern];
  const pieces: Single[][] = [[]];
  for (let at = 0; at < chars.length; at++) {
    const char = chars[at]!;
    const piece = pieces.at(-1)!;
    if (char === '*') pieces.push([]);
    else if (char === '?') piece.push(() => true);
    else if (char === escapeChar) piece.push(literal(escaped(chars[++at], escapeChar)));
    else if (char === '[') {
      const found = bracket(chars, at, escapeChar);
      piece.push(found?.single ?? literal(char));
      at = found?.end ?? at;
    } else piece.push(literal(char));
  }
  return { pieces };
}

/** `text` without its shortest or longest prefix that matches. */
export function trimPrefix(text: string, pattern: ShellPattern, longest: boolean): string {
  const chars = [...text];
  const end = matchEnd(chars, 0, pattern, longest);
  return end === undefined ? text : chars.slice(end).join('');
}

/** `text` without its shortest or longest suffix that matches. */
export function trimSuffix(text: string, pattern: ShellPattern, longest: boolean): string {
  const mirrored: ShellPattern = {
    pieces: pattern.pieces.map((piece) => piece.toReversed()).toReversed(),
  };
  return reverse(trimPrefix(reverse(text), mirrored, longest));
}

/** `text` with the first match, or all of them, replaced; each as long as it can be. */
export function replaceMatches(
  text: string,
  pattern: ShellPattern,
  replacement: string,
  all: boolean,
): string {
  const chars = [...text];
  let result = '';
  let at = 0;
  let done = false;
  while (!done) {
    const start = findPiece(chars, at, pattern.pieces[0]!);
    const end = start === undefined ? undefined : matchEnd(chars, start, pattern, true);
    // What follows a star is looked for in all the rest: where it fails once, it fails from every later start too.
    if (start === undefined || end === undefined || start === chars.length) break;
    result += chars.slice(at, start).join('');
    if (end === start) {
      // An empty match: only `*` and the empty pattern have one; there is nothing to put in place of.
      result += chars[start]!;
      at = start + 1;
    } else {
      result += replacement;
      if (result.length > LARGEST) throw new Error('the result is too long');
      at = end;
      done = !all;
    }
  }
  return result + chars.slice(at).join('');
}

/** Where a match that begins at `start` ends; undefined when none does. */
function matchEnd(
  chars: readonly string[],
  start: number,
  { pieces }: ShellPattern,
  longest: boolean,
): number | undefined {
  if (!pieceAt(chars, start, pieces[0]!)) return undefined;
  let end = start + pieces[0]!.length;
  for (const [index, piece] of pieces.entries()) {
    if (index === 0) continue;
    const last = longest && index === pieces.length - 1;
    const found = last ? findPieceFromEnd(chars, end, piece) : findPiece(chars, end, piece);
    if (found === undefined) return undefined;
    end = found + piece.length;
  }
  return end;
}

function pieceAt(chars: readonly string[], start: number, piece: readonly Single[]): boolean {
  return (
    start + piece.length <= chars.length && piece.every((single, index) => single(chars[start + index]!))
  );
}

function findPiece(chars: readonly string[], from: number, piece: readonly Single[]): number | undefined {
  for (let at = from; at + piece.length <= chars.length; at++) if (pieceAt(chars, at, piece)) return at;
  return undefined;
}

function findPieceFromEnd(
  chars: readonly string[],
  from: number,
  piece: readonly Single[],
): number | undefined {
  for (let at = chars.length - piece.length; at >= from; at--) if (pieceAt(chars, at, piece)) return at;
  return undefined;
}

function literal(expected: string): Single {
  return (char) => char === expected;
}

function escaped(char: string | undefined, escapeChar: string): string {
  if (char === escapeChar || (char !== undefined && '*?\\/}[]-!^'.includes(char))) return char;
  throw new Error(`invalid escape '${escapeChar}${char ?? ''}'`);
}

/** A bracket expression that begins at `start`; undefined when it has no end, so that the bracket is just a bracket. */
function bracket(
  chars: readonly string[],
  start: number,
  escapeChar: string,
): { readonly single: Single; readonly end: number } | undefined {
  let at = start + 1;
  const negated = chars[at] === '!' || chars[at] === '^';
  if (negated) at++;
  const ranges: [string, string][] = [];
  const first = at;
  for (; chars[at] !== ']' || at === first; at++) {
    if (chars[at] === escapeChar) at++;
    const from = chars[at];
    if (from === undefined) return undefined;
    if (chars[at + 1] === '-' && chars[at + 2] !== ']' && chars[at + 2] !== undefined) at += 2;
    ranges.push([from, chars[at]!]);
  }
  return {
    single: (char) => ranges.some(([low, high]) => char >= low && char <= high) !== negated,
    end: at,
  };
}

function reverse(text: string): string {
  return [...text].reverse().join('');
}
