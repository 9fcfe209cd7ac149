import type { Platform } from '../../../layers/index.ts';
import type { VertexDigest, VertexMeta } from '../../llb/definition.ts';
import type { GraphBuilder } from '../../llb/graph.ts';
import { didYouMean, suggest } from '../../text/suggest.ts';
import type { FindingList } from '../checks/finding-list.ts';
import { withoutCredentials } from '../credentials.ts';
import {
  type Environment,
  type ExpandOptions,
  type Expansion,
  ExpansionError,
  expandWord,
} from '../expand.ts';
import type { Instruction, Keyword } from '../instructions.ts';
import { argsOutsideEnvironment } from '../predefined-args.ts';
import { MountOptionError } from '../run-mounts.ts';
import { DockerfileError, type DockerfileErrorCode, type DockerfileSource } from '../source.ts';
import { platformLabel } from './platform-label.ts';
import type { LowerRequest } from './request.ts';
import type { StageState } from './state.ts';

/** What is the same for the whole Dockerfile. */
export interface BuildContext {
  readonly request: LowerRequest;
  readonly source: DockerfileSource;
  readonly escapeChar: string;
  readonly graph: GraphBuilder;
  readonly findings: FindingList;
  /** Global ARGs, the predefined ones included. */
  readonly globals: ReadonlyMap<string, string>;
  /** Of history entries: SOURCE_DATE_EPOCH as a date, or undefined. */
  readonly created: string | undefined;
  /** Seconds since 1970. */
  readonly epoch: number | undefined;
}

/** What an instruction is lowered in. */
export interface StageContext extends BuildContext {
  /** Prefix of step names: the stage's name, or `stage-N`; empty when there is only one. */
  readonly label: string;
  /** The stage's platform, where steps are to say it. */
  readonly platform?: Platform;
  /** Steps of the stage that have a number. */
  readonly steps: number;
  readonly ignoreCache: boolean;
  /** The instruction came out of ONBUILD. */
  readonly onbuild: boolean;
  /** Name of the stage in messages. */
  readonly stageName: string;
  /** The files that a `from=` names; undefined for a stage that is not complete here. `numbers`: stages have numbers too. */
  filesystemOf(name: string, numbers: boolean): Filesystem | undefined;
  /** The build context. */
  mainContext(): Filesystem;
}

/** Files to read from: of a stage or image, or of a directory, whose owners mean nothing inside the image. */
export interface Filesystem {
  readonly vertex: VertexDigest;
  readonly foreignOwners: boolean;
}

/** One instruction onto a stage. */
export type Lower<K extends Keyword> = (
  state: StageState,
  instruction: Extract<Instruction, { keyword: K }>,
  context: StageContext,
) => StageState;

/** A mistake in `instruction`. */
export function failure(
  context: { readonly source: DockerfileSource },
  instruction: Pick<Instruction, 'range'>,
  code: DockerfileErrorCode,
  message: string,
  options: { readonly hint?: string; readonly subject?: string; readonly cause?: unknown } = {},
): DockerfileError {
  return new DockerfileError(code, message, context.source, [instruction.range], options.hint, {
    cause: options.cause,
    subject: options.subject,
  });
}

/** Runs a reader that throws plain errors; what it throws becomes a mistake in `instruction`. */
export function reading<T>(
  context: { readonly source: DockerfileSource },
  instruction: Pick<Instruction, 'range'>,
  code: DockerfileErrorCode,
  read: () => T,
  hint?: string,
): T {
  try {
    return read();
  } catch (error) {
    // A plain Error tells what is wrong with the text; any other kind is a defect of this program.
    const isDefect = error instanceof TypeError || error instanceof RangeError;
    if (error instanceof DockerfileError || isDefect) throw error;
    const isExpansion = error instanceof ExpansionError;
    const isMount = error instanceof MountOptionError;
    const advice = isExpansion ? error.hint : ((isMount ? error.hint : undefined) ?? hint);
    const subject = isMount || isExpansion ? error.subject : undefined;
    throw failure(context, instruction, isExpansion ? 'EXPANSION' : code, (error as Error).message, {
      cause: error,
      ...(advice !== undefined && { hint: advice }),
      ...(subject !== undefined && { subject }),
    });
  }
}

/** Expands a word with the variables of the stage, and reports those that have no value. */
export function expand(
  context: BuildContext,
  state: StageState,
  instruction: Instruction,
  word: string,
): string {
  return expansion(context, state, instruction, word).text;
}

export function expansion(
  context: BuildContext,
  state: StageState,
  instruction: Instruction,
  word: string,
  options: Partial<ExpandOptions> = {},
): Expansion {
  const result = reading(context, instruction, 'EXPANSION', () =>
    expandWord(word, state.environment, { escapeChar: context.escapeChar, ...options }),
  );
  for (const name of result.unset) {
    if (state.args.has(name) || argsOutsideEnvironment.has(name)) continue;
    const hint = suggest(name, [...state.environment.keys()]);
    context.findings.addAt(
      instruction,
      'UndefinedVar',
      `Usage of undefined variable '$${name}'${didYouMean(hint === undefined ? undefined : `$${hint}`)}`,
      `$${name}`,
    );
  }
  return result;
}

/** The vertex name and place of the stage's next numbered step, and the state in which it is counted. */
export function nextStep(
  context: StageContext,
  state: StageState,
  instruction: Pick<Instruction, 'range'>,
  text: string,
): { readonly state: StageState; readonly meta: VertexMeta } {
  const step = state.step + 1;
  return {
    state: { ...state, step },
    meta: {
      name: stepName(context, step, `${context.onbuild ? 'ONBUILD ' : ''}${text}`, state.environment),
      lines: instruction.range,
      ignoreCache: context.ignoreCache,
      ...(context.label !== '' && { stage: context.label }),
    },
  };
}

/** `[build 2/5] RUN make`; among several platforms `[linux/amd64 build 2/5] RUN make`. */
export function stepName(
  { label, steps, platform }: Pick<StageContext, 'label' | 'steps' | 'platform'>,
  step: number,
  text: string,
  environment: Environment,
): string {
  if (steps === 0) return text;
  const where = platform === undefined ? '' : `${platformLabel(platform, environment)} `;
  const number = String(step).padStart(String(steps).length);
  return `[${where}${label === '' ? '' : `${label} `}${number}/${steps}] ${text}`;
}

/** An instruction as a step name shows it: with values in place, as far as they are known. */
export function shownText(
  context: BuildContext,
  environment: ReadonlyMap<string, string>,
  text: string,
  options: Partial<ExpandOptions> = {},
): string {
  let shown = text.trim();
  try {
    shown = expandWord(shown, environment, { escapeChar: context.escapeChar, ...options }).text;
  } catch {
    // Shown as it is written: what it means is for the shell to say.
  }
  return withoutCredentials(shown).replace(/^\S+/, (keyword) => keyword.toUpperCase());
}
