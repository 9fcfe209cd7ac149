import type { Platform } from '../../../layers/index.ts';
import { GraphBuilder } from '../../llb/graph.ts';
import type { Finding } from '../checks/finding.ts';
import { FindingList } from '../checks/finding-list.ts';
import { type ParsedDockerfile, parseDockerfile, parseOptions } from '../parse.ts';
import { predefinedArgs } from '../predefined-args.ts';
import { splitStages, targetStage } from '../stages.ts';
import { sourceDateEpoch, timestamp, withEpoch } from './epoch.ts';
import { checkDefaults, globalArgs } from './global-args.ts';
import { Origins } from './origins.ts';
import { type PlanInput, planStages } from './plan.ts';
import type { LowerRequest } from './request.ts';
import { type ResolvedPlan, resolvePlan } from './resolve.ts';
import { lowerStages } from './stage.ts';
import type { StageState } from './state.ts';

/** A Dockerfile that has been read: its stages, its global ARGs, and what the checks have found so far. */
export interface OpenDockerfile extends PlanInput {
  readonly parsed: ParsedDockerfile;
  /** Index of the stage that is asked for. */
  readonly target: number;
  readonly origins: Origins;
}

/** Stages, lowered. */
export interface LoweredStages {
  readonly plan: ResolvedPlan;
  readonly graph: GraphBuilder;
  /** By index. */
  readonly states: ReadonlyMap<number, StageState>;
  /** SOURCE_DATE_EPOCH, in seconds since 1970. */
  readonly epoch: number | undefined;
  /** The same as a date. */
  readonly created: string | undefined;
}

/**
 * Reads the file and everything before its first stage. Throws DockerfileError; `foundBefore` is told then what was
 * found so far.
 */
export function openDockerfile(
  request: LowerRequest,
  foundBefore: (findings: readonly Finding[]) => void = () => {},
): OpenDockerfile {
  const { source, buildArgs } = request;
  const parsed = parseDockerfile(source, { ...parseOptions(buildArgs), foundBefore });
  const findings = new FindingList(parsed.checks);
  findings.found.push(...parsed.findings);
  try {
    return openParsed(request, parsed, findings);
  } catch (error) {
    foundBefore(findings.found);
    throw error;
  }
}

function openParsed(request: LowerRequest, parsed: ParsedDockerfile, findings: FindingList): OpenDockerfile {
  const { source, buildArgs } = request;
  const { escapeChar } = parsed.directives;
  const parts = splitStages(parsed.instructions, source);
  const target = targetStage(parts, request.target, source);
  const targetName = request.target || (parts.stages.at(-1)!.from.name ?? '');
  const predefined = predefinedArgs({ ...request, targetStage: targetName });
  const file = { source, escapeChar };
  const stageLines = parts.stages.map(({ from }) => from);
  checkDefaults(stageLines, () => globalArgs(parts.globals, predefined, {}, file), escapeChar, findings);
  const globals = globalArgs(parts.globals, predefined, buildArgs, file);
  const origins = new Origins(request, source);
  const isContext = (name: string, platform: Platform) => origins.isContext(name, platform);
  return { source, escapeChar, parts, globals, findings, request, isContext, parsed, target, origins };
}

/** Lowers `targets` and what they need; no other image is looked up. What it finds on the way goes to `file.findings`. */
export async function lowerTargets(
  opened: OpenDockerfile,
  targets: readonly number[],
): Promise<LoweredStages> {
  const epoch = await sourceDateEpoch(opened);
  const file = withEpoch(opened, epoch);
  const plan = await resolvePlan(file, planStages(file), targets, file.origins);
  const graph = new GraphBuilder();
  const created = epoch === undefined ? undefined : timestamp(epoch);
  const states = lowerStages({ ...file, graph, epoch, created }, file, plan, file.origins);
  return { plan, graph, states, epoch, created };
}
