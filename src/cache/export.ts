import { Readable } from 'node:stream';
import {
  type Descriptor,
  type DiffId,
  digestOf,
  type Manifest,
  MediaType,
  type Store,
} from '../../layers/index.ts';
import {
  encodeLayer,
  foretoldEncoding,
  knownEncoding,
  type LayerForm,
  needsEncoding,
} from '../exporter/encode-layer.ts';
import type { Report } from '../progress/events.ts';
import { mapConcurrently } from '../registry/concurrency.ts';
import {
  CACHE_CONFIG_TYPE,
  type CacheContents,
  formatContents,
  type KeptMount,
  type LayerBlob,
} from './contents.ts';
import type { ImportedCaches } from './imported.ts';
import { openLayoutTarget } from './layout-place.ts';
import { archiveMount, measureMount, rootOf } from './mount-archive.ts';
import type { CacheWriter } from './place.ts';
import { InternalStep, TransferProgress } from './progress.ts';
import type { CacheExport } from './request.ts';

/** Blobs on the wire at once. */
const PARALLEL_BLOBS = 4;
/** As many as a manifest may name, some left for cache mounts. */
const MAX_LAYERS = 900;
const GZIP: LayerForm = { compression: 'gzip' };
const ZSTD: LayerForm = { compression: 'zstd' };

/** A cache mount that is to be kept. */
export interface MountToKeep {
  readonly key: string;
  readonly id: string;
  /** A step used it in this build, so that what is here is newer than anywhere else. */
  readonly used: boolean;
  /** Has its directory read, while nobody prunes it; undefined when it is not here. */
  read<T>(body: (directory: string) => Promise<T>): Promise<T | undefined>;
}

/** What a build knows of its cache when it is over. */
export interface BuildCache {
  readonly steps: ReadonlyMap<string, readonly DiffId[]>;
  readonly selections: ReadonlyMap<string, readonly string[]>;
  /** Layers of the image itself. */
  readonly image: ReadonlySet<DiffId>;
  readonly mounts: readonly MountToKeep[];
}

export interface ExportContext {
  readonly store: Store;
  readonly imported: ImportedCaches | undefined;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** Puts the cache of a build in each place. What goes wrong is told; it fails only where that is asked for. */
export async function exportCaches(
  requests: readonly CacheExport[],
  cache: BuildCache,
  context: ExportContext,
): Promise<void> {
  for (const request of requests) {
    if (request.target.type === 'inline') continue;
    const { type } = request.target;
    const step = new InternalStep(
      context.report,
      `exporting cache to ${type === 'local' ? 'client directory' : type}`,
    );
    try {
      const writer = await openTarget(request, context.signal);
      try {
        await new CacheExporter(writer, request, cache, context, step).run();
      } finally {
        writer.close();
      }
      step.done();
    } catch (error) {
      context.signal.throwIfAborted();
      step.done(error);
      if (!request.ignoreError) throw error;
      const reason = error instanceof Error ? error.message : String(error);
      context.report({ kind: 'warning', short: `Cannot export the cache to ${placeOf(request)}: ${reason}` });
    }
  }
}

function placeOf({ target }: CacheExport): string {
  return target.type === 'registry' ? target.ref : target.type === 'local' ? target.path : target.type;
}

async function openTarget({ target }: CacheExport, signal: AbortSignal): Promise<CacheWriter> {
  if (target.type === 'local') return openLayoutTarget(target);
  if (target.type === 'inline') throw new Error('An inline cache goes with the image');
  const { openRegistryTarget } = await import('./registry-place.ts');
  return openRegistryTarget(target.ref, { signal, ...(target.insecure && { insecure: true }) });
}

class CacheExporter {
  #current: CacheContents | undefined;

  constructor(
    readonly writer: CacheWriter,
    readonly request: CacheExport,
    readonly cache: BuildCache,
    readonly context: ExportContext,
    readonly step: InternalStep,
  ) {}

