import type { Layer, Platform } from '../../layers/index.ts';
import type { AttestPlan } from '../attest/request.ts';
import { type Finding, warningOf } from '../dockerfile/checks/finding.ts';
import { lowerDockerfile } from '../dockerfile/lower/index.ts';
import type { LoweredBuild } from '../dockerfile/lower/request.ts';
import { commitImage } from '../exporter/image.ts';
import type { Vertex } from '../llb/definition.ts';
import { execOperation, type FailedStep } from '../ops/exec.ts';
import { fileOperation } from '../ops/file.ts';
import { loadedLater } from '../ops/later.ts';
import { mergeOperation } from '../ops/merge.ts';
import { scratchOperation } from '../ops/scratch.ts';
import { imageSourceOperation } from '../ops/source-image.ts';
import { localOperation } from '../ops/source-local.ts';
import type { ProgressEvent, Report } from '../progress/events.ts';
import type { Operation } from '../solver/operation.ts';
import { layersOf } from '../solver/result.ts';
import { solve } from '../solver/solve.ts';
import { SolveError } from '../solver/solve-error.ts';
import type { AbsentLayers } from './absent-layers.ts';
import { annotationsFor } from './annotations.ts';
import { attest as attestBuild } from './attest.ts';
import { planAttests } from './attest-options.ts';
import { BuildError } from './build-error.ts';
import { type CacheUse, cachePlanOf, openCache } from './cache-use.ts';
import { EventQueue } from './event-queue.ts';
import { cacheExplainer } from './explain-cache.ts';
import { withTimes } from './history-times.ts';
import { ImageResolver } from './image-resolver.ts';
import { LogTail, type OutputEnd } from './log-tail.ts';
import { lowerRequest, type OpenRequest, platformsOf, withRequest } from './open-request.ts';
import { firstFailure } from './open-step.ts';
import { type BuiltPlatform, type OutputPlan, planOutputs, writeOutputs } from './outputs.ts';
import { readSecrets } from './read-secrets.ts';
import { rewriteTimes } from './rewrite-times.ts';
import { adviseOnStep } from './step-advice.ts';
import { StepLogs } from './step-logs.ts';
import { StepReports } from './step-reports.ts';
import type { Build, BuildRequest, BuildResult } from './types.ts';
import { requireSame } from './verify-reproducible.ts';

/** Starts a build. Events are there to be iterated; `result` settles when everything is written and released. */
export function build(request: BuildRequest): Build {
  const events = new EventQueue<ProgressEvent>();
  const result = execute(request, (event) => events.push(event)).finally(() => events.end());
  result.catch(() => {});
  return { result, [Symbol.asyncIterator]: () => events[Symbol.asyncIterator]() };
}

async function execute(request: BuildRequest, report: Report): Promise<BuildResult> {
  const platforms = platformsOf(request);
  // What is wrong with names and outputs is told before the build, not after it.
  const plan = planOutputs(request, platforms);
  const caches = cachePlanOf(request);
  const { plan: attests, warnings } = planAttests(request.attests ?? []);
  const started = new Date();
  return await withRequest(request, report, async (opened) => {
    for (const short of [...caches.warnings, ...warnings]) report({ kind: 'warning', short });
    const cache = await openCache(caches, opened);
    try {
      const built: BuiltPlatform[] = [];
      const steps = new StepReports();
      for (const platform of platforms)
        built.push(await buildPlatform({ opened, plan, cache, attests, started, steps }, platform));
      if (request.verifyReproducible) {
        const again = { ...opened, request: { ...request, noCache: true } };
        for (const one of built)
          requireSame(
            opened.store,
            one,
            await buildPlatform(
              { opened: again, plan, cache, attests: { sbom: false }, started, steps: new StepReports() },
              one.platform,
            ),
          );
      }
      const result = await writeOutputs(opened.store, plan, built, { report, signal: opened.signal });
      await cache.export();
      return result;
    } finally {
      cache.close();
    }
  });
}

interface BuildContext {
  readonly opened: OpenRequest;
  readonly plan: OutputPlan;
  readonly cache: CacheUse;
  readonly attests: AttestPlan;
  readonly started: Date;
  readonly steps: StepReports;
}

