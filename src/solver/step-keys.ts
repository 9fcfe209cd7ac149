import type { DiffId } from '../../layers/index.ts';
import type { Vertex, VertexDigest } from '../llb/definition.ts';
import { BrokenPromise } from './broken-promise.ts';
import { cacheKey } from './cache-key.ts';
import { memo } from './memo.ts';
import type { CacheKey, KeyPart, OperationInput } from './operation.ts';
import type { Result } from './result.ts';
import { operationOf, type Solving, vertexOf } from './solving.ts';

/** A step's key, and what it is made of. */
export interface StepKey {
  readonly key: CacheKey;
  readonly parts: readonly KeyPart[];
}

/** What is known of steps before they are made: their keys, and their layers where a cache tells them. */
export class StepKeys {
  readonly #keys = new Map<VertexDigest, Promise<StepKey>>();
  readonly #chains = new Map<VertexDigest, Promise<readonly DiffId[] | undefined>>();
  /** Vertices that a key was made of by their chain alone. */
  readonly #trusted = new Set<VertexDigest>();

  constructor(readonly solving: Solving) {}

  key(digest: VertexDigest): Promise<StepKey> {
    return memo(this.#keys, digest, async () => {
      const vertex = vertexOf(this.solving.request, digest);
      const operation = operationOf(this.solving.request, vertex);
      for (const index of operation.readInputs?.(vertex) ?? []) this.#beginReading(vertex.inputs[index]!);
      const inputs = await Promise.all(vertex.inputs.map((input) => this.#input(input)));
      const parts = await operation.keyParts(vertex, inputs, this.solving.context);
      return { key: cacheKey(parts), parts };
    });
  }

  /** The layers of a result that is known without making it. Whatever is in the way of that shows when it is made. */
  chain(digest: VertexDigest): Promise<readonly DiffId[] | undefined> {
    return memo(this.#chains, digest, () =>
      this.#findChain(vertexOf(this.solving.request, digest)).catch(() => undefined),
    );
  }

  /** What {@link chain} answered before; undefined when nobody asked. */
  askedChain(digest: VertexDigest): Promise<readonly DiffId[] | undefined> | undefined {
    return this.#chains.get(digest);
  }

  /**
   * A key may have been made of what a cache said of an input. When that could not be had and the input was made here
   * after all, the key holds only if the input has the same files. Throws {@link BrokenPromise}.
   */
  async requireKept(vertex: Vertex, key: CacheKey, results: readonly Result[]): Promise<void> {
    const broken = await Promise.all(
      vertex.inputs.map(async (digest, index) => {
        const result = results[index]!;
        if (!this.#trusted.has(digest) || result.kind === 'local') return false;
        const chain = await this.chain(digest);
        const actual = await Promise.all(result.layers.map(({ diff }) => diff));
        return actual.map(({ diffId }) => diffId).join() !== chain?.join();
      }),
    );
    if (!broken.includes(true)) return;
    const inputs = await Promise.all(
      vertex.inputs.map(async (input) => ({ ...(await this.#input(input)), chain: async () => undefined })),
    );
    const { request, context } = this.solving;
    const parts = await operationOf(request, vertex).keyParts(vertex, inputs, context);
    if (cacheKey(parts) !== key) throw new BrokenPromise();
  }

  async #input(digest: VertexDigest): Promise<OperationInput> {
    return {
      key: (await this.key(digest)).key,
      result: () => this.solving.result(digest),
      chain: async () => {
        const chain = await this.chain(digest);
        if (chain !== undefined) this.#trusted.add(digest);
        return chain;
      },
    };
  }

  #beginReading(digest: VertexDigest): void {
    this.chain(digest)
      .then(async (chain) => void (chain ?? (await this.solving.result(digest))))
      .catch(() => {});
  }

  async #findChain(vertex: Vertex): Promise<readonly DiffId[] | undefined> {
    const { request, cache } = this.solving;
    const operation = operationOf(request, vertex);
    if (operation.chain !== undefined) {
      const inputs = await Promise.all(vertex.inputs.map((input) => this.chain(input)));
      return inputs.includes(undefined)
        ? undefined
        : operation.chain(vertex, inputs as (readonly DiffId[])[]);
    }
    if (!operation.cached || vertex.meta.ignoreCache) return undefined;
    const { key } = await this.key(vertex.digest);
    const added = cache.lookup(key) ?? cache.promised?.(key)?.layers;
    if (added === undefined) return undefined;
    const base = vertex.inputs[0];
    const below = base === undefined ? [] : await this.chain(base);
    return below && [...below, ...added];
  }
}