  async run(): Promise<void> {
    this.#current = await this.writer.current();
    const { steps, selections } = this.cache;
    const blobs = new Map(await this.#layers());
    const mounts = new Map<string, KeptMount>();
    if (this.request.mounts) {
      for (const mount of this.cache.mounts) {
        const kept = await this.#mount(mount);
        if (kept === undefined) continue;
        mounts.set(mount.key, kept.mount);
        blobs.set(kept.mount.diffId, kept.blob);
      }
    }
    const { config, layers } = formatContents({ steps, selections, mounts, blobs });
    const configBlob = { mediaType: CACHE_CONFIG_TYPE, digest: digestOf(config), size: config.length };
    const manifest: Manifest = {
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config: configBlob,
      layers,
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    await this.writer.put(configBlob, () => Readable.from([config], { objectMode: false }));
    const descriptor: Descriptor = {
      mediaType: manifest.mediaType,
      digest: digestOf(bytes),
      size: bytes.length,
    };
    await this.writer.finish(bytes, manifest, descriptor);
    this.step.note(
      `${steps.size} steps, ${layers.length - mounts.size} layers, ${mounts.size} cache mounts: ${descriptor.digest}\n`,
    );
  }

  /** The layers of the steps that are to be kept, with their blobs where they go. */
  async #layers(): Promise<(readonly [DiffId, LayerBlob])[]> {
    const { steps, image } = this.cache;
    const all = [...new Set([...steps.values()].flat())];
    const wanted = this.request.mode === 'max' ? all : all.filter((diffId) => image.has(diffId));
    if (wanted.length > MAX_LAYERS) this.step.note(`of ${wanted.length} layers ${MAX_LAYERS} are kept\n`);
    const put = await mapConcurrently(
      wanted.slice(-MAX_LAYERS),
      PARALLEL_BLOBS,
      this.context.signal,
      async (diffId) => [diffId, await this.#layer(diffId)] as const,
    );
    return put.filter((pair): pair is [DiffId, LayerBlob] => pair[1] !== undefined);
  }

  /** Undefined for one that is nowhere: its step will be run by whoever needs its files. */
  async #layer(diffId: DiffId): Promise<LayerBlob | undefined> {
    const { store, imported } = this.context;
    const there = this.request.form?.force ? undefined : this.#current?.blobs.get(diffId);
    if (there !== undefined && (await this.writer.has(there.digest))) return there;
    const own = store.blobOf(diffId);
    if (own !== undefined) {
      const blob = await this.#encoded(own);
      await this.#put(blob, (offset) => store.content.read(blob.digest, offset));
      return blob;
    }
    const other = imported?.blob(diffId);
    if (other === undefined) return undefined;
    await this.#put(other.blob, (offset) => other.reader.open(other.blob, offset));
    return other.blob;
  }

  async #encoded(layer: LayerBlob): Promise<LayerBlob> {
    const { store, signal } = this.context;
    const { form } = this.request;
    if (!needsEncoding(layer, form ?? GZIP)) return layer;
    const known = form === undefined ? knownEncoding(store, layer, ZSTD) : undefined;
    if (known !== undefined) return known;
    // What was pushed as zstd does not become gzip here; and what the repository has need not be made again.
    const pushed = (form === undefined ? [ZSTD, GZIP] : [form]).find((one) =>
      foretoldEncoding(store, layer, one),
    );
    const foretold = pushed && foretoldEncoding(store, layer, pushed);
    if (foretold !== undefined && (await this.writer.has(foretold.digest))) return foretold;
    return await encodeLayer(store, layer, form ?? pushed ?? GZIP, { signal });
  }

  async #put(blob: LayerBlob, open: (offset: number) => Readable): Promise<void> {
    const progress = new TransferProgress(this.context.report, this.step.digest, blob, 'writing layer ');
    await this.writer.put(blob, (offset) => progress.counted(open(offset), offset));
  }

  /** What is newest of a cache mount: of this build, of a cache that was imported, or of an earlier build. */
  async #mount(mount: MountToKeep): Promise<{ mount: KeptMount; blob: LayerBlob } | undefined> {
    const { signal, imported } = this.context;
    const elsewhere = imported?.mounts().get(mount.key);
    if (mount.used || elsewhere === undefined)
      return await mount
        .read((directory) => this.#ownMount(mount, directory))
        .catch((error: unknown) => {
          // Others may be writing to it: then it is not kept this time.
          signal.throwIfAborted();
          this.step.note(`the cache mount "${mount.id}" is left out: ${(error as Error).message}\n`);
          return undefined;
        });
    const source = imported?.blob(elsewhere.diffId);
    if (source === undefined) return undefined;
    await this.#put(source.blob, (offset) => source.reader.open(source.blob, offset));
    return { mount: elsewhere, blob: source.blob };
  }

  async #ownMount({ id }: MountToKeep, directory: string) {
    const { store, signal } = this.context;
    const limit = this.request.mountLimit;
    const measured = await measureMount(directory, limit, signal);
    if (measured === undefined) {
      this.step.note(`the cache mount "${id}" is left out: it has more than ${limit} bytes (mounts-limit)\n`);
      return undefined;
    }
    const root = rootOf(directory);
    const there = this.#current?.blobs.get(measured);
    if (there !== undefined && (await this.writer.has(there.digest)))
      return { mount: { id, diffId: measured, ...root }, blob: there };
    const { diffId, blob } = await archiveMount(store, directory, this.request.form ?? GZIP, signal);
    await this.#put(blob, (offset) => store.content.read(blob.digest, offset));
    return { mount: { id, diffId, ...root }, blob };
  }
}
