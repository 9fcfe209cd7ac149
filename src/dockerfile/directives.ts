import { trim, trimStart } from './blank.ts';
import { type CheckConfig, parseCheckConfig } from './checks/config.ts';
import { parseError } from './parse-error.ts';
import { DockerfileError, type DockerfileSource, type SourceRange } from './source.ts';
import type { EscapeChar } from './words.ts';

/** The frontend that a file asks for. */
export interface SyntaxDirective {
  /** Image reference: the value up to the first blank. */
  readonly ref: string;
  readonly range: SourceRange;
  /** `other`: said in a way (`//syntax=`, JSON) that only a file in another language uses. */
  readonly language: 'dockerfile' | 'other';
}

/** What the comments at the very top of a file say to the parser. */
export interface Directives {
  readonly escapeChar: EscapeChar;
  readonly syntax?: SyntaxDirective;
  readonly check?: { readonly config: CheckConfig; readonly range: SourceRange };
  /** Number of lines they take, a `#!` line included; the doc comments begin after them. */
  readonly lines: number;
}

interface Directive {
  readonly key: string;
  readonly value: string;
  readonly line: number;
}

const keys = new Set(['syntax', 'escape', 'check']);

/** Reads the directives. Throws DockerfileError for a repeated one and for values that nothing can be made of. */
export function readDirectives(source: DockerfileSource): Directives {
  const text = withoutByteOrderMark(source.text);
  const shebang = text.startsWith('#!');
  const found = leadingDirectives(text, '#', shebang);
  const seen = new Map<string, Directive>();
  for (const directive of found) {
    if (seen.has(directive.key)) throw repeated(source, directive);
    seen.set(directive.key, directive);
  }
  const check = seen.get('check');
  const syntax = detectSyntax(text);
  // A `#!` line is a comment like any other to the rest of the file, so it has ended the directives for `escape`.
  const escapeDirective = shebang ? undefined : seen.get('escape');
  return {
    escapeChar: escapeDirective === undefined ? '\\' : readEscape(source, escapeDirective),
    ...(syntax !== undefined && { syntax }),
    ...(check !== undefined && { check: { config: readCheck(source, check), range: lineRange(check.line) } }),
    lines: found.at(-1)?.line ?? 0,
  };
}

/** The frontend asked for by `# syntax=`, `//syntax=` or `{"syntax": …}`, after a `#!` line too. */
export function detectSyntax(text: string): SyntaxDirective | undefined {
  const body = withoutByteOrderMark(text);
  const shebang = body.startsWith('#!');
  for (const [marker, language] of [
    ['#', 'dockerfile'],
    ['//', 'other'],
  ] as const) {
    const found = leadingDirectives(body, marker, shebang).find(({ key }) => key === 'syntax');
    if (found !== undefined)
      return { ref: found.value.split(' ', 1)[0]!, range: lineRange(found.line), language };
  }
  const ref = syntaxOfJson(shebang ? body.slice(body.indexOf('\n') + 1) : body);
  return ref === undefined ? undefined : { ref, range: lineRange(shebang ? 2 : 1), language: 'other' };
}

/**
 * Whether a frontend image is the standard one, in any version and from any registry or mirror: its last path element
 * tells. The parser here stands in for it.
 */
export function isStandardSyntax(ref: string): boolean {
  return /^(?:dockerfile|dockerfile-upstream)(?::[^/]*|@[^/]*)?$|^dockerfile\.v0$/.test(
    ref.split('/').at(-1)!,
  );
}

/** The first other comment, unknown key, blank line or instruction ends them for good. */
function leadingDirectives(text: string, marker: '#' | '//', shebang: boolean): Directive[] {
  const found: Directive[] = [];
  let start = shebang ? nextLine(text, 0) : 0;
  for (let line = shebang ? 2 : 1; start < text.length; line++) {
    const end = nextLine(text, start);
    const content = trimStart(text.slice(start, end));
    if (!content.startsWith(marker)) break;
    const directive = readDirective(content.slice(marker.length));
    if (directive === undefined) break;
    found.push({ ...directive, line });
    start = end;
  }
  return found;
}

function readDirective(comment: string): Pick<Directive, 'key' | 'value'> | undefined {
  const equals = comment.indexOf('=');
  const key = trim(comment.slice(0, Math.max(equals, 0))).toLowerCase();
  const value = trim(comment.slice(equals + 1));
  return keys.has(key) && value !== '' ? { key, value } : undefined;
}

function readEscape(source: DockerfileSource, { value, line }: Directive): EscapeChar {
  if (value === '\\' || value === '`') return value;
  throw parseError(
    { source },
    lineRange(line),
    'SYNTAX',
    `invalid escape token '${value}' does not match \` or \\`,
    { hint: 'Write # escape=` or # escape=\\', subject: value },
  );
}

function readCheck(source: DockerfileSource, { value, line }: Directive): CheckConfig {
  // Blanks may follow the separators; the first blank elsewhere ends the value.
  const end = /[^,;=\s]\s+(?![,;=\s])/.exec(value);
  try {
    return parseCheckConfig(end === null ? value : value.slice(0, end.index + 1));
  } catch (cause) {
    throw new DockerfileError(
      'SYNTAX',
      `dockerfile parse error on line ${line}: failed to parse check options: ${(cause as Error).message}`,
      source,
      [lineRange(line)],
      'Write # check=skip=RULE,RULE;error=true or # check=skip=all',
      { cause },
    );
  }
}

function repeated(source: DockerfileSource, { key, line }: Directive): DockerfileError {
  return parseError({ source }, lineRange(line), 'SYNTAX', `only one ${key} parser directive can be used`, {
    hint: `Remove this line or the earlier # ${key}=`,
    subject: key,
  });
}

function syntaxOfJson(text: string): string | undefined {
  if (!trimStart(text.slice(0, 1024)).startsWith('{')) return undefined;
  try {
    const value: unknown = (JSON.parse(text) as Readonly<Record<string, unknown>>).syntax;
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}

const lineRange = (line: number): SourceRange => ({ start: line, end: line });

function nextLine(text: string, from: number): number {
  const newline = text.indexOf('\n', from);
  return newline < 0 ? text.length : newline + 1;
}

export function withoutByteOrderMark(text: string): string {
  return text.startsWith('\ufeff') ? text.slice(1) : text;
}
