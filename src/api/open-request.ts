import { setMaxListeners } from 'node:events';
import { formatPlatform, hostPlatform, type Platform, type Store } from '../../layers/index.ts';
import type { LowerRequest } from '../dockerfile/lower/request.ts';
import type { DockerfileSource } from '../dockerfile/source.ts';
import type { GitSourceOp, HttpSourceOp } from '../llb/op.ts';
import type { Report } from '../progress/events.ts';
import { type BuildContexts, openContexts } from './build-contexts.ts';
import { readDockerfile } from './dockerfile-source.ts';
import type { ImageResolver } from './image-resolver.ts';
import { openDefaultStore } from './open-default-store.ts';
import { fetchSource, timeOfSource } from './remote-source.ts';
import type { BuildRequest } from './types.ts';

/** A build request with everything it names open. */
export interface OpenRequest {
  readonly request: BuildRequest;
  readonly store: Store;
  readonly contexts: BuildContexts;
  readonly source: DockerfileSource;
  /** Told what happens. */
  readonly report: Report;
  /** The request's, or one that nobody aborts. */
  readonly signal: AbortSignal;
  /** Repositories and downloads of this build, in the order in which they came. */
  readonly fetched: FetchedSource[];
}

/** A source from elsewhere: the commit, or the sha256 of the file. */
export interface FetchedSource {
  readonly op: GitSourceOp | HttpSourceOp;
  readonly found: string;
}

/** Opens store, contexts and Dockerfile for `body`, and closes them whatever happens. */
export async function withRequest<T>(
  request: BuildRequest,
  report: Report,
  body: (opened: OpenRequest) => Promise<T>,
): Promise<T> {
  const store = openDefaultStore(request);
  let contexts: BuildContexts | undefined;
  try {
    const signal = request.signal ?? new AbortController().signal;
    // As many wait for it as there are images to look up and steps to run.
    setMaxListeners(0, signal);
    const fetched: FetchedSource[] = [];
    const options = {
      report,
      signal,
      fetched: (op: FetchedSource['op'], found: string) => fetched.push({ op, found }),
    };
    contexts = await openContexts(store, request, options);
    const { source, ignore } = await readDockerfile({ request, store, contexts, ...options });
    contexts.useIgnoreFile(ignore);
    return await body({ request, store, contexts, source, report, signal, fetched });
  } catch (error) {
    // Whatever broke off because of it: the caller asked for the end.
    request.signal?.throwIfAborted();
    throw error;
  } finally {
    contexts?.close();
    store.close();
  }
}

/** What to build for: each platform once, the host's where none is named. */
export function platformsOf({ platforms = [] }: BuildRequest): readonly Platform[] {
  const named = new Map(platforms.map((platform) => [formatPlatform(platform), platform]));
  return named.size === 0 ? [hostPlatform()] : [...named.values()];
}

/** What the Dockerfile is to be lowered with, for one platform. */
export function lowerRequest(
  { request, store, contexts, source, report, signal }: OpenRequest,
  platform: Platform,
  images: ImageResolver,
): LowerRequest {
  return {
    source,
    ...(request.target !== undefined && { target: request.target }),
    buildArgs: request.buildArgs ?? {},
    labels: request.labels ?? {},
    targetPlatform: platform,
    buildPlatform: hostPlatform(),
    severalPlatforms: platformsOf(request).length > 1,
    contexts: contexts.named,
    mainContext:
      contexts.main === undefined ? 'empty' : contexts.directory === undefined ? 'archive' : 'local',
    noCache: request.noCache ? 'all' : (request.noCacheFilter ?? []),
    network: request.network ?? 'default',
    allow: request.allow ?? [],
    hostname: request.buildArgs?.BUILDKIT_SANDBOX_HOSTNAME ?? 'buildkitsandbox',
    extraHosts: request.extraHosts ?? [],
    ulimits: request.ulimits ?? [],
    ...(request.shmSize !== undefined && { shmSize: request.shmSize }),
    ...(request.cgroupParent !== undefined && { cgroupParent: request.cgroupParent }),
    ...(request.resources && { resources: request.resources }),
    ...(request.sourceDateEpoch !== undefined && { epoch: request.sourceDateEpoch }),
    resolveImage: (ref, wanted) => images.resolve(ref, wanted),
    contextTime: () => contexts.time(),
    async sourceTime(op) {
      const name = '[internal] resolve SOURCE_DATE_EPOCH';
      return timeOfSource(await fetchSource(store, op, { name, report, signal }), op);
    },
    isIgnored: (context, path) => contexts.isIgnored(context, path),
    signal,
  };
}
