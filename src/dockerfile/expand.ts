import {
  compilePattern,
  replaceMatches,
  type ShellPattern,
  trimPrefix,
  trimSuffix,
} from './expand/pattern.ts';

/** The variables that a word may name. */
export interface Environment {
  get(name: string): string | undefined;
}

export interface ExpandOptions {
  /** The Dockerfile's escape character. */
  readonly escapeChar: string;
  /**
   * `remove` (default) as a shell does; `literal`: quotes are ordinary characters, as in the body of a heredoc;
   * `keep`: understood, but not taken away.
   */
  readonly quotes?: 'remove' | 'literal' | 'keep';
  /** Leave a name that has no value as it is written: for texts that are only shown. */
  readonly keepUnset?: boolean;
}

export interface Expansion {
  readonly text: string;
  /** The text cut at unquoted blanks, those that come out of variables included. */
  readonly words: readonly string[];
  /** Names that had a value, and names that had none. */
  readonly used: ReadonlySet<string>;
  readonly unset: ReadonlySet<string>;
}

/** A word that cannot be expanded: its syntax is wrong, or `${name:?}` says so. */
export class ExpansionError extends Error {
  override readonly name = 'ExpansionError';
}

/**
 * Removes quotes and escapes and puts values in place of variables, as a shell would, commands excepted: `$name`,
 * `${name}`, and `${name…}` with the modifiers `-` `:-` `+` `:+` `?` `:?` `#` `##` `%` `%%` `/` `//`.
 */
export function expandWord(word: string, environment: Environment, options: ExpandOptions): Expansion {
  const expander = new Expander(word, environment, options);
  try {
    const { text, words } = expander.read(undefined, false);
    return { text, words, used: expander.used, unset: expander.unset };
  } catch (error) {
    if (error instanceof ExpansionError) {
      throw new ExpansionError(`failed to process ${JSON.stringify(word)}: ${error.message}`, {
        cause: error,
      });
    }
    throw error;
  }
}

/** Operands inside operands; deeper ones are no text a person wrote. */
const DEEPEST = 200;
/** Characters of the values in one word: far more than execve takes, and an end to values that double. */
const LARGEST_VALUES = 1024 * 1024;

/** What `$` may be followed by besides a name; none of them ever has a value here. */
const SPECIAL_PARAMETERS = '@*#?-$!0';
const LETTER = /^[\p{L}_]$/u;
const LETTER_OR_DIGIT = /^[\p{L}\p{Nd}_]$/u;
const DIGIT = /^\p{Nd}$/u;
const BLANK = /^\s$/u;

class Expander {
  readonly #chars: readonly string[];
  readonly #environment: Environment;
  readonly #options: ExpandOptions;
  readonly used = new Set<string>();
  readonly unset = new Set<string>();
  #at = 0;
  #depth = 0;
  #valuesLength = 0;

  constructor(word: string, environment: Environment, options: ExpandOptions) {
    this.#chars = [...word];
    this.#environment = environment;
    this.#options = options;
  }

  /** Up to and over one of `stops`, or to the end. `raw` keeps escapes with what they escape: for patterns. */
  read(
    stops: string | undefined,
    raw: boolean,
  ): { readonly text: string; readonly words: readonly string[] } {
    const words = new WordSplitter();
    let text = '';
    for (let char = this.#chars[this.#at]; char !== undefined; char = this.#chars[this.#at]) {
      if (stops?.includes(char)) {
        this.#at++;
        return { text, words: words.finish() };
      }
      let piece: string;
      let splits = false;
      if (char === '$') {
        piece = this.#dollar();
        splits = true;
      } else if ((char === "'" || char === '"') && this.#options.quotes !== 'literal') {
        piece = char === "'" ? this.#singleQuoted() : this.#doubleQuoted(raw);
      } else if (char === this.#options.escapeChar) {
        const next = this.#chars[this.#at + 1] ?? '';
        piece = raw ? char + next : next;
        this.#at += 2;
      } else {
        piece = char;
        splits = true;
        this.#at++;
      }
      text += piece;
      words.add(piece, splits);
    }
    if (stops !== undefined) throw this.#unfinished(stops);
    return { text, words: words.finish() };
  }

