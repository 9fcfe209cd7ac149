import { hostPlatform, type Platform, type Store } from '../../layers/index.ts';
import { lowerDockerfile } from '../dockerfile/lower/index.ts';
import type { LoweredBuild } from '../dockerfile/lower/request.ts';
import type { DockerfileSource } from '../dockerfile/source.ts';
import { commitImage } from '../exporter/image.ts';
import { execOperation } from '../ops/exec.ts';
import { fileOperation } from '../ops/file.ts';
import { mergeOperation } from '../ops/merge.ts';
import { scratchOperation } from '../ops/scratch.ts';
import { gitSourceOperation } from '../ops/source-git.ts';
import { httpSourceOperation } from '../ops/source-http.ts';
import { imageSourceOperation } from '../ops/source-image.ts';
import { localOperation } from '../ops/source-local.ts';
import type { ProgressEvent, Report } from '../progress/events.ts';
import { localCache } from '../solver/cache-store.ts';
import type { Operation } from '../solver/operation.ts';
import { layersOf, solve } from '../solver/solve.ts';
import { SolveError } from '../solver/solve-error.ts';
import { type BuildContexts, openContexts } from './build-contexts.ts';
import { BuildError } from './build-error.ts';
import { readDockerfile } from './dockerfile-source.ts';
import { EventQueue } from './event-queue.ts';
import { withTimes } from './history-times.ts';
import { ImageResolver } from './image-resolver.ts';
import { LogTail } from './log-tail.ts';
import { openDefaultStore } from './open-default-store.ts';
import { type BuiltPlatform, imageNames, writeOutputs } from './outputs.ts';
import { readSecrets } from './read-secrets.ts';

import type { Build, BuildRequest, BuildResult } from './types.ts';

/** Starts a build. Events are there to be iterated; `result` settles when everything is written and released. */
export function build(request: BuildRequest): Build {
  const events = new EventQueue<ProgressEvent>();
  const result = execute(request, (event) => events.push(event)).finally(() => events.end());
  result.catch(() => {});
  return { result, [Symbol.asyncIterator]: () => events[Symbol.asyncIterator]() };
}

async function execute(request: BuildRequest, report: Report): Promise<BuildResult> {
  // A name that is none is told before the build, not after it.
  imageNames(request);
  const store = openDefaultStore(request);
  let contexts: BuildContexts | undefined;
  try {
    contexts = await openContexts(store, request);
    const dockerfile = await readDockerfile(request, contexts);
    contexts.useIgnoreFile(dockerfile.ignore);
    const platforms = request.platforms?.length ? request.platforms : [hostPlatform()];
    const built: BuiltPlatform[] = [];
    for (const platform of platforms) {
      built.push(await buildPlatform(store, request, contexts, dockerfile.source, platform, report));
    }
    return await writeOutputs(store, request, built);
  } catch (error) {
    // Whatever broke off because of it: the caller asked for the end.
    request.signal?.throwIfAborted();
    throw error;
  } finally {
    contexts?.close();
    store.close();
  }
}

/** Dockerfile → graph → layers → manifest and config, for one platform. */
async function buildPlatform(
  store: Store,
  request: BuildRequest,
  contexts: BuildContexts,
  source: DockerfileSource,
  platform: Platform,
  report: Report,
): Promise<BuiltPlatform> {
  const signal = request.signal ?? new AbortController().signal;
  const images = new ImageResolver(store, { pull: request.pull ? 'always' : 'missing', report, signal });
  const lowered = await lowerDockerfile({
    source,
    ...(request.target !== undefined && { target: request.target }),
    buildArgs: request.buildArgs ?? {},
    labels: request.labels ?? {},
    targetPlatform: platform,
    buildPlatform: hostPlatform(),
    contexts: contexts.named,
    mainContext: contexts.main === undefined ? 'empty' : 'local',
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
    isIgnored: (context, path) => contexts.isIgnored(context, path),
    signal,
  });
  for (const warning of lowered.warnings) report(warning);
  const layers = await solveGraph({ store, request, contexts, images, lowered, source, report, signal });
  const { history, created } = await withTimes(lowered.image.history, layers, {
    baseCreated: lowered.image.created,
    epoch: request.sourceDateEpoch,
  });
  const annotations = Object.fromEntries((request.annotations ?? []).map(annotation));
  const image = await commitImage(store, { ...lowered.image, history }, layers, { created, annotations });
  return { image, layers };
}

interface SolveInput {
  readonly store: Store;
  readonly request: BuildRequest;
  readonly contexts: BuildContexts;
  readonly images: ImageResolver;
  readonly lowered: LoweredBuild;
  readonly source: DockerfileSource;
  readonly report: Report;
  readonly signal: AbortSignal;
}

async function solveGraph(input: SolveInput) {
  const { store, lowered, source, report, signal } = input;
  const tail = new LogTail();
  try {
    const result = await solve(
      { definition: lowered.definition, operations: operations(input), report: tail.watch(report), signal },
      localCache(store.records),
      store.snapshots,
    );
    return layersOf(result);
  } catch (error) {
    // Whoever stopped the build knows why: no step is to blame.
    signal.throwIfAborted();
    if (!(error instanceof SolveError)) throw error;
    const { vertex, cause } = error;
    throw new BuildError(vertex.meta.name, source, vertex.meta.lines, tail.lines(vertex.digest), cause);
  }
}

/** The only place that knows every kind of operation. */
function operations({ store, request, contexts, images }: SolveInput): Readonly<Record<string, Operation>> {
  return {
    scratch: scratchOperation,
    image: imageSourceOperation((op) => images.layers(op)),
    local: localOperation(contexts.locals()),
    http: httpSourceOperation(store),
    git: gitSourceOperation(store),
    exec: execOperation({
      store,
      secrets: readSecrets(request),
      ...(request.mechanism && { mechanism: request.mechanism }),
    }),
    file: fileOperation(store),
    merge: mergeOperation,
  };
}

/** `[LEVEL:]KEY=VALUE`. */
function annotation(text: string): readonly [key: string, value: string] {
  const [, key = text, value = ''] = /^(?:manifest:)?([^=]*)=(.*)$/s.exec(text) ?? [];
  return [key, value];
}
