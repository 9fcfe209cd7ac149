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

/**
 * Compiles the patterns of `--exclude`. Unlike in a .dockerignore file, and as in BuildKit, a pattern that begins with a
 * slash matches nothing.
 */
export function compileExclude(patterns: readonly string[]): IgnoreMatcher {
  return compileIgnore(
    patterns.filter((pattern) => !pattern.trimStart().replace(/^!\s*/, '').startsWith('/')),
  );
}

/** One pattern. Its state is how far a directory's path has come in it. */
interface Rule {
  readonly negated: boolean;
  readonly start: State;
  /** Whether an entry of a directory with that state is matched, by itself or by being in there. */
  matches(state: State, name: string): boolean;
  /** The state inside of a directory of that name. */
  enter(state: State, name: string): State;
}

/** `matched`: all that is below is covered. `dead`: nothing below can be matched any more. */
type State = 'matched' | 'dead' | 'anywhere' | GlobState;

/** What a directory's entries are to be held against: the rules that are not dead there, the last one first. */
type Live = readonly { readonly index: number; readonly rule: Rule; readonly state: State }[];

/** More directories than a walk has open at once; the bound only keeps a huge context from filling the memory. */
const REMEMBERED = 4096;

class PatternList implements IgnoreMatcher {
  readonly #root: Live;
  readonly #directories = new Map<string, Live>();
  /** The directory asked about last: nearly always the next one too. */
  #last = { directory: '', live: [] as Live };

  constructor(rules: readonly Rule[]) {
    this.#root = rules.map((rule, index) => ({ index, rule, state: rule.start })).reverse();
    this.#last = { directory: '', live: this.#root };
  }

  ignored(path: string): boolean {
    const found = this.#lastMatch(path);
    return found !== undefined && !found.rule.negated;
  }

  prunable(directory: string): boolean {
    const found = this.#lastMatch(directory);
    if (found === undefined || found.rule.negated) return false;
    return !this.#inside(directory).some(({ index, rule }) => index > found.index && rule.negated);
  }

  #lastMatch(path: string): Live[number] | undefined {
    if (path === '' || path === '.') return undefined;
    const slash = path.lastIndexOf('/');
    const name = path.slice(slash + 1);
    for (const entry of this.#parentOf(path, slash)) if (entry.rule.matches(entry.state, name)) return entry;
    return undefined;
  }

  #parentOf(path: string, slash: number): Live {
    if (slash <= 0) return this.#root;
    const { directory, live } = this.#last;
    if (slash === directory.length && path.startsWith(directory)) return live;
    const parent = path.slice(0, slash);
    this.#last = { directory: parent, live: this.#inside(parent) };
    return this.#last.live;
  }

  #inside(directory: string): Live {
    if (directory === '' || directory === '.') return this.#root;
    let live = this.#directories.get(directory);
    if (live === undefined) {
      const slash = directory.lastIndexOf('/');
      const name = directory.slice(slash + 1);
      live = this.#inside(directory.slice(0, Math.max(slash, 0)))
        .map(({ index, rule, state }) => ({ index, rule, state: rule.enter(state, name) }))
        .filter(({ state }) => state !== 'dead');
      if (this.#directories.size >= REMEMBERED) this.#directories.clear();
      this.#directories.set(directory, live);
    }
    return live;
  }
}

function globRule(glob: Glob, negated: boolean): Rule {
  return {
    negated,
    start: glob.start,
    matches(state, name) {
      return state === 'matched' || (typeof state === 'object' && glob.accepts(glob.advance(state, name)));
    },
    enter(state, name) {
      if (typeof state !== 'object') return state;
      const end = glob.advance(state, name);
      if (glob.accepts(end)) return 'matched';
      const below = glob.advance(end, '/');
      return below.length === 0 ? 'dead' : below;
    },
  };
}

/** `**` and one component: only names matter. */
function nameRule(fits: (name: string) => boolean, negated: boolean): Rule {
  return {
    negated,
    start: 'anywhere',
    matches: (state, name) => state === 'matched' || fits(name),
    enter: (state, name) => (state === 'matched' || fits(name) ? 'matched' : 'anywhere'),
  };
}

/** Whether a name fits one component; the usual forms without running the pattern. */
function componentTest(pattern: string): (name: string) => boolean {
  const glob = new Glob(pattern);
  if (glob.literal !== undefined) return (name) => name === glob.literal;
  const suffix = /^\*([^*?[\\]+)$/.exec(pattern)?.[1];
  return suffix === undefined ? (name) => glob.matches(name) : (name) => name.endsWith(suffix);
}

function rulesOf(line: string): Rule[] {
  const trimmed = line.trim();
  if (trimmed === '') return [];
  const negated = trimmed.startsWith('!');
  const pattern = (negated ? trimmed.slice(1) : trimmed).trim();
  if (pattern === '') throw new Error('illegal exclusion pattern: "!"');
  const clean = relative(pattern);
  const component = /^\*\*\/((?:[^/*]|\*(?!\*))+)$/.exec(clean)?.[1];
  if (component !== undefined) return [nameRule(componentTest(component), negated)];
  return [globRule(new Glob(clean, { globstar: true }), negated)];
}

/** Cleaned, without slashes at either end: all patterns are relative to the root anyway. */
function relative(pattern: string): string {
  const clean = posix.normalize(pattern).replace(/^\/+/, '').replace(/\/+$/, '');
  return clean === '' ? '.' : clean;
}
