/**
 * Patterns as Go's filepath.Match reads them (`*` `?` `[a-z]` `[^a-z]` `\x`, none of them across `/`), and with
 * `globstar` also the `**` of .dockerignore files. A pattern becomes a list of tokens that is run as a state machine,
 * so that matching takes time proportional to pattern times name, whatever the pattern is.
 *
 * `?` and classes take one code point: pattern and name must be in the same encoding.
 */
export class Glob {
  readonly #tokens: readonly Token[];
  /** Last generation in which a state was entered: keeps state lists free of repeats. */
  readonly #seen: Uint32Array;
  #generation = 0;
  /** What an unescaped pattern without wildcards says, undefined for others. */
  readonly literal: string | undefined;
  readonly start: GlobState;

  constructor(pattern: string, options: { readonly globstar: boolean } = { globstar: false }) {
    this.#tokens = tokensOf(pattern, options.globstar);
    this.#seen = new Uint32Array(this.#tokens.length + 1);
    this.literal = literalOf(this.#tokens);
    const start: number[] = [];
    this.#generation++;
    this.#enter(start, 0);
    this.start = start;
  }

  /** Whether the whole name matches. */
  matches(name: string): boolean {
    if (this.literal !== undefined) return name === this.literal;
    return this.accepts(this.advance(this.start, name));
  }

  /** The state after reading more of the name; an empty one can match nothing any more, any other can. */
  advance(state: GlobState, text: string): GlobState {
    let current = state;
    for (let at = 0; at < text.length && current.length > 0; ) {
      const char = text.codePointAt(at)!;
      at += char > 0xffff ? 2 : 1;
      current = this.#step(current, char);
    }
    return current;
  }

  /** Whether the name may end here. */
  accepts(state: GlobState): boolean {
    return state.includes(this.#tokens.length);
  }

  #step(state: GlobState, char: number): GlobState {
    const next: number[] = [];
    this.#generation++;
    for (const at of state) {
      const token = this.#tokens[at];
      if (token === undefined) continue;
      switch (token.kind) {
        case 'star':
          if (char !== SLASH) this.#enter(next, at);
          break;
        case 'everything':
          this.#enter(next, at);
          break;
        case 'directories':
          this.#enter(next, at + 1);
          if (char === SLASH) this.#enter(next, at + 2);
          break;
        case 'inside':
          this.#enter(next, at);
          if (char === SLASH) this.#enter(next, at + 1);
          break;
        default:
          if (matchesOne(token, char)) this.#enter(next, at + 1);
      }
    }
    return next;
  }

  /** Adds a state and those that are reached from it without reading. */
  #enter(states: number[], at: number): void {
    for (let state: number | undefined = at; state !== undefined; ) {
      if (this.#seen[state] === this.#generation) return;
      this.#seen[state] = this.#generation;
      states.push(state);
      const kind = this.#tokens[state]?.kind;
      if (kind === 'star' || kind === 'everything') state += 1;
      else if (kind === 'directories') state += 2;
      else state = undefined;
    }
  }
}

/** Positions in a pattern that a name, as far as it was read, may have led to. */
export type GlobState = readonly number[];

/** A pattern that does not follow the syntax: a class without end, a backslash at the end. */
export class PatternError extends Error {
  override readonly name = 'PatternError';

  constructor(readonly pattern: string) {
    super(`syntax error in pattern: ${JSON.stringify(pattern)}`);
  }
}

/** Go's filepath.Match: whether the whole name matches. Throws {@link PatternError}. */
export function matchPattern(pattern: string, name: string): boolean {
  return new Glob(pattern).matches(name);
}

/** Whether a pattern has an unescaped `*`, `?` or `[`. */
export function hasWildcard(pattern: string): boolean {
  return /^(?:[^\\*?[]|\\.)*[*?[]/s.test(pattern);
}

type OneCharacter =
  | { readonly kind: 'char'; readonly char: number }
  | { readonly kind: 'any' }
  | { readonly kind: 'class'; readonly negated: boolean; readonly ranges: readonly Range[] };

/** `directories` with the `inside` that always follows it is "nothing, or anything that ends in a slash". */
type Token = OneCharacter | { readonly kind: 'star' | 'everything' | 'directories' | 'inside' };

type Range = readonly [first: number, last: number];

const SLASH = 0x2f;

function matchesOne(token: OneCharacter, char: number): boolean {
  if (token.kind === 'char') return char === token.char;
  if (char === SLASH) return false;
  if (token.kind === 'any') return true;
  return token.ranges.some(([first, last]) => char >= first && char <= last) !== token.negated;
}

function literalOf(tokens: readonly Token[]): string | undefined {
  const chars: number[] = [];
  for (const token of tokens) {
    if (token.kind !== 'char') return undefined;
    chars.push(token.char);
  }
  return chars.map((char) => String.fromCodePoint(char)).join('');
}

function tokensOf(pattern: string, globstar: boolean): Token[] {
  const chars = [...pattern];
  const tokens: Token[] = [];
  for (let at = 0; at < chars.length; ) {
    const char = chars[at]!;
    if (char === '*' && globstar && chars[at + 1] === '*') {
      at += 2;
      // As .dockerignore has always been read: `**.log` is every name that ends in `.log`.
      const suffix = at === 2 && chars[at] !== '/' && !hasWildcard(chars.slice(at).join(''));
      if (chars[at] === '/') at++;
      if (suffix || at >= chars.length) tokens.push({ kind: 'everything' });
      else tokens.push({ kind: 'directories' }, { kind: 'inside' });
    } else if (char === '*') {
      tokens.push({ kind: 'star' });
      at++;
    } else if (char === '?') {
      tokens.push({ kind: 'any' });
      at++;
    } else if (char === '[') {
      const { token, end } = classAt(pattern, chars, at + 1);
      tokens.push(token);
      at = end;
    } else {
      if (char === '\\') at++;
      const literal = chars[at++];
      if (literal === undefined) throw new PatternError(pattern);
      tokens.push({ kind: 'char', char: literal.codePointAt(0)! });
    }
  }
  return tokens;
}

/** A class after its `[`. An unescaped `-` or `]` cannot stand where a character has to. */
function classAt(
  pattern: string,
  chars: readonly string[],
  start: number,
): { readonly token: OneCharacter; readonly end: number } {
  let at = start;
  const negated = chars[at] === '^';
  if (negated) at++;
  const ranges: Range[] = [];
  const member = (): number => {
    if (chars[at] === '-' || chars[at] === ']') throw new PatternError(pattern);
    if (chars[at] === '\\') at++;
    const char = chars[at++];
    // Something must follow, be it only the closing bracket.
    if (char === undefined || at >= chars.length) throw new PatternError(pattern);
    return char.codePointAt(0)!;
  };
  while (chars[at] !== ']' || ranges.length === 0) {
    const first = member();
    let last = first;
    if (chars[at] === '-') {
      at++;
      last = member();
    }
    ranges.push([first, last]);
  }
  return { token: { kind: 'class', negated, ranges }, end: at + 1 };
}
