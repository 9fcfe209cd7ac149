import type { Platform } from '../../../layers/index.ts';
import { StageChecks } from '../checks/stage-checks.ts';
import type { Keyword } from '../instructions.ts';
import { displayName, type Origin, type StageInstruction, sourceOrigin } from '../stages.ts';
import { lowerAdd } from './add.ts';
import { lowerArg } from './arg.ts';
import { lowerCmd } from './cmd.ts';
import type { BuildContext, Filesystem, Lower, StageContext } from './context.ts';
import { lowerCopy } from './copy.ts';
import { lowerEntrypoint } from './entrypoint.ts';
import { lowerEnv } from './env.ts';
import { lowerExpose } from './expose.ts';
import { startFrom, startFromStage } from './from.ts';
import { lowerHealthcheck } from './healthcheck.ts';
import { lowerLabel } from './label.ts';
import { lowerMaintainer } from './maintainer.ts';
import { lowerOnbuild } from './onbuild.ts';
import type { Origins } from './origins.ts';
import type { PlanInput, PlannedStage } from './plan.ts';
import { platformFor, type ResolvedPlan } from './resolve.ts';
import { lowerRun } from './run.ts';
import { lowerShell } from './shell.ts';
import { filesVertex, imageVertex, nameWithDigest, scratchVertex } from './sources.ts';
import type { StageState } from './state.ts';
import { lowerStopsignal } from './stopsignal.ts';
import { lowerUser } from './user.ts';
import { lowerVolume } from './volume.ts';
import { lowerWorkdir } from './workdir.ts';

/** FROM begins a stage and is not among its instructions. A missing one does not compile. */
const lowerings: { readonly [K in Exclude<Keyword, 'FROM'>]: Lower<K> } = {
  ADD: lowerAdd,
  ARG: lowerArg,
  CMD: lowerCmd,
  COPY: lowerCopy,
  ENTRYPOINT: lowerEntrypoint,
  ENV: lowerEnv,
  EXPOSE: lowerExpose,
  HEALTHCHECK: lowerHealthcheck,
  LABEL: lowerLabel,
  MAINTAINER: lowerMaintainer,
  ONBUILD: lowerOnbuild,
  RUN: lowerRun,
  SHELL: lowerShell,
  STOPSIGNAL: lowerStopsignal,
  USER: lowerUser,
  VOLUME: lowerVolume,
  WORKDIR: lowerWorkdir,
};

/** Instructions that are steps of their own in what the user sees. */
const NUMBERED: ReadonlySet<Keyword> = new Set(['ADD', 'COPY', 'RUN', 'WORKDIR']);

/** The stages that are built, in the order of the file: what each of them came to. */
export function lowerStages(
  build: BuildContext,
  input: PlanInput,
  plan: ResolvedPlan,
  origins: Origins,
): ReadonlyMap<number, StageState> {
  const done = new Map<number, StageState>();
  const several = plan.stages.length > 1;
  for (const stage of plan.stages) {
    if (!plan.built.has(stage.index)) continue;
    const context = stageContext(build, input, stage, several, done, origins);
    done.set(stage.index, lowerStage(stage, context, input, done, origins));
  }
  return done;
}

function lowerStage(
  stage: PlannedStage,
  context: StageContext,
  input: PlanInput,
  done: ReadonlyMap<number, StageState>,
  origins: Origins,
): StageState {
  let state = start(stage, context, input, done, origins);
  const checks = new StageChecks(context.findings, (state.config.Shell ?? []).length > 0);
  for (const instruction of stage.triggers ?? []) {
    checks.check(instruction);
    state = lowerOne(state, instruction, { ...context, onbuild: true });
  }
  for (const instruction of stage.instructions) {
    checks.check(instruction);
    state = lowerOne(state, instruction, context);
  }
  return state;
}

