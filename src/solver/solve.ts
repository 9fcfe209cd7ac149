import { availableParallelism } from 'node:os';
import type { DiffId, Layer, Snapshotter } from '../../layers/index.ts';
import type { Vertex, VertexDigest } from '../llb/definition.ts';
import type { VertexEvent } from '../progress/events.ts';
import { cacheKey } from './cache-key.ts';
import type { CacheStore } from './cache-store.ts';
import type {
  CacheKey,
  KeyPart,
  Operation,
  OperationContext,
  OperationInput,
  SolvedStep,
  SolveRequest,
} from './operation.ts';
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
    const result = await solver.result(request.definition.result);
    await solver.reportUntouched();
    return result;
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
  readonly #chains = new Map<VertexDigest, Promise<readonly DiffId[] | undefined>>();
  /** Vertices that a key was made of by their chain alone. */
  readonly #trusted = new Set<VertexDigest>();
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
    this.#context = {
      report: request.report,
      signal: AbortSignal.any([request.signal, this.#abort.signal]),
      ...(request.fetched && { fetched: request.fetched }),
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
    return memo(this.#results, digest, () => this.#solve(this.#vertex(digest)));
  }

  #key(digest: VertexDigest): Promise<Key> {
    return memo(this.#keys, digest, async () => {
      const vertex = this.#vertex(digest);
      for (const index of this.#operation(vertex).readInputs?.(vertex) ?? [])
        this.#beginReading(vertex.inputs[index]!);
      const inputs = await Promise.all(vertex.inputs.map((input) => this.#input(input)));
      const parts = await this.#operation(vertex).keyParts(vertex, inputs, this.#context);
      return { key: cacheKey(parts), parts };
    });
  }

  async #input(digest: VertexDigest): Promise<OperationInput> {
    return {
      key: (await this.#key(digest)).key,
      result: () => this.result(digest),
      chain: async () => {
        const chain = await this.#chain(digest);
        if (chain !== undefined) this.#trusted.add(digest);
        return chain;
      },
    };
  }

  #beginReading(digest: VertexDigest): void {
    this.#chain(digest)
      .then(async (chain) => void (chain ?? (await this.result(digest))))
      .catch(() => {});
  }

  /** The layers of a result that is known without making it. Whatever is in the way of that shows when it is made. */
  #chain(digest: VertexDigest): Promise<readonly DiffId[] | undefined> {
    return memo(this.#chains, digest, () => this.#findChain(this.#vertex(digest)).catch(() => undefined));
  }

  async #findChain(vertex: Vertex): Promise<readonly DiffId[] | undefined> {
    const operation = this.#operation(vertex);
    if (operation.chain !== undefined) {
      const inputs = await Promise.all(vertex.inputs.map((input) => this.#chain(input)));
      return inputs.includes(undefined)
        ? undefined
        : operation.chain(vertex, inputs as (readonly DiffId[])[]);
    }
    if (!operation.cached || vertex.meta.ignoreCache) return undefined;
    const { key } = await this.#key(vertex.digest);
    const added = this.cache.lookup(key) ?? this.cache.promised?.(key)?.layers;
    if (added === undefined) return undefined;
    const base = vertex.inputs[0];
    const below = base === undefined ? [] : await this.#chain(base);
    return below && [...below, ...added];
  }

  /** Tells of the steps that were cached so well that nobody asked for their files. */
  async reportUntouched(): Promise<void> {
    for (const [digest, chain] of this.#chains) {
      if (this.#results.has(digest) || (await chain) === undefined) continue;
      await this.#reportCached(this.#vertex(digest));
    }
  }

  async #reportCached(vertex: Vertex): Promise<void> {
    const report = new StepReport(vertex, this.request.report);
    if (!this.#operation(vertex).cached) {
      report.completed(true);
      return;
    }
    const { key } = await this.#key(vertex.digest);
    const own = this.cache.lookup(key);
    const promised = own === undefined ? this.cache.promised?.(key) : undefined;
    report.completed(true, promised?.from);
    this.#solved(vertex, key, (own ?? promised?.layers)!, false);
  }

  #solved(vertex: Vertex, key: CacheKey, layers: SolvedStep['layers'], ran: boolean): void {
    this.request.solved?.({ vertex, key, layers, ran });
  }

  async #solve(vertex: Vertex): Promise<Result> {
    const step = new StepReport(vertex, this.request.report);
    try {
      const operation = this.#operation(vertex);
      const key = operation.cached ? await this.#key(vertex.digest) : undefined;
      if (key !== undefined && !vertex.meta.ignoreCache) {
        const cached =
          (await this.#fromCache(vertex, key.key)) ?? (await this.#fromElsewhere(vertex, key.key, step));
        if (cached !== undefined) {
          step.completed(true);
          return cached;
        }
      }
      const inputs = await Promise.all(vertex.inputs.map((input) => this.result(input)));
      if (key !== undefined) await this.#requireKept(vertex, key.key, inputs);
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
  async #fromCache(vertex: Vertex, key: CacheKey): Promise<Result | undefined> {
    const known = this.cache.lookup(key);
    const added = known?.map((diffId) => this.snapshots.layer(diffId));
    if (known === undefined || added === undefined || added.includes(undefined)) return undefined;
    this.#solved(vertex, key, known, false);
    const base = vertex.inputs[0];
    const below = base === undefined ? [] : layersOf(await this.result(base));
    return { kind: 'layers', layers: [...below, ...(added as Layer[])] };
  }

  /** The same from another cache, whose layers are fetched beside those of the inputs. */
  async #fromElsewhere(vertex: Vertex, key: CacheKey, step: StepReport): Promise<Result | undefined> {
    if (this.cache.promised?.(key) === undefined) return undefined;
    const base = vertex.inputs[0];
    const below = base === undefined ? undefined : this.result(base);
    below?.catch(() => {});
    step.started();
    const source = await this.cache.fetch?.(key, vertex, this.#context.signal);
    if (source === undefined) return undefined;
    const result = await this.#fromCache(vertex, key);
    if (result !== undefined) step.completed(true, source);
    return result;
  }

  /**
   * A key may have been made of what a cache said of an input. When that could not be had and the input was made here
   * after all, the key holds only if the input has the same files. Throws {@link BrokenPromise}.
   */
  async #requireKept(vertex: Vertex, key: CacheKey, results: readonly Result[]): Promise<void> {
    const broken = await Promise.all(
      vertex.inputs.map(async (digest, index) => {
        const result = results[index]!;
        if (!this.#trusted.has(digest) || result.kind === 'local') return false;
        const chain = await this.#chain(digest);
        const actual = await Promise.all(result.layers.map(({ diff }) => diff));
        return actual.map(({ diffId }) => diffId).join() !== chain?.join();
      }),
    );
    if (!broken.includes(true)) return;
    const inputs = await Promise.all(
      vertex.inputs.map(async (input) => ({ ...(await this.#input(input)), chain: async () => undefined })),
    );
    const parts = await this.#operation(vertex).keyParts(vertex, inputs, this.#context);
    if (cacheKey(parts) !== key) throw new BrokenPromise();
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
      const ids = diffs.map(({ diffId }) => diffId);
      this.cache.save(key, ids, { name: vertex.meta.name, parts });
      this.#solved(vertex, key, ids, true);
    };
    return new Promise<Result>((resolve, reject) => {
      const attempt = async () => {
        if (!vertex.meta.ignoreCache) {
          const cached = await this.#fromCache(vertex, key);
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

/** An input turned out to have other files than a cache elsewhere said. */
class BrokenPromise extends Error {
  override readonly name = 'BrokenPromise';
}

function withoutPromises(cache: CacheStore): CacheStore {
  return {
    lookup: (key) => cache.lookup(key),
    save: (key, layers, step) => cache.save(key, layers, step),
    exclusive: (key, body, signal) => cache.exclusive(key, body, signal),
  };
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

  /** `source`: the cache elsewhere that had it. */
  completed(cached: boolean, source?: string): void {
    if (this.#done) return;
    this.#done = true;
    const now = Date.now();
    this.#report({
      started: this.#started ?? now,
      completed: now,
      cached,
      ...(source !== undefined && { cachedFrom: source }),
    });
  }

  failed(cause: unknown): void {
    this.#done = true;
    const now = Date.now();
    const error = isAbort(cause) ? CANCELED : cause instanceof Error ? cause.message : String(cause);
    this.#report({ started: this.#started ?? now, completed: now, error });
  }

  #report(state: Partial<VertexEvent>): void {
    const { digest, inputs, meta } = this.vertex;
    this.report({ kind: 'vertex', digest, inputs, name: meta.name, ...state });
  }
}
