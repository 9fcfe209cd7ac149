import type { DiffId, Layer } from '../../layers/index.ts';
import type { MountToKeep } from '../cache/export.ts';
import type { ImportedCaches } from '../cache/imported.ts';
import type { ExecOp } from '../llb/op.ts';
import {
  type CacheMount,
  type CacheMountOrigin,
  cacheMountKey,
  readCacheMount,
} from '../ops/cache-mounts.ts';
import { type Selections, storedSelections } from '../ops/selections.ts';
import { type CacheStore, localCache } from '../solver/cache-store.ts';
import type { SolvedStep } from '../solver/operation.ts';
import type { AbsentLayers } from './absent-layers.ts';
import { type CachePlan, planCaches } from './cache-options.ts';
import type { ImageResolver } from './image-resolver.ts';
import type { OpenRequest } from './open-request.ts';
import type { OutputPlan } from './outputs.ts';
import type { BuildRequest } from './types.ts';

type Context = Pick<OpenRequest, 'store' | 'report' | 'signal'>;

/** Where the steps of a build find results, and what becomes of those it makes. */
export class CacheUse {
  readonly store: CacheStore;
  readonly selections: Selections;
  /** Undefined: cache mounts are this store's alone. */
  readonly mounts: CacheMountOrigin | undefined;
  readonly #steps = new Map<string, readonly DiffId[]>();
  readonly #selections = new Map<string, readonly string[]>();
  readonly #image = new Set<DiffId>();
  readonly #mounts = new Map<string, { readonly id: string; readonly used: boolean }>();
  readonly #mountIds = new Set<string>();

  constructor(
    readonly plan: CachePlan,
    readonly imported: ImportedCaches | undefined,
    readonly context: Context,
  ) {
    const { records } = context.store;
    const local = localCache(records);
    this.store = imported?.behind(local) ?? local;
    this.selections = storedSelections(
      records,
      (key) => imported?.selection(key),
      (key, digests) => this.#selections.set(key, digests),
    );
    this.mounts = this.#isPlain ? undefined : this.#origin();
  }

  /** To be told of every step of the build. */
  solved({ vertex: { op }, key, layers }: SolvedStep): void {
    this.#steps.set(key, layers);
    if (op.type !== 'exec') return;
    for (const mount of (op as ExecOp).mounts) if (mount.type === 'cache') this.#mentioned(mount);
  }

  /** What the configuration of an image of these layers says of its cache, when that is asked for. */
  async inlineFor(layers: readonly Layer[]): Promise<object | undefined> {
    const diffs = await Promise.all(layers.map(({ diff }) => diff));
    for (const { diffId } of diffs) this.#image.add(diffId);
    if (!this.plan.exports.some(({ target }) => target.type === 'inline')) return undefined;
    const { inlineDocument } = await import('../cache/contents.ts');
    const none = { mounts: new Map(), blobs: new Map() };
    return inlineDocument({ steps: this.#steps, selections: this.#selections, ...none });
  }

  /** What need not be here of an image that only goes elsewhere; undefined where all of it must be. */
  async absentLayers(
    plan: OutputPlan,
    images: ImageResolver,
    base: string | undefined,
  ): Promise<AbsentLayers | undefined> {
    if (this.imported === undefined) return undefined;
    const { AbsentLayers } = await import('./absent-layers.ts');
    return AbsentLayers.of(plan, { ...this.context, imported: this.imported, images, base });
  }

  /** When the image is where it should be. */
  async export(): Promise<void> {
    if (!this.plan.exports.some(({ target }) => target.type !== 'inline')) return;
    const { exportCaches } = await import('../cache/export.ts');
    const cache = {
      steps: this.#steps,
      selections: this.#selections,
      image: this.#image,
      mounts: this.#mountsToKeep(),
    };
    await exportCaches(this.plan.exports, cache, { ...this.context, imported: this.imported });
  }

  close(): void {
    this.imported?.close();
  }

  get #isPlain(): boolean {
    return this.imported === undefined && this.plan.exports.length === 0;
  }

  #origin(): CacheMountOrigin {
    return {
      restore: async (key, signal) => this.imported?.restore(key, signal),
      used: (key, { id }) => this.#mounts.set(key, { id, used: true }),
    };
  }

  #mentioned(mount: CacheMount): void {
    this.#mountIds.add(mount.id);
    // Which one a mount with `from` is shows only when it is used.
    const key = mount.input === undefined ? cacheMountKey(mount) : undefined;
    if (key !== undefined && !this.#mounts.has(key)) this.#mounts.set(key, { id: mount.id, used: false });
  }

  /** Those of this build's steps, also of steps that were cached: nothing is lost by a build that did nothing. */
  #mountsToKeep(): readonly MountToKeep[] {
    const all = new Map(this.#mounts);
    for (const [key, { id }] of this.imported?.mounts() ?? [])
      if (this.#mountIds.has(id) && !all.has(key)) all.set(key, { id, used: false });
    const { store } = this.context;
    return [...all].map(([key, mount]) => ({
      key,
      ...mount,
      read: (body) => readCacheMount(store, key, body),
    }));
  }
}

/** Reads what the request's caches say, if it names some. Throws `BAD_REQUEST`. */
export async function openCache(plan: CachePlan, context: Context): Promise<CacheUse> {
  if (plan.imports.length === 0) return new CacheUse(plan, undefined, context);
  const { ImportedCaches } = await import('../cache/imported.ts');
  return new CacheUse(plan, await ImportedCaches.open(plan.imports, context), context);
}

/** What the request says of caches. `BUILDKIT_INLINE_CACHE=1` is how BuildKit's frontend asks for an inline one. */
export function cachePlanOf({ cacheFrom = [], cacheTo = [], buildArgs = {} }: BuildRequest): CachePlan {
  const inline = /^(?:1|t|true)$/i.test(buildArgs.BUILDKIT_INLINE_CACHE ?? '') ? [{ type: 'inline' }] : [];
  const isAsked = cacheTo.some(({ type }) => type === 'inline');
  return planCaches(cacheFrom, isAsked ? cacheTo : [...cacheTo, ...inline]);
}