function lowerOne(state: StageState, instruction: StageInstruction, context: StageContext): StageState {
  // Each entry of the table takes the instruction of its key; TypeScript cannot tie the two together.
  const lower = lowerings[instruction.keyword] as Lower<StageInstruction['keyword']>;
  return lower(state, instruction, context);
}

function start(
  stage: PlannedStage,
  context: StageContext,
  input: PlanInput,
  done: ReadonlyMap<number, StageState>,
  origins: Origins,
): StageState {
  const { base } = stage;
  if (base.kind === 'stage') return startFromStage(done.get(base.index)!);
  const platform = platformFor(input, stage, base);
  const found = base.kind === 'scratch' ? base : origins.get(base.name, platform);
  return startFrom(found, stage, platform, context);
}

function stageContext(
  build: BuildContext,
  input: PlanInput,
  stage: PlannedStage,
  several: boolean,
  done: ReadonlyMap<number, StageState>,
  origins: Origins,
): StageContext {
  const { request } = build;
  const stageName = displayName(input.parts.stages[stage.index]!, stage.index);
  const steps = [...(stage.triggers ?? []), ...stage.instructions].filter(({ keyword }) =>
    NUMBERED.has(keyword),
  );
  return {
    ...build,
    stageName,
    label: several ? stageName : '',
    ...(request.severalPlatforms && { platform: stagePlatform(input, stage, done) }),
    steps: steps.length + (startsFromImage(stage, input, origins) ? 1 : 0),
    ignoreCache: isUncached(stage, request.noCache),
    onbuild: false,
    filesystemOf: (name, numbers) => {
      const origin = sourceOrigin(input.parts, stage.index, name, numbers);
      return filesystemOf(origin, input, stage, build, done, origins);
    },
    mainContext: () =>
      request.mainContext === 'empty'
        ? { vertex: scratchVertex(build.graph), foreignOwners: false }
        : {
            vertex: build.graph.add({ type: 'local', name: 'context' }, [], {
              name: '[internal] load build context',
              ignoreCache: false,
            }),
            foreignOwners: request.mainContext === 'local',
          },
  };
}

/** Of the stage below, where there is one. */
function stagePlatform(
  { request }: PlanInput,
  { platform, base }: PlannedStage,
  done: ReadonlyMap<number, StageState>,
): Platform {
  const inherited = base.kind === 'stage' ? done.get(base.index)?.platform : undefined;
  return platform ?? inherited ?? request.targetPlatform;
}

function filesystemOf(
  origin: Origin,
  input: PlanInput,
  stage: PlannedStage,
  build: BuildContext,
  done: ReadonlyMap<number, StageState>,
  origins: Origins,
): Filesystem | undefined {
  if (origin.kind === 'scratch') return { vertex: scratchVertex(build.graph), foreignOwners: false };
  if (origin.kind === 'stage') {
    const state = done.get(origin.index);
    return state && { vertex: state.root, foreignOwners: false };
  }
  const found = origins.get(origin.name, platformFor(input, stage, origin));
  if (found.kind === 'scratch') return { vertex: scratchVertex(build.graph), foreignOwners: false };
  if (found.kind === 'files') {
    return {
      vertex: filesVertex(found.name, found.context, build.graph),
      foreignOwners: found.context.kind === 'local',
    };
  }
  const meta = { name: `FROM ${nameWithDigest(found.image)}`, ignoreCache: false };
  return { vertex: imageVertex(found.image, found.platform, meta, build.graph), foreignOwners: false };
}

function startsFromImage(stage: PlannedStage, input: PlanInput, origins: Origins): boolean {
  if (stage.base.kind !== 'image' || stage.replaced) return false;
  return origins.get(stage.base.name, platformFor(input, stage, stage.base)).kind === 'image';
}

function isUncached({ from }: PlannedStage, noCache: 'all' | readonly string[]): boolean {
  return noCache === 'all' || noCache.some((name) => name.toLowerCase() === from.name);
}
