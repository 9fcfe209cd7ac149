import type { DiffId } from '../../layers/index.ts';
import type { Vertex } from '../llb/definition.ts';
import { mapConcurrently, Slots } from '../registry/concurrency.ts';
import type { CacheStore } from '../solver/cache-store.ts';
import type { LayerBlob } from './contents.ts';
import { type ImportContext, type Source, warn } from './import-source.ts';
import type { CacheReader } from './place.ts';
import { TransferProgress } from './progress.ts';

/** Layers on their way at once. */
const PARALLEL_LAYERS = 3;

/** Where a layer or a cache mount of another cache can be had. */
export interface ImportedBlob {
  readonly blob: LayerBlob;
  readonly reader: CacheReader;
}

/** Brings layers of other caches into the store, each once. */
export class LayerFetcher {
  readonly #slots = new Slots(PARALLEL_LAYERS);
  /** What could not be had: not tried again. */
  readonly #broken = new Set<DiffId>();

  constructor(
    readonly sources: readonly Source[],
    readonly context: ImportContext,
  ) {}

  /** Where the bytes of a layer can be had. */
  blob(diffId: DiffId): ImportedBlob | undefined {
    if (this.#broken.has(diffId)) return undefined;
    for (const { contents, reader } of this.sources) {
      const blob = contents.blobs.get(diffId);
      if (blob !== undefined) return { blob, reader };
    }
    return undefined;
  }

  /** Brings the result of a step and records it; resolves with where it came from, or undefined when it cannot be had. */
  async fetch(
    key: string,
    step: Vertex,
    local: CacheStore,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    for (const { contents, reader } of this.sources) {
      const layers = contents.steps.get(key);
      if (layers === undefined || !layers.every((diffId) => this.#isWithinReach(diffId))) continue;
      try {
        await mapConcurrently(layers, PARALLEL_LAYERS, signal, (diffId) => this.#bring(diffId, step));
        local.save(key, layers, { name: step.meta.name, parts: [] });
        return reader.label;
      } catch (error) {
        signal.throwIfAborted();
        warn(this.context, reader, `Cannot import the result of "${step.meta.name}"`, error);
      }
    }
    return undefined;
  }

  #isWithinReach(diffId: DiffId): boolean {
    return this.context.store.snapshots.layer(diffId) !== undefined || this.blob(diffId) !== undefined;
  }

  async #bring(diffId: DiffId, step: Vertex): Promise<void> {
    const { store, report, signal } = this.context;
    await this.#slots.run(async () => {
      if (store.snapshots.layer(diffId) !== undefined) return;
      const { blob, reader } = this.blob(diffId)!;
      const progress = new TransferProgress(report, step.digest, blob);
      const unpack = () =>
        store.unpack(blob, diffId, (offset) => progress.counted(reader.open(blob, offset), offset));
      try {
        await store.records.exclusive('pull', blob.digest.replace(':', '.'), unpack, signal);
      } catch (error) {
        this.#broken.add(diffId);
        throw error;
      }
    }, signal);
  }
}
