import {
  type ActiveSnapshot,
  applyLayer,
  type DiffId,
  decompress,
  type Store,
  StoreError,
} from '../../layers/index.ts';
import type { Vertex } from '../llb/definition.ts';
import type { Report } from '../progress/events.ts';
import { mapConcurrently, Slots } from '../registry/concurrency.ts';
import type { CacheStore, Promised } from '../solver/cache-store.ts';
import type { CacheContents, KeptMount, LayerBlob } from './contents.ts';
import { openLayoutCache } from './layout-place.ts';
import type { CacheReader } from './place.ts';
import { InternalStep, TransferProgress } from './progress.ts';
import type { CacheImport } from './request.ts';

/** Layers on their way at once. */
const PARALLEL_LAYERS = 3;
/** Milliseconds that the documents of a cache may take: what a build waits for, whatever the registry does. */
const PATIENCE = 20_000;
/** Bytes that one cache mount may have, unpacked. */
const MAX_MOUNT_BYTES = 16 * 2 ** 30;

export interface ImportContext {
  readonly store: Store;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Where a layer or a cache mount of another cache can be had. */
export interface ImportedBlob {
  readonly blob: LayerBlob;
  readonly reader: CacheReader;
}

interface Source {
  readonly reader: CacheReader;
  readonly contents: CacheContents;
  readonly mounts: boolean;
}

/**
 * The caches of `--cache-from`. Only what they say is read at once; a layer comes in when a step needs it, verified by
 * its digests. Whatever goes wrong is told, and the step is run.
 */
export class ImportedCaches {
  readonly #sources: Source[] = [];
  readonly #fetched = new Map<string, Promise<string | undefined>>();
  readonly #slots = new Slots(PARALLEL_LAYERS);
  /** What could not be had: not tried again. */
  readonly #broken = new Set<DiffId>();

  private constructor(readonly context: ImportContext) {}

  /** Reads what the caches say. Fails only for one whose errors are not to be ignored. */
  static async open(requests: readonly CacheImport[], context: ImportContext): Promise<ImportedCaches> {
    const caches = new ImportedCaches(context);
    try {
      await mapConcurrently(requests, requests.length, context.signal, (request) => caches.#add(request));
    } catch (error) {
      caches.close();
      throw error;
    }
    return caches;
  }

  close(): void {
    for (const reader of new Set(this.#sources.map((source) => source.reader))) reader.close();
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
          fetched = this.#fetch(key, step, local, signal);
          this.#fetched.set(key, fetched);
        }
        return fetched;
      },
    };
  }

  selection(key: string): readonly string[] | undefined {
    for (const { contents } of this.#sources) {
      const digests = contents.selections.get(key);
      if (digests !== undefined) return digests;
    }
    return undefined;
  }

  /** Where the bytes of a layer can be had. */
  blob(diffId: DiffId): ImportedBlob | undefined {
    if (this.#broken.has(diffId)) return undefined;
    for (const { contents, reader } of this.#sources) {
      const blob = contents.blobs.get(diffId);
      if (blob !== undefined) return { blob, reader };
    }
    return undefined;
  }

  /** Cache mounts by key; of one that several caches have, the first one's. */
  mounts(): ReadonlyMap<string, KeptMount> {
    const sources = this.#sources.filter(({ mounts }) => mounts).reverse();
    return new Map(sources.flatMap(({ contents }) => [...contents.mounts]));
  }

  /** The content of a cache mount, in a snapshot of its own; undefined when no cache has it, or it cannot be had. */
  async restore(key: string, signal: AbortSignal | undefined): Promise<ActiveSnapshot | undefined> {
    const mount = this.mounts().get(key);
    const source = mount && this.blob(mount.diffId);
    if (mount === undefined || source === undefined) return undefined;
    const snapshot = this.context.store.snapshots.prepare([]);
    const progress = new InternalStep(this.context.report, `[internal] importing cache mount ${mount.id}`);
    try {
      await this.#unpackMount(source, mount, snapshot, progress);
      progress.done();
      return snapshot;
    } catch (error) {
      snapshot.abort();
      signal?.throwIfAborted();
      progress.done(error);
      this.#warn(source.reader, `Cannot import the cache mount "${mount.id}"`, error);
      return undefined;
    }
  }

  async #add({ source, ignoreError, mounts }: CacheImport): Promise<void> {
    const label = source.type === 'registry' ? source.ref : source.path;
    const progress = new InternalStep(this.context.report, `importing cache manifest from ${label}`);
    try {
      const reader = await this.#open(source);
      try {
        const found = await patiently(reader.contents(), this.context.signal);
        for (const contents of found) this.#sources.push({ reader, contents, mounts });
        if (found.length === 0) {
          reader.close();
          progress.note(`no cache there yet\n`);
        }
      } catch (error) {
        reader.close();
        throw error;
      }
      progress.done();
    } catch (error) {
      this.context.signal.throwIfAborted();
      progress.done(error);
      if (!ignoreError) throw error;
      this.#warn({ label }, 'Cannot import the cache', error);
    }
  }

