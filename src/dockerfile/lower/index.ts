import { type ContainerConfig, formatPlatform, type Platform } from '../../../layers/index.ts';
import { GraphBuilder } from '../../llb/graph.ts';
import type { WarningEvent } from '../../progress/events.ts';
import { type Finding, shortText } from '../checks/finding.ts';
import { FindingList, lintError } from '../checks/finding-list.ts';
import { parseDockerfile } from '../parse.ts';
import { predefinedArgs } from '../predefined-args.ts';
import type { DockerfileSource } from '../source.ts';
import { splitStages, targetStage } from '../stages.ts';
import { sourceDateEpoch, timestamp } from './epoch.ts';
import { checkDefaults, globalArgs } from './global-args.ts';
import { Origins } from './origins.ts';
import { type PlanInput, planStages } from './plan.ts';
import type { LoweredBuild, LowerRequest } from './request.ts';
import { resolvePlan } from './resolve.ts';
import { lowerStages } from './stage.ts';
import type { StageState } from './state.ts';

/**
 * Dockerfile text to a build graph for one platform. Only what the target needs is looked up and lowered.
 * Throws DockerfileError for every mistake in the Dockerfile, an image that does not exist included.
 */
export async function lowerDockerfile(request: LowerRequest): Promise<LoweredBuild> {
  const { source, buildArgs } = request;
  const parsed = parseDockerfile(source, parseOptions(buildArgs));
  const escapeChar = parsed.directives.escapeChar;
  const findings = new FindingList(parsed.checks);
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
  const input: PlanInput = { source, escapeChar, parts, globals, findings, request, isContext };
  const plan = await resolvePlan(input, planStages(input), target, origins);
  const graph = new GraphBuilder();
  const epoch = sourceDateEpoch(input);
  const created = epoch === undefined ? undefined : timestamp(epoch);
  const state = lowerStages({ ...input, graph, epoch, created }, input, plan, origins).get(target)!;
  const all = [...parsed.findings, ...findings.found];
  const error = lintError(all, parsed.checks, source);
  if (error !== undefined) throw error;
  return {
    definition: graph.definition(state.root),
    image: imageOf(state, request, created),
    warnings: all.map((finding) => warning(finding, source)),
  };
}

function parseOptions(buildArgs: Readonly<Record<string, string>>) {
  const { BUILDKIT_SYNTAX: syntax, BUILDKIT_DOCKERFILE_CHECK: check } = buildArgs;
  return { ...(syntax !== undefined && { syntax }), ...(check !== undefined && { check }) };
}

function imageOf(
  state: StageState,
  request: LowerRequest,
  created: string | undefined,
): LoweredBuild['image'] {
  // Asked for explicitly, the platform is the image's, whatever the stage was built on.
  const { targetPlatform, buildPlatform } = request;
  const explicit = formatPlatform(targetPlatform) !== formatPlatform(buildPlatform);
  const platform = explicit ? targetPlatform : state.platform;
  const unchanged =
    state.base !== undefined && state.history.length === (state.base.config.history ?? []).length;
  const time = created ?? (unchanged ? state.base?.config.created : undefined);
  const Labels = { ...state.config.Labels, ...request.labels };
  return {
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant !== undefined && { variant: platform.variant }),
    ...(platform['os.version'] !== undefined && { 'os.version': platform['os.version'] }),
    ...(state.base !== undefined && { base: state.base }),
    ...(state.author !== undefined && { author: state.author }),
    ...(time !== undefined && { created: time }),
    config: ordered({ ...state.config, ...(Object.keys(Labels).length > 0 && { Labels }) }),
    history: state.history,
  };
}

/** Sets and maps of the config have no order of their own: the keys' is the one that everybody writes. */
function ordered(config: ContainerConfig): ContainerConfig {
  const sorted = <T>(map: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(map).sort(([one], [other]) => (one < other ? -1 : 1)));
  const { ExposedPorts, Volumes, Labels } = config;
  return {
    ...config,
    ...(ExposedPorts !== undefined && { ExposedPorts: sorted(ExposedPorts) }),
    ...(Volumes !== undefined && { Volumes: sorted(Volumes) }),
    ...(Labels !== undefined && { Labels: sorted(Labels) }),
  };
}

function warning(finding: Finding, { file, text }: DockerfileSource): WarningEvent {
  return {
    kind: 'warning',
    short: shortText(finding),
    detail: [finding.description],
    ...(finding.url !== undefined && { url: finding.url }),
    source: { file, text, ranges: finding.ranges },
  };
}