/** Dockerfile → graph → layers → manifest and config, for one platform. */
async function buildPlatform(
  { opened, plan, cache, attests, started, steps }: BuildContext,
  platform: Platform,
): Promise<BuiltPlatform> {
  const { request, store, report, signal } = opened;
  const images = new ImageResolver(store, { pull: request.pull ? 'always' : 'missing', report, signal });
  const findings: Finding[] = [];
  const lowered = await lowerDockerfile({
    ...lowerRequest(opened, platform, images),
    warn(finding) {
      findings.push(finding);
      report(warningOf(finding, opened.source));
    },
  });
  const epoch = plan.epoch === undefined ? lowered.epoch : (plan.epoch ?? undefined);
  const isAttested = attests.sbom || attests.provenance !== undefined;
  const needsFiles = isAttested || request.verifyReproducible === true;
  const absent = needsFiles
    ? undefined
    : await cache.absentLayers(plan, images, lowered.image.base?.manifest);
  const solved = await solveGraph({
    opened,
    platform,
    images,
    lowered,
    findings,
    report,
    epoch,
    cache,
    steps,
    absent,
  });
  const rewrite = plan.rewriteTimestamps
    ? await rewriteTimes(store, lowered, solved, { epoch, report })
    : undefined;
  const layers = rewrite?.layers ?? solved;
  const { history, created } = await withTimes(lowered.image.history, layers, {
    baseCreated: lowered.image.created,
    baseEntries: lowered.image.base?.config.history?.length ?? 0,
    epoch,
  });
  // Its manifest names the base's blobs, which nobody needed if every step was cached.
  if (lowered.image.base !== undefined && !absent?.any) await images.complete(lowered.image.base.manifest);
  const inlineCache = await cache.inlineFor(layers);
  const image = await commitImage(absent?.store ?? store, { ...lowered.image, history }, layers, {
    created,
    ...(inlineCache && { inlineCache }),
    annotations: annotationsFor(plan.annotations, 'manifest', platform),
    descriptorAnnotations: annotationsFor(plan.annotations, 'manifest-descriptor', platform),
    ...(rewrite && { layerAnnotations: rewrite.annotations }),
  });
  const { definition } = lowered;
  const build = { opened, definition, images, platform, image, layers, names: plan.names, epoch, started };
  const attestations = isAttested ? await attestBuild(attests, build) : [];
  return { platform, image, layers, epoch, attestations, isWhole: !absent?.any };
}

interface SolveInput {
  readonly cache: CacheUse;
  readonly steps: StepReports;
  readonly opened: OpenRequest;
  readonly platform: Platform;
  readonly images: ImageResolver;
  readonly lowered: LoweredBuild;
  readonly findings: readonly Finding[];
  readonly report: Report;
  /** SOURCE_DATE_EPOCH, in seconds since 1970. */
  readonly epoch: number | undefined;
  readonly absent: AbsentLayers | undefined;
}

async function solveGraph(input: SolveInput): Promise<readonly Layer[]> {
  const { request, store, signal } = input.opened;
  const tail = new LogTail();
  const logs = new StepLogs(store.root);
  const describe = ({ digest, meta, op }: Vertex, cause: unknown) =>
    buildError(input, { op, meta, cause, output: tail.end(digest), log: logs.pathOf(digest) });
  const failed = request.onFailedStep && firstFailure(request.onFailedStep, describe);
  const { definition } = input.lowered;
  const watched = input.steps.next(definition, tail.watch(logs.watch(input.report)));
  const explainer = cacheExplainer({
    records: store.records,
    scope: JSON.stringify([input.opened.contexts.directory ?? '', input.opened.source.file, input.platform]),
    ...(request.explainCache && { report: watched }),
  });
  try {
    const result = await solve(
      {
        definition,
        operations: operations(input, failed),
        report: watched,
        missed: explainer.missed,
        fetched: (op, found) => input.opened.fetched.push({ op, found }),
        solved: (step) => input.cache.solved(step),
        ...(input.absent && { namesSuffice: (layers) => input.absent!.suffice(layers) }),
        signal,
      },
      input.cache.store,
      store.snapshots,
    );
    explainer.finish();
    return layersOf(result);
  } catch (error) {
    explainer.tryFinish();
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
  { opened, images, epoch, cache }: SolveInput,
  failed: FailedStep | undefined,
): Readonly<Record<string, Operation>> {
  const { request, store, contexts } = opened;
  const times = epoch === undefined ? {} : { newestNs: BigInt(epoch) * 1_000_000_000n };
  return {
    scratch: scratchOperation,
    image: imageSourceOperation(
      (op, vertex) => images.layers(op, vertex),
      (op) => images.chain(op),
    ),
    local: localOperation(contexts.locals()),
    http: loadedLater(async () => (await import('../ops/source-http.ts')).httpSourceOperation(store)),
    git: loadedLater(async () => (await import('../ops/source-git.ts')).gitSourceOperation(store)),
    exec: execOperation(
      {
        store,
        secrets: readSecrets(request),
        times,
        selections: cache.selections,
        ...(cache.mounts && { cacheMounts: cache.mounts }),
        ...(request.mechanism && { mechanism: request.mechanism }),
      },
      failed,
    ),
    file: fileOperation(store, times, cache.selections),
    merge: mergeOperation,
  };
}
