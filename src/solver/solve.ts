import { availableParallelism } from 'node:os';
import type { Snapshotter } from '../../layers/index.ts';
import type { Vertex, VertexDigest } from '../llb/definition.ts';
import { BrokenPromise, withoutPromises } from './broken-promise.ts';
import type { CacheStore } from './cache-store.ts';
import { fromCache, fromElsewhere } from './cached-step.ts';
import { foretoldLayer } from './foretold-layer.ts';
import { memo } from './memo.ts';
import type { OperationContext, SolveRequest } from './operation.ts';
import type { Result } from './result.ts';
import { runAndSave } from './run-and-save.ts';
import { Semaphore } from './semaphore.ts';
import { SolveError } from './solve-error.ts';
import { operationOf, type Solving, solved, vertexOf } from './solving.ts';
import { type StepKey, StepKeys } from './step-keys.ts';
import { StepReport } from './step-report.ts';

/**
 * Solves a build graph: every vertex that the result needs, each once, independent ones at once, from the cache where
 * it can. Resolves when the result and every cache record behind it are written. Throws {@link SolveError} for the
 * first step that failed; the others are aborted first.
 */
export async function solve(
  request: SolveRequest,
  cache: CacheStore,
  snapshots: Snapshotter,
): Promise<Result> {
  try {
    return await attempt(request, cache, snapshots);
  } catch (error) {
    if (!(error instanceof SolveError && error.cause instanceof BrokenPromise)) throw error;
    request.signal.throwIfAborted();
    // What ran up to here is in the cache now; from here on only that counts.
    return await attempt(request, withoutPromises(cache), snapshots);
  }
}

async function attempt(request: SolveRequest, cache: CacheStore, snapshots: Snapshotter): Promise<Result> {
  const solver = new Solver(request, cache, snapshots);
  for (const { digest, inputs, meta } of request.definition.vertices.values())
    request.report({ kind: 'vertex', digest, inputs, name: meta.name });
  try {
    const result = (await solver.foretold()) ?? (await solver.result(request.definition.result));
    await solver.reportUntouched();
    return result;
  } catch (error) {
    solver.abort();
    throw error;
  } finally {
    await solver.settled();
  }
}

class Solver implements Solving {
  readonly context: OperationContext;
  readonly #keys = new StepKeys(this);
  readonly #results = new Map<VertexDigest, Promise<Result>>();
  /** Work that goes on behind results: hashing of layers and their cache records. */
  readonly #behind: Promise<unknown>[] = [];
  readonly #slots: Semaphore;
  readonly #abort = new AbortController();

  constructor(
    readonly request: SolveRequest,
    readonly cache: CacheStore,
    readonly snapshots: Snapshotter,
  ) {
    this.#slots = new Semaphore(request.parallel ?? Math.max(4, availableParallelism()));
    this.context = {
      report: request.report,
      signal: AbortSignal.any([request.signal, this.#abort.signal]),
      ...(request.fetched && { fetched: request.fetched }),
    };
  }

  /** The result as caches tell it, where whoever wants it needs no more. */
  async foretold(): Promise<Result | undefined> {
    const { definition, namesSuffice } = this.request;
    const layers = namesSuffice && (await this.#keys.chain(definition.result));
    if (layers === undefined || !(await namesSuffice?.(layers))) return undefined;
    return {
      kind: 'layers',
      layers: layers.map((diffId) => this.snapshots.layer(diffId) ?? foretoldLayer(diffId)),
    };
  }

  abort(): void {
    this.#abort.abort();
  }

  /** When nothing runs any more; throws what went wrong behind a result. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#results.values());
    const failed = (await Promise.allSettled(this.#behind)).find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined && !this.#abort.signal.aborted) throw failed.reason;
  }

  result(digest: VertexDigest): Promise<Result> {
    return memo(this.#results, digest, () => this.#solve(vertexOf(this.request, digest)));
  }

  /** Tells of the steps that were cached so well that nobody asked for their files. */
  async reportUntouched(): Promise<void> {
    for (const vertex of this.request.definition.vertices.values()) {
      const chain = this.#results.has(vertex.digest) ? undefined : this.#keys.askedChain(vertex.digest);
      if (chain !== undefined && (await chain) !== undefined) await this.#reportCached(vertex);
    }
  }

  async #reportCached(vertex: Vertex): Promise<void> {
    const report = new StepReport(vertex, this.request.report);
    if (!operationOf(this.request, vertex).cached) {
      report.completed(true);
      return;
    }
    const { key } = await this.#keys.key(vertex.digest);
    const own = this.cache.lookup(key);
    const promised = own === undefined ? this.cache.promised?.(key) : undefined;
    report.completed(true, promised?.from);
    solved(this.request, vertex, key, (own ?? promised?.layers)!, false);
  }

  async #solve(vertex: Vertex): Promise<Result> {
    const step = new StepReport(vertex, this.request.report);
    try {
      const key = operationOf(this.request, vertex).cached ? await this.#keys.key(vertex.digest) : undefined;
      if (key !== undefined && !vertex.meta.ignoreCache) {
        const cached =
          (await fromCache(this, vertex, key.key)) ?? (await fromElsewhere(this, vertex, key.key, step));
        if (cached !== undefined) {
          step.completed(true);
          return cached;
        }
      }
      const result = await this.#make(vertex, key, step);
      step.completed(false);
      return result;
    } catch (error) {
      const failure = error instanceof SolveError ? error : new SolveError(vertex, error);
      if (failure.vertex === vertex) step.failed(failure.cause);
      this.abort();
      throw failure;
    }
  }

  async #make(vertex: Vertex, key: StepKey | undefined, step: StepReport): Promise<Result> {
    const inputs = await Promise.all(vertex.inputs.map((input) => this.result(input)));
    if (key !== undefined) await this.#keys.requireKept(vertex, key.key, inputs);
    this.context.signal.throwIfAborted();
    const run = () =>
      this.#slots.run(() => {
        this.context.signal.throwIfAborted();
        step.started();
        if (key !== undefined) this.request.missed?.(vertex, key.parts);
        return operationOf(this.request, vertex).run(vertex, inputs, this.context);
      });
    if (key === undefined) return run();
    const { result, saved } = runAndSave(this, vertex, key, inputs[0], run, step);
    this.#behind.push(saved);
    return result;
  }
}
