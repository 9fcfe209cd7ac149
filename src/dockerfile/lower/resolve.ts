import type { Platform } from '../../../layers/index.ts';
import { parseTrigger } from '../parse.ts';
import {
  displayName,
  type Origin,
  type Reference,
  reachableStages,
  refuseCircles,
  type StageInstruction,
} from '../stages.ts';
import { failure } from './context.ts';
import type { Origins } from './origins.ts';
import { type PlanInput, type PlannedStage, referencesOf } from './plan.ts';

/** The stages that are built, in order, with what their bases' ONBUILD adds to them. */
export interface ResolvedPlan {
  readonly stages: readonly PlannedStage[];
  readonly built: ReadonlySet<number>;
}

/**
 * Looks up the images that `targets` need, all at once, and no others. What an image's ONBUILD triggers name comes to
 * light only when its config is there, so this goes on until nothing new turns up.
 */
export async function resolvePlan(
  input: PlanInput,
  planned: readonly PlannedStage[],
  targets: readonly number[],
  origins: Origins,
): Promise<ResolvedPlan> {
  const names = input.parts.stages.map((stage, index) => displayName(stage, index));
  let stages = planned;
  for (;;) {
    const references = stages.map((stage) => referencesOf(input, stage));
    refuseCircles(input.parts, references, input.source);
    const built = reachableStages(targets, references);
    await Promise.all(
      stages
        .filter(({ index }) => built.has(index))
        .flatMap((stage) =>
          references[stage.index]!.map((reference) => lookUp(input, stage, reference, names, origins)),
        ),
    );
    input.request.signal?.throwIfAborted();
    const waiting = stages.filter(({ index, triggers }) => built.has(index) && triggers === undefined);
    if (waiting.length === 0) return { stages, built };
    stages = stages.map((stage) =>
      waiting.includes(stage) ? withTriggers(input, stages, stage, origins) : stage,
    );
  }
}

/** The platform that a name used by `stage` is looked up for: --platform is about the base alone. */
export function platformFor(input: PlanInput, stage: PlannedStage, origin: Origin): Platform {
  return (origin === stage.base ? stage.platform : undefined) ?? input.request.targetPlatform;
}

async function lookUp(
  input: PlanInput,
  stage: PlannedStage,
  { origin, range }: Reference,
  names: readonly string[],
  origins: Origins,
): Promise<void> {
  if (origin.kind !== 'image') return;
  await origins.resolve(origin.name, platformFor(input, stage, origin), range, names);
}

function withTriggers(
  input: PlanInput,
  stages: readonly PlannedStage[],
  stage: PlannedStage,
  origins: Origins,
): PlannedStage {
  const { range } = stage.from;
  const triggers = triggerTexts(input, stages, stage, origins).map((text): StageInstruction => {
    const instruction = parseTrigger(text, { source: input.source, range });
    if (instruction.keyword !== 'FROM') return instruction;
    throw failure(input, stage.from, 'BAD_ARGUMENT', "FROM isn't allowed as an ONBUILD trigger");
  });
  return { ...stage, triggers };
}

/** ONBUILD of the image, or of the stage, that `stage` is built FROM. */
function triggerTexts(
  input: PlanInput,
  stages: readonly PlannedStage[],
  stage: PlannedStage,
  origins: Origins,
): readonly string[] {
  const { base } = stage;
  if (base.kind === 'scratch') return [];
  if (base.kind === 'stage') {
    const below = stages[base.index]!;
    if (below.replaced) return imageTriggers(input, below, origins);
    return below.instructions.flatMap((instruction) =>
      instruction.keyword === 'ONBUILD' ? [instruction.trigger] : [],
    );
  }
  return imageTriggers(input, stage, origins);
}

function imageTriggers(input: PlanInput, stage: PlannedStage, origins: Origins): readonly string[] {
  if (stage.base.kind !== 'image') return [];
  const found = origins.get(stage.base.name, platformFor(input, stage, stage.base));
  return found.kind === 'image' ? (found.image.config.config?.OnBuild ?? []) : [];
}