  #singleQuoted(): string {
    const end = this.#chars.indexOf("'", this.#at + 1);
    if (end === -1) throw this.#unfinished('single-quote');
    const quoted = this.#chars.slice(this.#at + 1, end).join('');
    this.#at = end + 1;
    return this.#options.quotes === 'keep' ? `'${quoted}'` : quoted;
  }

  /** Between double quotes only quotes, dollars and the escape character itself are escaped. */
  #doubleQuoted(raw: boolean): string {
    this.#at++;
    let text = '';
    for (let char = this.#chars[this.#at]; char !== undefined; char = this.#chars[this.#at]) {
      if (char === '"') {
        this.#at++;
        return this.#options.quotes === 'keep' ? `"${text}"` : text;
      }
      if (char === '$') {
        text += this.#dollar();
        continue;
      }
      this.#at++;
      if (char !== this.#options.escapeChar) {
        text += char;
        continue;
      }
      const next = this.#chars[this.#at];
      if (next === undefined) continue;
      const special = next === '"' || next === '$' || next === this.#options.escapeChar;
      text += special && !raw ? next : char + next;
      this.#at++;
    }
    throw this.#unfinished('double-quote');
  }

  #dollar(): string {
    this.#at++;
    if (this.#chars[this.#at] !== '{') {
      const name = this.#name();
      return name === '' ? '$' : (this.#value(name) ?? (this.#options.keepUnset ? `$${name}` : ''));
    }
    this.#at++;
    const next = this.#chars[this.#at];
    if (next === undefined) throw new ExpansionError("syntax error: missing '}'");
    if (next === '{' || next === '}' || next === ':')
      throw new ExpansionError('syntax error: bad substitution');
    const name = this.#name();
    let modifier = this.#chars[this.#at++] ?? '';
    if (modifier === '}') return this.#value(name) ?? (this.#options.keepUnset ? `\${${name}}` : '');
    if (modifier === ':') modifier += this.#chars[this.#at++] ?? '';
    if (modifier === '/') return this.#replaced(name);
    return this.#modified(name, modifier);
  }

  #modified(name: string, modifier: string): string {
    const action = modifier.at(-1)!;
    const isTrim = modifier === '#' || modifier === '%';
    if (!isTrim && !(['-', '+', '?'].includes(action) && modifier !== '')) {
      if (modifier === '') throw new ExpansionError("syntax error: missing '}'");
      throw new ExpansionError(`unsupported modifier (${modifier}) in substitution`);
    }
    const word = this.#operand('}', isTrim);
    const value = this.#value(name);
    if (value === undefined && this.#options.keepUnset) return `\${${name}${modifier}${word}}`;
    if (isTrim) return this.#trimmed(value ?? '', action, word);
    const missing = value === undefined || (modifier.startsWith(':') && value === '');
    if (action === '-') return missing ? word : value;
    if (action === '+') return missing ? '' : word;
    if (!missing) return value;
    const reason = value === undefined ? 'is not allowed to be unset' : 'is not allowed to be empty';
    throw new ExpansionError(`${name}: ${word === '' ? reason : word}`);
  }

  #trimmed(value: string, action: string, word: string): string {
    const longest = word.startsWith(action);
    const trim = action === '#' ? trimPrefix : trimSuffix;
    return this.#withPattern(longest ? word.slice(1) : word, (pattern) => trim(value, pattern, longest));
  }

  /** `${name/pattern/replacement}`; without the second slash what matches is left out. */
  #replaced(name: string): string {
    const all = this.#chars[this.#at] === '/';
    if (all) this.#at++;
    const pattern = this.#operand('/}', true);
    const hasReplacement = this.#chars[this.#at - 1] === '/';
    const replacement = hasReplacement ? this.#operand('}', true) : '';
    const value = this.#value(name);
    if (value === undefined && this.#options.keepUnset) {
      return `\${${name}${all ? '//' : '/'}${pattern}${hasReplacement ? `/${replacement}` : ''}}`;
    }
    return this.#withPattern(pattern, (compiled) => replaceMatches(value ?? '', compiled, replacement, all));
  }

  #operand(stops: string, raw: boolean): string {
    if (++this.#depth > DEEPEST) throw new ExpansionError('substitutions are nested too deeply');
    try {
      return this.read(stops, raw).text;
    } catch (error) {
      if (error instanceof ExpansionError && this.#at >= this.#chars.length) {
        throw new ExpansionError("syntax error: missing '}'");
      }
      throw error;
    } finally {
      this.#depth--;
    }
  }

  #withPattern(text: string, use: (pattern: ShellPattern) => string): string {
    try {
      return use(compilePattern(text, this.#options.escapeChar));
    } catch (error) {
      throw new ExpansionError(`invalid pattern (${text}) in substitution: ${(error as Error).message}`);
    }
  }

  #name(): string {
    const start = this.#at;
    const first = this.#chars[start] ?? '';
    let more: RegExp | undefined;
    if (DIGIT.test(first)) more = DIGIT;
    else if (LETTER.test(first)) more = LETTER_OR_DIGIT;
    if (more === undefined) {
      if (first !== '' && SPECIAL_PARAMETERS.includes(first)) this.#at++;
    } else while (this.#at < this.#chars.length && more.test(this.#chars[this.#at]!)) this.#at++;
    return this.#chars.slice(start, this.#at).join('');
  }

  #value(name: string): string | undefined {
    const value = this.#environment.get(name);
    (value === undefined ? this.unset : this.used).add(name);
    this.#valuesLength += value?.length ?? 0;
    if (this.#valuesLength > LARGEST_VALUES) {
      throw new ExpansionError(`the values are too long: does $${name} grow with every use?`);
    }
    return value;
  }

  #unfinished(what: string): ExpansionError {
    this.#at = this.#chars.length;
    return new ExpansionError(`unexpected end of statement while looking for matching ${what}`);
  }
}

class WordSplitter {
  readonly #words: string[] = [];
  #word = '';

  add(piece: string, splits: boolean): void {
    if (!splits) {
      this.#word += piece;
      return;
    }
    for (const char of piece) {
      if (!BLANK.test(char)) this.#word += char;
      else this.finish();
    }
  }

  finish(): readonly string[] {
    if (this.#word !== '') this.#words.push(this.#word);
    this.#word = '';
    return this.#words;
  }
}
