import { nameAt } from './expand/name.ts';
import {
  compilePattern,
  replaceMatches,
  type ShellPattern,
  trimPrefix,
  trimSuffix,
} from './expand/pattern.ts';
import { WordSplitter } from './expand/word-splitter.ts';

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

  constructor(
    message: string,
    options?: ErrorOptions,
    /** The word, as it stands in the file. */
    readonly subject?: string,
    /** One line: what to write. */
    readonly hint?: string,
  ) {
    super(message, options);
  }
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
      const message = `failed to process ${JSON.stringify(word)}: ${error.message}`;
      throw new ExpansionError(message, { cause: error }, word, error.hint);
    }
    throw error;
  }
}

/** Operands inside operands; deeper ones are no text a person wrote. */
const DEEPEST = 200;
/** Characters of the values in one word: far more than execve takes, and an end to values that double. */
const LARGEST_VALUES = 1024 * 1024;

class Expander {
  readonly #word: string;
  readonly #environment: Environment;
  readonly #options: ExpandOptions;
  readonly used = new Set<string>();
  readonly unset = new Set<string>();
  #at = 0;
  #depth = 0;
  #valuesLength = 0;

  constructor(word: string, environment: Environment, options: ExpandOptions) {
    this.#word = word;
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
    for (let char = this.#word[this.#at]; char !== undefined; char = this.#word[this.#at]) {
      if (stops?.includes(char)) {
        this.#at++;
        return { text, words: words.finish() };
      }
      let piece: string;
      let splits = false;
      if (char === '$') {
        piece = this.#dollar();
        splits = true;
      } else if (this.#quotes(char)) {
        piece = char === "'" ? this.#singleQuoted() : this.#doubleQuoted(raw);
      } else if (char === this.#options.escapeChar) {
        const next = this.#word[this.#at + 1] ?? '';
        piece = raw ? char + next : next;
        this.#at += 2;
      } else {
        piece = this.#plain(stops);
        splits = true;
      }
      text += piece;
      words.add(piece, splits);
    }
    if (stops !== undefined) throw this.#unfinished(stops);
    return { text, words: words.finish() };
  }

  #quotes(char: string): boolean {
    return (char === "'" || char === '"') && this.#options.quotes !== 'literal';
  }

  /** The characters from here on that are just themselves. */
  #plain(stops = ''): string {
    const start = this.#at;
    for (let char = this.#word[start]; char !== undefined; char = this.#word[this.#at]) {
      if (char === '$' || char === this.#options.escapeChar || this.#quotes(char) || stops.includes(char))
        break;
      this.#at++;
    }
    return this.#word.slice(start, this.#at);
  }

  #singleQuoted(): string {
    const end = this.#word.indexOf("'", this.#at + 1);
    if (end === -1) throw this.#unfinished('single-quote');
    const quoted = this.#word.slice(this.#at + 1, end);
    this.#at = end + 1;
    return this.#options.quotes === 'keep' ? `'${quoted}'` : quoted;
  }

  /** Between double quotes only quotes, dollars and the escape character itself are escaped. */
  #doubleQuoted(raw: boolean): string {
    this.#at++;
    let text = '';
    for (let char = this.#word[this.#at]; char !== undefined; char = this.#word[this.#at]) {
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
      const next = this.#word[this.#at];
      if (next === undefined) continue;
      const special = next === '"' || next === '$' || next === this.#options.escapeChar;
      text += special && !raw ? next : char + next;
      this.#at++;
    }
    throw this.#unfinished('double-quote');
  }

  #dollar(): string {
    this.#at++;
    if (this.#word[this.#at] !== '{') {
      const name = this.#name();
      return name === '' ? '$' : (this.#value(name) ?? (this.#options.keepUnset ? `$${name}` : ''));
    }
    this.#at++;
    const next = this.#word[this.#at];
    if (next === undefined) throw missingBrace();
    if (next === '{' || next === '}' || next === ':') throw badSubstitution('syntax error: bad substitution');
    const name = this.#name();
    let modifier = this.#word[this.#at++] ?? '';
    if (modifier === '}') return this.#value(name) ?? (this.#options.keepUnset ? `\${${name}}` : '');
    if (modifier === ':') modifier += this.#word[this.#at++] ?? '';
    if (modifier === '/') return this.#replaced(name);
    return this.#modified(name, modifier);
  }

  #modified(name: string, modifier: string): string {
    const action = modifier.at(-1)!;
    const isTrim = modifier === '#' || modifier === '%';
    if (!isTrim && !(['-', '+', '?'].includes(action) && modifier !== '')) {
      if (modifier === '') throw missingBrace();
      throw badSubstitution(`unsupported modifier (${modifier}) in substitution`);
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
    const all = this.#word[this.#at] === '/';
    if (all) this.#at++;
    const pattern = this.#operand('/}', true);
    const hasReplacement = this.#word[this.#at - 1] === '/';
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
      if (error instanceof ExpansionError && this.#at >= this.#word.length) {
        throw missingBrace();
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
    const name = nameAt(this.#word, this.#at);
    this.#at += name.length;
    return name;
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
    this.#at = this.#word.length;
    const message = `unexpected end of statement while looking for matching ${what}`;
    return new ExpansionError(
      message,
      undefined,
      undefined,
      'Close the quote, or escape it to have it as text',
    );
  }
}

function missingBrace(): ExpansionError {
  const hint = 'Close the brace, or escape the $ to have it as text';
  return new ExpansionError("syntax error: missing '}'", undefined, undefined, hint);
}

function badSubstitution(message: string): ExpansionError {
  const hint =
    'Write ${NAME}, or one of ${NAME:-default} ${NAME:+other} ${NAME:?message} ${NAME#prefix} ${NAME%suffix} ${NAME/from/to}';
  return new ExpansionError(message, undefined, undefined, hint);
}
