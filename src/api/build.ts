import type { Layer, Platform } from '../../layers/index.ts';
import { type Finding, warningOf } from '../dockerfile/checks/finding.ts';
import { lowerDockerfile } from '../dockerfile/lower/index.ts';
import type { LoweredBuild } from '../dockerfile/lower/request.ts';
import { commitImage } from '../exporter/image.ts';
import type { Vertex } from '../llb/definition.ts';
import { execOperation, type FailedStep } from '../ops/exec.ts';
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
import { BuildError } from './build-error.ts';
import { EventQueue } from './event-queue.ts';
import { withTimes } from './history-times.ts';
import { ImageResolver } from './image-resolver.ts';
import { LogTail, type OutputEnd } from './log-tail.ts';
import { lowerRequest, type OpenRequest, platformsOf, withRequest } from './open-request.ts';
import { firstFailure } from './open-step.ts';
import { type BuiltPlatform, checkOutputs, imageNames, writeOutputs } from './outputs.ts';
import { readSecrets } from './read-secrets.ts';
import { adviseOnStep } from './step-advice.ts';
import { StepLogs } from './step-logs.ts';
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
  const platforms = platformsOf(request);
  checkOutputs(request, platforms);
  return await withRequest(request, async (opened) => {
    const built: BuiltPlatform[] = [];
    for (const platform of platforms) built.push(await buildPlatform(opened, platform, report));
    return await writeOutputs(opened.store, request, built);
  });
}

/** Dockerfile → graph → layers → manifest and config, for one platform. */
async function buildPlatform(
  opened: OpenRequest,
  platform: Platform,
  report: Report,
): Promise<BuiltPlatform> {
  const { request, store, signal } = opened;
  const images = new ImageResolver(store, { pull: request.pull ? 'always' : 'missing', report, signal });
  const findings: Finding[] = [];
  const lowered = await lowerDockerfile({
    ...lowerRequest(opened, platform, images),
    warn(finding) {
      findings.push(finding);
      report(warningOf(finding, opened.source));
    },
  });
  const layers = await solveGraph({ opened, images, lowered, findings, report });
  const { history, created } = await withTimes(lowered.image.history, layers, {
    baseCreated: lowered.image.created,
    epoch: request.sourceDateEpoch,
  });
  const annotations = Object.fromEntries((request.annotations ?? []).map(annotation));
  const image = await commitImage(store, { ...lowered.image, history }, layers, { created, annotations });
  return { platform, image, layers };
}

interface SolveInput {
  readonly opened: OpenRequest;
  readonly images: ImageResolver;
  readonly lowered: LoweredBuild;
  readonly findings: readonly Finding[];
  readonly report: Report;
}

async function solveGraph(input: SolveInput): Promise<readonly Layer[]> {
  const { request, store, signal } = input.opened;
  const tail = new LogTail();
  const logs = new StepLogs(store.root);
  const describe = ({ digest, meta, op }: Vertex, cause: unknown) =>
    buildError(input, { op, meta, cause, output: tail.end(digest), log: logs.pathOf(digest) });
  const failed = request.onFailedStep && firstFailure(request.onFailedStep, describe);
  try {
    const result = await solve(
      {
        definition: input.lowered.definition,
        operations: operations(input, failed),
        report: tail.watch(logs.watch(input.report)),
        signal,
      },
      localCache(store.records),
      store.snapshots,
    );
    return layersOf(result);
  } catch (error) {
    // Whoever stopped the build knows why: no step is to blame.
    signal.throwIfAborted();
    throw error instanceof SolveError ? describe(error.vertex, error.cause) : error;
  } finally {
    logs.close();
  }
}

interface Failure extends Pick<Vertex, 'op' | 'meta'> {
  readonly cause: unknown;
  readonly output: OutputEnd;
  readonly log: string | undefined;
}

function buildError(
  { opened: { source }, findings }: SolveInput,
  { op, meta, cause, output, log }: Failure,
): BuildError {
  const { name, lines } = meta;
  const step = {
    name,
    source,
    ...(lines && { lines }),
    output,
    ...(log !== undefined && { log }),
    ...adviseOnStep({ source, lines, op, output: output.lines, cause, findings }),
  };
  return new BuildError(step, cause);
}

/** The only place that knows every kind of operation. */
function operations(
  { opened, images }: SolveInput,
  failed: FailedStep | undefined,
): Readonly<Record<string, Operation>> {
  const { request, store, contexts } = opened;
  return {
    scratch: scratchOperation,
    image: imageSourceOperation((op) => images.layers(op)),
    local: localOperation(contexts.locals()),
    http: httpSourceOperation(store),
    git: gitSourceOperation(store),
    exec: execOperation(
      {
        store,
        secrets: readSecrets(request),
        ...(request.mechanism && { mechanism: request.mechanism }),
      },
      failed,
    ),
    file: fileOperation(store),
    merge: mergeOperation,
  };
}

/** `[LEVEL:]KEY=VALUE`. */
function annotation(text: string): readonly [key: string, value: string] {
  const [, key = text, value = ''] = /^(?:manifest:)?([^=]*)=(.*)$/s.exec(text) ?? [];
  return [key, value];
}
