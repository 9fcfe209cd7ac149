import { type Platform, parsePlatform } from '../../../layers/index.ts';
import { didYouMean, suggest } from '../../text/suggest.ts';
import type { FindingList } from '../checks/finding-list.ts';
import { type Expansion, expandWord } from '../expand.ts';
import type { FromInstruction, Instruction } from '../instructions.ts';
import { mountFrom } from '../run-mounts.ts';
import type { DockerfileSource } from '../source.ts';
import {
  baseOrigin,
  type Origin,
  type Parts,
  type Reference,
  type StageInstruction,
  sourceOrigin,
} from '../stages.ts';
import { failure, reading } from './context.ts';
import { isRedundantPlatform } from './global-args.ts';
import type { LowerRequest } from './request.ts';

/** A stage of which it is known what it begins with, but not yet what that holds. */
export interface PlannedStage {
  readonly index: number;
  readonly from: FromInstruction;
  readonly base: Origin;
  /** `--platform`. */
  readonly platform?: Platform;
  /** A named context of the stage's name takes its place: its instructions are not run. */
  readonly replaced: boolean;
  readonly instructions: readonly StageInstruction[];
  /** What ONBUILD of the base makes of it; undefined until the base is known. */
  readonly triggers: readonly StageInstruction[] | undefined;
}

export interface PlanInput {
  readonly source: DockerfileSource;
  readonly escapeChar: string;
  readonly parts: Parts;
  readonly globals: ReadonlyMap<string, string>;
  readonly findings: FindingList;
  readonly request: LowerRequest;
  /** Whether a named context has this name. */
  readonly isContext: (name: string, platform: Platform) => boolean;
}

/** Evaluates every FROM line, whether its stage will be built or not. */
export function planStages(input: PlanInput): PlannedStage[] {
  return input.parts.stages.map(({ from, instructions }, index) => {
    const image = expandFrom(input, from, from.image).text;
    if (image === '') {
      throw failure(input, from, 'EXPANSION', `base name (${from.image}) should not be blank`, {
        hint: 'Give the ARG a default before the first FROM, or pass --build-arg',
      });
    }
    const platform = platformOf(input, from);
    const replaced =
      from.name !== undefined && input.isContext(from.name, platform ?? input.request.targetPlatform);
    const base: Origin = replaced
      ? { kind: 'image', name: from.name! }
      : baseOrigin(input.parts, index, image);
    return {
      index,
      from,
      base,
      replaced,
      instructions: replaced ? [] : instructions,
      triggers: replaced ? [] : undefined,
      ...(platform !== undefined && { platform }),
    };
  });
}

/** Everything that a stage builds on or reads from. */
export function referencesOf(input: PlanInput, stage: PlannedStage): Reference[] {
  const references: Reference[] = [{ origin: stage.base, range: stage.from.range }];
  for (const instruction of [...(stage.triggers ?? []), ...stage.instructions]) {
    for (const origin of sourcesOf(input, stage.index, instruction)) {
      references.push({ origin, range: instruction.range });
    }
  }
  return references;
}

function sourcesOf(input: PlanInput, index: number, instruction: Instruction): readonly Origin[] {
  if (instruction.keyword === 'COPY' && instruction.from !== undefined && instruction.from !== '') {
    const { from } = instruction;
    refuseVariables(input, instruction, from);
    return reading(input, instruction, 'UNKNOWN_STAGE', () => [sourceOrigin(input.parts, index, from, true)]);
  }
  if (instruction.keyword !== 'RUN') return [];
  const find = () =>
    instruction.mounts.flatMap((text) => {
      const from = mountFrom(text);
      return from === undefined ? [] : [sourceOrigin(input.parts, index, from, false)];
    });
  return reading(
    input,
    instruction,
    'BAD_FLAG',
    find,
    'Before this stage: FROM $IMAGE AS source; then from=source',
  );
}

function refuseVariables(input: PlanInput, instruction: Instruction, from: string): void {
  const { text } = reading(input, instruction, 'EXPANSION', () => expandWord(from, new Map(), input));
  if (text === from) return;
  throw failure(
    input,
    instruction,
    'BAD_FLAG',
    'variable expansion is not supported for --from, define a new stage with FROM using ARG from global scope as a workaround',
    { hint: `Before this stage: FROM ${from} AS source; then COPY --from=source` },
  );
}

function platformOf(input: PlanInput, from: FromInstruction): Platform | undefined {
  const written = from.platform;
  if (written === undefined || written === '') return undefined;
  const expansion = expandFrom(input, from, written);
  if (isRedundantPlatform(expansion, input.globals)) {
    input.findings.addAt(
      from,
      'RedundantTargetPlatform',
      `Setting platform to predefined ${written} in FROM is redundant as this is the default behavior`,
    );
  }
  const names = [...input.globals.keys()];
  const hints = [...expansion.unset].map((name) => suggest(name, names)).filter((name) => name !== undefined);
  if (expansion.text === '') {
    throw failure(
      input,
      from,
      'EXPANSION',
      `empty platform value from expression ${written}${didYouMean(hints[0])}`,
      { hint: 'Platforms are given as os/architecture: linux/arm64, or $BUILDPLATFORM' },
    );
  }
  try {
    return parsePlatform(expansion.text);
  } catch (error) {
    throw failure(
      input,
      from,
      'BAD_FLAG',
      `failed to parse platform ${written}: ${(error as Error).message}${didYouMean(hints[0])}`,
      { cause: error, hint: 'Write os/architecture, such as linux/arm64, or $BUILDPLATFORM' },
    );
  }
}

/** Expands a word of FROM with the global ARGs alone, and reports what is none (UndefinedArgInFrom). */
function expandFrom(input: PlanInput, from: FromInstruction, word: string): Expansion {
  const expansion = reading(input, from, 'EXPANSION', () => expandWord(word, input.globals, input));
  const declared = input.parts.globals.flatMap(({ args }) => args.map(({ key }) => key));
  const known = [...new Set([...declared, ...input.globals.keys()])];
  for (const name of expansion.unset) {
    if (known.includes(name)) continue;
    input.findings.addAt(
      from,
      'UndefinedArgInFrom',
      `FROM argument '${name}' is not declared${didYouMean(suggest(name, known))}`,
    );
  }
  return expansion;
}