  async #open(source: CacheImport['source']): Promise<CacheReader> {
    if (source.type === 'local') return openLayoutCache(source);
    const { openRegistryCache } = await import('./registry-place.ts');
    const { signal } = this.context;
    return openRegistryCache(source.ref, { signal, ...(source.insecure && { insecure: true }) });
  }

  #promised(key: string): Promised | undefined {
    for (const { contents, reader } of this.#sources) {
      const layers = contents.steps.get(key);
      if (layers !== undefined) return { layers, from: reader.label };
    }
    return undefined;
  }

  async #fetch(
    key: string,
    step: Vertex,
    local: CacheStore,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    for (const { contents, reader } of this.#sources) {
      const layers = contents.steps.get(key);
      if (layers === undefined || !layers.every((diffId) => this.#isWithinReach(diffId))) continue;
      try {
        await mapConcurrently(layers, PARALLEL_LAYERS, signal, (diffId) => this.#bring(diffId, step));
        local.save(key, layers, { name: step.meta.name, parts: [] });
        return reader.label;
      } catch (error) {
        signal.throwIfAborted();
        this.#warn(reader, `Cannot import the result of "${step.meta.name}"`, error);
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

  async #unpackMount(
    { blob, reader }: ImportedBlob,
    { diffId, mode, uid, gid }: KeptMount,
    snapshot: ActiveSnapshot,
    step: InternalStep,
  ): Promise<void> {
    const { store, report } = this.context;
    const progress = new TransferProgress(report, step.digest, blob);
    if (blob.size > MAX_MOUNT_BYTES)
      throw new StoreError('LIMIT_EXCEEDED', blob.digest, `It has more than ${MAX_MOUNT_BYTES} bytes`);
    if (store.content.info(blob.digest) === undefined)
      await store.content.put(progress.counted(reader.open(blob, 0), 0), blob);
    const directory = snapshot.root().upper!;
    const tar = decompress(store.content.read(blob.digest), blob.mediaType);
    const unpacked = await applyLayer(tar, directory, { limits: { bytes: MAX_MOUNT_BYTES } });
    if (unpacked.diffId !== diffId)
      throw new StoreError('DIGEST_MISMATCH', diffId, `Its files have the diff ID ${unpacked.diffId}`);
    const { chmodSync, chownSync } = await import('node:fs');
    chownSync(directory, uid, gid);
    chmodSync(directory, mode);
  }

  #warn({ label }: Pick<CacheReader, 'label'>, what: string, error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.context.report({ kind: 'warning', short: `${what} from ${label}: ${reason}` });
  }
}

/** What a registry takes too long for is given up. */
function patiently<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const limit = setTimeout(
      () => reject(new StoreError('SYSTEM', 'cache', `No answer within ${PATIENCE / 1000} seconds`)),
      PATIENCE,
    );
    const stop = () => reject(signal.reason);
    signal.addEventListener('abort', stop, { once: true });
    work.then(resolve, reject).finally(() => {
      clearTimeout(limit);
      signal.removeEventListener('abort', stop);
    });
  });
}
