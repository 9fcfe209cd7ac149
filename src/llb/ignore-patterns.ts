import { posix } from 'node:path';
import { Glob, type GlobState } from './glob.ts';

/**
 * A list of patterns as .dockerignore files and `--exclude` have them: `**` is any number of directories, a pattern
 * also covers what is below a directory that it matches, `!` takes back, and the last pattern that applies decides.
 * Paths are relative, clean and `/`-separated.
 */
export interface IgnoreMatcher {
  /** Whether the path is ignored. A directory may be ignored and yet hold something that is not: see `prunable`. */
  ignored(path: string): boolean;
  /** Whether the directory and everything that can be below it is ignored, so that nobody needs to look inside. */
  prunable(directory: string): boolean;
}

/** The patterns of a .dockerignore file: comments (`#` as first character) and empty lines left out. */
export function ignoreFilePatterns(text: string): string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .filter((line) => !line.startsWith('#') && line.trim() !== '');
}

/** Compiles a list of patterns. Throws `PatternError` for a malformed one, and an `Error` for a lone `!`. */
export function compileIgnore(lines: readonly string[]): IgnoreMatcher {
  return new PatternList(lines.flatMap((line) => rulesOf(line)));
}

interface Rule {
  readonly glob: Glob;
  readonly negated: boolean;
}

/** How far a directory's path has come in one rule: it or a parent matched, or where the glob stands after its `/`. */
interface Progress {
  readonly matched: boolean;
  readonly state: GlobState;
}

/** More directories than a walk has open at once; the bound only keeps a huge context from filling the memory. */
const REMEMBERED = 4096;

class PatternList implements IgnoreMatcher {
  readonly #rules: readonly Rule[];
  readonly #directories = new Map<string, readonly Progress[]>();

  constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  ignored(path: string): boolean {
    const rule = this.#lastRule(path);
    return rule !== -1 && !this.#rules[rule]!.negated;
  }

  prunable(directory: string): boolean {
    const last = this.#lastRule(directory);
    if (last === -1 || this.#rules[last]!.negated) return false;
    const below = this.#inside(directory);
    return !this.#rules.some((rule, index) => index > last && rule.negated && below[index]!.state.length > 0);
  }

  /** Index of the last rule that matches the path or one of its parents; -1 for none. */
  #lastRule(path: string): number {
    if (path === '' || path === '.') return -1;
    const slash = path.lastIndexOf('/');
    const parent = this.#inside(path.slice(0, Math.max(slash, 0)));
    const name = path.slice(slash + 1);
    for (let index = this.#rules.length - 1; index >= 0; index--) {
      const { matched, state } = parent[index]!;
      const { glob } = this.#rules[index]!;
      if (matched || (state.length > 0 && glob.accepts(glob.advance(state, name)))) return index;
    }
    return -1;
  }

  #inside(directory: string): readonly Progress[] {
    const known = this.#directories.get(directory);
    if (known !== undefined) return known;
    const progress = this.#computeInside(directory);
    if (this.#directories.size >= REMEMBERED) this.#directories.clear();
    this.#directories.set(directory, progress);
    return progress;
  }

  #computeInside(directory: string): readonly Progress[] {
    if (directory === '' || directory === '.') {
      return this.#rules.map(({ glob }) => ({ matched: false, state: glob.start }));
    }
    const slash = directory.lastIndexOf('/');
    const name = directory.slice(slash + 1);
    return this.#inside(directory.slice(0, Math.max(slash, 0))).map((parent, index) => {
      const { glob } = this.#rules[index]!;
      const state = glob.advance(parent.state, name);
      return { matched: parent.matched || glob.accepts(state), state: glob.advance(state, '/') };
    });
  }
}

function rulesOf(line: string): Rule[] {
  const trimmed = line.trim();
  if (trimmed === '') return [];
  const negated = trimmed.startsWith('!');
  const pattern = (negated ? trimmed.slice(1) : trimmed).trim();
  if (pattern === '') throw new Error('illegal exclusion pattern: "!"');
  return [{ glob: new Glob(relative(pattern), { globstar: true }), negated }];
}

/** Cleaned, without slashes at either end: all patterns are relative to the root anyway. */
function relative(pattern: string): string {
  const clean = posix.normalize(pattern).replace(/^\/+/, '').replace(/\/+$/, '');
  return clean === '' ? '.' : clean;
}
