import type { ActiveSnapshot, DiffId } from '../../layers/index.ts';
import type { CacheStore, Promised } from '../solver/cache-store.ts';
import type { KeptMount } from './contents.ts';
import { type ImportedBlob, LayerFetcher } from './fetch-layers.ts';
import { closeSources, type ImportContext, readSources, type Source } from './import-source.ts';
import type { CacheImport } from './request.ts';
import { restoreMount } from './restore-mount.ts';

/**
 * The caches of `--cache-from`. Only what they say is read at once; a layer comes in when a step needs it, verified by
 * its digests. Whatever goes wrong is told, and the step is run.
 */
export class ImportedCaches {
  readonly #fetched = new Map<string, Promise<string | undefined>>();
  readonly #fetcher: LayerFetcher;

  private constructor(
    readonly sources: readonly Source[],
    readonly context: ImportContext,
  ) {
    this.#fetcher = new LayerFetcher(sources, context);
  }

  /** Reads what the caches say. Fails only for one whose errors are not to be ignored. */
  static async open(requests: readonly CacheImport[], context: ImportContext): Promise<ImportedCaches> {
    return new ImportedCaches(await readSources(requests, context), context);
  }

  close(): void {
    closeSources(this.sources);
  }

  /** The store's cache, and behind it these. */
  behind(local: CacheStore): CacheStore {
    return {
      lookup: (key) => local.lookup(key),
      save: (key, layers, step) => local.save(key, layers, step),
      exclusive: (key, body, signal) => local.exclusive(key, body, signal),
      promised: (key) => this.#promised(key),
      fetch: (key, step, signal) => {
        let fetched = this.#fetched.get(key);
        if (fetched === undefined) {
          fetched = this.#fetcher.fetch(key, step, local, signal);
          this.#fetched.set(key, fetched);
        }
        return fetched;
      },
    };
  }

  selection(key: string): readonly string[] | undefined {
    for (const { contents } of this.sources) {
      const digests = contents.selections.get(key);
      if (digests !== undefined) return digests;
    }
    return undefined;
  }

  /** Where the bytes of a layer can be had. */
  blob(diffId: DiffId): ImportedBlob | undefined {
    return this.#fetcher.blob(diffId);
  }

  /** Cache mounts by key; of one that several caches have, the first one's. */
  mounts(): ReadonlyMap<string, KeptMount> {
    const sources = this.sources.filter(({ mounts }) => mounts).reverse();
    return new Map(sources.flatMap(({ contents }) => [...contents.mounts]));
  }

  /** The content of a cache mount, in a snapshot of its own; undefined when no cache has it, or it cannot be had. */
  async restore(key: string, signal: AbortSignal | undefined): Promise<ActiveSnapshot | undefined> {
    const mount = this.mounts().get(key);
    const source = mount && this.blob(mount.diffId);
    if (mount === undefined || source === undefined) return undefined;
    return await restoreMount(mount, source, this.context, signal);
  }

  #promised(key: string): Promised | undefined {
    for (const { contents, reader } of this.sources) {
      const layers = contents.steps.get(key);
      if (layers !== undefined) return { layers, from: reader.label };
    }
    return undefined;
  }
}
