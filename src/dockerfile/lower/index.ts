import { type ContainerConfig, formatPlatform, type Platform } from '../../../layers/index.ts';
import { byLine, type Finding } from '../checks/finding.ts';
import { lintError } from '../checks/finding-list.ts';
import { lowerTargets, openDockerfile } from './open.ts';
import type { LoweredBuild, LowerRequest } from './request.ts';
import type { StageState } from './state.ts';

/**
 * Dockerfile text to a build graph for one platform. Only what the target needs is looked up and lowered.
 * Throws DockerfileError for every mistake in the Dockerfile, an image that does not exist included.
 */
export async function lowerDockerfile(request: LowerRequest): Promise<LoweredBuild> {
  // Also when it fails: what was found first may say why.
  const tell = (findings: readonly Finding[]) => {
    for (const finding of byLine(findings)) request.warn?.(finding);
  };
  const file = openDockerfile(request, tell);
  const { graph, states, epoch, created } = await lowerTargets(file, [file.target]).finally(() =>
    tell(file.findings.found),
  );
  const error = lintError(file.findings.found, file.findings.config, request.source);
  if (error !== undefined) throw error;
  const state = states.get(file.target)!;
  return {
    definition: graph.definition(state.root),
    image: imageOf(state, request, created),
    ...(epoch !== undefined && { epoch }),
  };
}

function imageOf(
  state: StageState,
  request: LowerRequest,
  created: string | undefined,
): LoweredBuild['image'] {
  const platform = platformOf(state, request);
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

/**
 * Asked for explicitly, the platform is the image's, whatever the stage was built on. The version of an operating system
 * is rarely asked for: then it is the one of the base.
 */
function platformOf({ platform }: StageState, { targetPlatform, buildPlatform }: LowerRequest): Platform {
  if (formatPlatform(targetPlatform) === formatPlatform(buildPlatform)) return platform;
  const version = platform.os === targetPlatform.os ? platform['os.version'] : undefined;
  return { ...(version !== undefined && { 'os.version': version }), ...targetPlatform };
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
