import { availableParallelism } from 'node:os';
import type { Layer, Snapshotter } from '../../layers/index.ts';
import type { Vertex, VertexDigest } from '../llb/definition.ts';
import { cacheKey } from './cache-key.ts';
import type { CacheStore } from './cache-store.ts';
import type { CacheKey, KeyPart, Operation, OperationContext, SolveRequest } from './operation.ts';
import type { Result } from './result.ts';
import { Semaphore } from './semaphore.ts';
import { SolveError } from './solve-error.ts';

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
  const solver = new Solver(request, cache, snapshots);
  for (const { digest, inputs, meta } of request.definition.vertices.values())
    request.report({ kind: 'vertex', digest, inputs, name: meta.name });
  try {
    return await solver.result(request.definition.result);
  } catch (error) {
    solver.abort();
    throw error;
  } finally {
    await solver.settled();
  }
}

interface Key {
  readonly key: CacheKey;
  readonly parts: readonly KeyPart[];
}

class Solver {
  readonly #keys = new Map<VertexDigest, Promise<Key>>();
  readonly #results = new Map<VertexDigest, Promise<Result>>();
  /** Work that goes on behind results: hashing of layers and their cache records. */
  readonly #behind: Promise<unknown>[] = [];
  readonly #slots: Semaphore;
  readonly #abort = new AbortController();
  readonly #context: OperationContext;

  constructor(
    readonly request: SolveRequest,
    readonly cache: CacheStore,
    readonly snapshots: Snapshotter,
  ) {
    this.#slots = new Semaphore(request.parallel ?? Math.max(4, availableParallelism()));
    this.#context = { report: request.report, signal: AbortSignal.any([request.signal, this.#abort.signal]) };
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
    return memo(this.#results, digest, () => this.#solve(this.#vertex(digest)));
  }

  #key(digest: VertexDigest): Promise<Key> {
    return memo(this.#keys, digest, async () => {
      const vertex = this.#vertex(digest);
      for (const index of this.#operation(vertex).readInputs?.(vertex) ?? [])
        void this.result(vertex.inputs[index]!);
      const inputs = await Promise.all(
        vertex.inputs.map(async (input) => ({
          key: (await this.#key(input)).key,
          result: () => this.result(input),
        })),
      );
      const parts = await this.#operation(vertex).keyParts(vertex, inputs, this.#context);
      return { key: cacheKey(parts), parts };
    });
  }

  async #solve(vertex: Vertex): Promise<Result> {
    const step = new StepReport(vertex, this.request.report);
    try {
      const operation = this.#operation(vertex);
      const base = vertex.inputs[0];
      const key = operation.cached ? await this.#key(vertex.digest) : undefined;
      if (key !== undefined && !vertex.meta.ignoreCache) {
        const cached = await this.#fromCache(key.key, base);
        if (cached !== undefined) {
          step.completed(true);
          return cached;
        }
      }
      const inputs = await Promise.all(vertex.inputs.map((input) => this.result(input)));
      this.#context.signal.throwIfAborted();
      const run = () =>
        this.#slots.run(() => {
          this.#context.signal.throwIfAborted();
          step.started();
          if (key !== undefined) this.request.missed?.(vertex, key.parts);
          return operation.run(vertex, inputs, this.#context);
        });
      const result =
        key === undefined ? await run() : await this.#runAndSave(vertex, key, inputs[0], run, step);
      step.completed(false);
      return result;
    } catch (error) {
      const failure = error instanceof SolveError ? error : new SolveError(vertex, error);
      if (failure.vertex === vertex) step.failed(failure.cause);
      this.abort();
      throw failure;
    }
  }

  /** The layers that the step added, on top of its first input's; undefined on a miss. */
  async #fromCache(key: CacheKey, base: VertexDigest | undefined): Promise<Result | undefined> {
    const added = this.cache.lookup(key)?.map((diffId) => this.snapshots.layer(diffId));
    if (added === undefined || added.includes(undefined)) return undefined;
    const below = base === undefined ? [] : layersOf(await this.result(base));
    return { kind: 'layers', layers: [...below, ...(added as Layer[])] };
  }

  /**
   * Runs the step while holding its key, so that another process that wants the same waits and then finds it cached.
   * The result is handed on as soon as it can be stacked; the record follows when its layers are hashed.
   */
  #runAndSave(
    vertex: Vertex,
    { key, parts }: Key,
    base: Result | undefined,
    run: () => Promise<Result>,
    step: StepReport,
  ): Promise<Result> {
    const save = async (result: Result) => {
      const added = layersOf(result).slice(base === undefined ? 0 : layersOf(base).length);
      const diffs = await Promise.all(added.map((layer) => layer.diff));
      this.cache.save(
        key,
        diffs.map(({ diffId }) => diffId),
        { name: vertex.meta.name, parts },
      );
    };
    return new Promise<Result>((resolve, reject) => {
      const attempt = async () => {
        if (!vertex.meta.ignoreCache) {
          const cached = await this.#fromCache(key, vertex.inputs[0]);
          if (cached !== undefined) {
            step.completed(true);
            resolve(cached);
            return;
          }
        }
        const result = await run();
        resolve(result);
        await save(result);
      };
      const held = this.cache.exclusive(key, attempt, this.#context.signal);
      held.catch(reject);
      this.#behind.push(held);
    });
  }

  #vertex(digest: VertexDigest): Vertex {
    const vertex = this.request.definition.vertices.get(digest);
    if (vertex === undefined) throw new Error(`The build graph has no vertex ${digest}`);
    return vertex;
  }

  #operation(vertex: Vertex): Operation {
    const operation = this.request.operations[vertex.op.type];
    if (operation === undefined) throw new Error(`No operation is known for "${vertex.op.type}"`);
    return operation;
  }
}

/** The layers of a result that must be made of layers. */
export function layersOf(result: Result): readonly Layer[] {
  if (result.kind !== 'layers')
    throw new Error(`Cannot stack layers on the local directory "${result.name}"`);
  return result.layers;
}

function memo<K, V>(map: Map<K, Promise<V>>, key: K, make: () => Promise<V>): Promise<V> {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    // Whoever asked gets the rejection; a second asker may come late.
    value.catch(() => {});
    map.set(key, value);
  }
  return value;
}

/** What BuildKit reports of a step that did not fail itself but was stopped. */
const CANCELED = 'context canceled';

const isAbort = (cause: unknown) => cause instanceof Error && cause.name === 'AbortError';

/** Tells the progress of one vertex, each state once. */
class StepReport {
  #started: number | undefined;
  #done = false;

  constructor(
    readonly vertex: Vertex,
    readonly report: SolveRequest['report'],
  ) {}

  started(): void {
    this.#started = Date.now();
    this.#report({ started: this.#started });
  }

  completed(cached: boolean): void {
    if (this.#done) return;
    this.#done = true;
    const now = Date.now();
    this.#report({ started: this.#started ?? now, completed: now, cached });
  }

  failed(cause: unknown): void {
    this.#done = true;
    const now = Date.now();
    const error = isAbort(cause) ? CANCELED : cause instanceof Error ? cause.message : String(cause);
    this.#report({ started: this.#started ?? now, completed: now, error });
  }

  #report(state: { started: number; completed?: number; cached?: boolean; error?: string }): void {
    const { digest, inputs, meta } = this.vertex;
    this.report({ kind: 'vertex', digest, inputs, name: meta.name, ...state });
  }
}
