import { checkEach, checkFile } from './checks/check-file.ts';
import { type CheckConfig, defaultCheckConfig, parseCheckConfig } from './checks/config.ts';
import type { Finding } from './checks/finding.ts';
import { FindingList } from './checks/finding-list.ts';
import { type Directives, isStandardSyntax, readDirectives } from './directives.ts';
import type { Instruction } from './instructions.ts';
import { readInstruction } from './parse/instruction.ts';
import { checkTrigger } from './parse/onbuild.ts';
import { Statement } from './parse/statement.ts';
import { type Origin, parseError } from './parse-error.ts';
import { scan } from './scan.ts';
import { DockerfileError, type DockerfileSource, type SourceRange } from './source.ts';
import type { EscapeChar } from './words.ts';

/** Build arguments that speak to the parser instead of the file. */
export interface ParseOptions {
  /** BUILDKIT_SYNTAX: a frontend image in place of `# syntax=`. */
  readonly syntax?: string;
  /** BUILDKIT_DOCKERFILE_CHECK: in place of `# check=`. */
  readonly check?: string;
  /** Told what was found in the lines before a mistake, when one is thrown; otherwise it is in the result. */
  readonly foundBefore?: (findings: readonly Finding[]) => void;
}

/** Which build arguments these are. */
export function parseOptions({
  BUILDKIT_SYNTAX: syntax,
  BUILDKIT_DOCKERFILE_CHECK: check,
}: Readonly<Record<string, string>>): ParseOptions {
  return { ...(syntax !== undefined && { syntax }), ...(check !== undefined && { check }) };
}

/** A Dockerfile that has at least one stage, every instruction of it well formed. */
export interface ParsedDockerfile {
  readonly source: DockerfileSource;
  readonly instructions: readonly Instruction[];
  readonly directives: Directives;
  /** Which checks are wanted: for the checks made later, and for `lintError()` at the end. */
  readonly checks: CheckConfig;
  /** What the checks of the file as a whole found, in order of detection. */
  readonly findings: readonly Finding[];
}

/** UTF-16 units; far above any file a person wrote, far below what would hurt. */
const largestFile = 16 * 1024 * 1024;

/** Text to instructions. Throws DockerfileError for the first mistake in the order of the file. */
export function parseDockerfile(source: DockerfileSource, options: ParseOptions = {}): ParsedDockerfile {
  checkSize(source);
  const directives = readDirectives(source);
  checkSyntax(source, directives, options.syntax);
  const checks = readChecks(directives, options.check);
  const instructions: Instruction[] = [];
  const emptyLines = new FindingList(checks);
  try {
    readInstructions(source, directives, instructions, emptyLines);
  } catch (error) {
    options.foundBefore?.([...emptyLines.found, ...checkEach(instructions, checks)]);
    throw error;
  }
  const findings = [...emptyLines.found, ...checkFile(instructions, checks)];
  return { source, instructions, directives, checks, findings };
}

/** Appends to the two lists, so that what stands before a mistake is known when it is thrown. */
function readInstructions(
  source: DockerfileSource,
  directives: Directives,
  instructions: Instruction[],
  emptyLines: FindingList,
): void {
  let stages = 0;
  for (const scanned of scan(source.text, { source }, directives)) {
    const statement = new Statement(scanned, directives.escapeChar, { source });
    const instruction = readInstruction(statement, instructions.at(-1));
    if (instruction.keyword === 'FROM') stages++;
    else if (stages === 0 && instruction.keyword !== 'ARG') throw beforeFrom(statement);
    if (instruction.keyword === 'ONBUILD')
      readTrigger(instruction.trigger, { source, range: instruction.range }, directives.escapeChar);
    instructions.push(instruction);
    if (scanned.emptyLines.length > 0)
      emptyLines.add('NoEmptyContinuation', 'Empty continuation line', scanned.emptyLines, scanned.comments);
  }
  if (stages === 0) throw withoutStages(source, instructions);
}

/**
 * Parses a trigger that a base image brought, as its config holds it. `at` is the FROM that made it fire: there the
 * instruction stands, and every error.
 */
export function parseTrigger(
  text: string,
  at: { readonly source: DockerfileSource; readonly range: SourceRange },
): Instruction {
  const line = text.split('\n', 1)[0]!;
  return readTrigger(text, { ...at, prefix: `cannot run the ONBUILD trigger "${line}" of the base image` });
}

function readTrigger(
  text: string,
  origin: Required<Pick<Origin, 'range'>> & Origin,
  escapeChar: EscapeChar = '\\',
) {
  const [scanned, ...others] = scan(text, origin, { escapeChar, lines: 0 });
  if (scanned === undefined || others.length > 0)
    throw parseError(origin, origin.range, 'BAD_ARGUMENT', 'an ONBUILD trigger is one instruction', {
      hint: 'Write one ONBUILD for each instruction',
    });
  const statement = new Statement(scanned, escapeChar, origin);
  checkTrigger(statement, statement.keyword);
  return readInstruction(statement, undefined);
}

function checkSize(source: DockerfileSource): void {
  if (source.text === '')
    throw new DockerfileError('EMPTY', 'the Dockerfile cannot be empty', source, [], 'Begin with FROM IMAGE');
  if (source.text.length > largestFile)
    throw new DockerfileError(
      'SYNTAX',
      `the Dockerfile is larger than ${largestFile / 1024 / 1024} MiB`,
      undefined,
      [],
      `Is ${source.file} a Dockerfile? Large contents belong into files that COPY brings`,
    );
}

/** Another frontend's file cannot be built here, and is better refused than misread. */
function checkSyntax(source: DockerfileSource, { syntax }: Directives, override: string | undefined): void {
  const ref = override ?? syntax?.ref;
  if (
    ref === undefined ||
    (isStandardSyntax(ref) && (override !== undefined || syntax?.language !== 'other'))
  )
    return;
  throw new DockerfileError(
    'UNSUPPORTED',
    `the frontend image ${ref} cannot be used: only the Dockerfile syntax is built in`,
    source,
    override === undefined && syntax !== undefined ? [syntax.range] : [],
    override === undefined
      ? 'Remove the syntax line, or give the build argument BUILDKIT_SYNTAX=docker/dockerfile:1, if the file is a plain Dockerfile'
      : 'Remove the build argument BUILDKIT_SYNTAX',
    { subject: ref },
  );
}

function readChecks({ check }: Directives, override: string | undefined): CheckConfig {
  if (override === undefined) return check?.config ?? defaultCheckConfig;
  try {
    return parseCheckConfig(override);
  } catch (cause) {
    throw new DockerfileError(
      'BAD_ARGUMENT',
      `build argument BUILDKIT_DOCKERFILE_CHECK: ${(cause as Error).message}`,
      undefined,
      [],
      'Write skip=RULE,RULE;error=true or skip=all',
      { cause },
    );
  }
}

function beforeFrom(statement: Statement): DockerfileError {
  return statement.error(
    'SYNTAX',
    `no build stage in current context: ${statement.keyword} stands before the first FROM`,
    { hint: 'Begin with FROM IMAGE; only ARG may stand before it', subject: statement.base.written },
  );
}

function withoutStages(source: DockerfileSource, instructions: readonly Instruction[]): DockerfileError {
  const message =
    instructions.length === 0 ? 'file with no instructions' : 'dockerfile contains no stages to build';
  return new DockerfileError(
    'EMPTY',
    message,
    source,
    instructions.slice(-1).map(({ range }) => range),
    'Add FROM IMAGE',
  );
}
