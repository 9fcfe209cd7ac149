import type { Finding } from '../dockerfile/checks/finding.ts';
import { checkStages } from '../dockerfile/lower/check.ts';
import { type Outline, outlineTarget } from '../dockerfile/lower/outline.ts';
import type { LowerRequest } from '../dockerfile/lower/request.ts';
import { parseOptions } from '../dockerfile/parse.ts';
import type { DockerfileError, DockerfileSource } from '../dockerfile/source.ts';
import { listTargets, type Target } from '../dockerfile/targets.ts';
import { ImageResolver } from './image-resolver.ts';
import { lowerRequest, type OpenRequest, platformsOf, withRequest } from './open-request.ts';
import type { BuildRequest } from './types.ts';

export type { Finding } from '../dockerfile/checks/finding.ts';
export type { Outline, OutlineArg, OutlineMount } from '../dockerfile/lower/outline.ts';
export type { DockerfileError, DockerfileSource, SourceRange } from '../dockerfile/source.ts';
export type { Target } from '../dockerfile/targets.ts';

/** What looking at a Dockerfile told, and the text that the lines in it are lines of. */
export interface Checked {
  readonly source: DockerfileSource;
  /** In the order of the file. */
  readonly findings: readonly Finding[];
  /** A mistake that ended the check, or that findings are errors (`# check=error=true`). */
  readonly error?: DockerfileError;
}

/**
 * The build checks of a Dockerfile: of the request's target, or without one of every stage. Nothing is built, and of
 * images that are not in the store only the configuration is fetched. Its mistakes are in the result; throws only for
 * a Dockerfile or context that cannot be read.
 */
export function checkDockerfile(request: BuildRequest): Promise<Checked> {
  return withRequest(request, unreported, async (opened) => ({
    source: opened.source,
    ...(await checkStages(describing(opened))),
  }));
}

/** Build arguments, secrets and SSH agents that the request's target takes. Throws DockerfileError. */
export function outline(
  request: BuildRequest,
): Promise<{ readonly source: DockerfileSource; readonly outline: Outline }> {
  return withRequest(request, unreported, async (opened) => ({
    source: opened.source,
    outline: await outlineTarget(describing(opened)),
  }));
}

/** The stages that can be built. Throws DockerfileError. */
export function targets(
  request: BuildRequest,
): Promise<{ readonly source: DockerfileSource; readonly targets: readonly Target[] }> {
  return withRequest(request, unreported, async ({ source }) => ({
    source,
    targets: listTargets(source, parseOptions(request.buildArgs ?? {})),
  }));
}

/** Nobody watches. */
const unreported = () => {};

/** What a build would have to be allowed; to look at it needs no leave. */
const EVERYTHING = ['network.host', 'security.insecure', 'device'];

/** As for a build of the first platform, except that no layer of an image is needed. */
function describing(opened: OpenRequest): LowerRequest {
  const { request, store, signal } = opened;
  const images = new ImageResolver(store, {
    pull: request.pull ? 'always' : 'missing',
    describeOnly: true,
    signal,
  });
  return { ...lowerRequest(opened, platformsOf(request)[0]!, images), allow: EVERYTHING };
}
