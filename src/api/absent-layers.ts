import {
  type Descriptor,
  type DiffId,
  parseReference,
  type Reference,
  type Store,
} from '../../layers/index.ts';
import type { ImportedCaches } from '../cache/imported.ts';
import { InternalStep } from '../cache/progress.ts';
import { needsEncoding } from '../exporter/encode-layer.ts';
import type { Report } from '../progress/events.ts';
import { openPusher, type Pusher } from '../registry/pusher.ts';
import { RegistryError } from '../registry/registry.ts';
import type { ImageResolver } from './image-resolver.ts';
import type { OutputPlan, PlannedOutput } from './outputs.ts';

interface Sources {
  readonly store: Store;
  readonly imported: ImportedCaches;
  readonly images: ImageResolver;
  /** Manifest of the image that this one is based on. */
  readonly base: string | undefined;
  readonly report: Report;
  readonly signal: AbortSignal;
}

/** A blob that an image names, and the repository that has it. */
interface LentBlob {
  readonly blob: Descriptor;
  readonly from: Pick<Reference, 'domain' | 'path'> | undefined;
}

/**
 * The layers of an image that may stay where they are: in the registry of a cache or of its base, since whoever wants the
 * image has them or takes them over from there.
 */
export class AbsentLayers {
  #blobs: ReadonlyMap<DiffId, Descriptor> | undefined;

  private constructor(
    readonly plan: OutputPlan,
    readonly sources: Sources,
  ) {}

  /** Undefined when the files of the result are wanted here: to be kept, run, looked at or written. */
  static of(plan: OutputPlan, sources: Sources): AbsentLayers | undefined {
    const { images } = sources.store;
    const isOnlyPassedOn =
      plan.outputs.length > 0 &&
      plan.outputs.every(isPassedOn) &&
      !plan.rewriteTimestamps &&
      // An image of that name is kept here: it is to be replaced by this one.
      plan.names.every((name) => images.get(name) === undefined);
    const isNamedForNobody = plan.names.length > 0 && !plan.outputs.some(({ options }) => options.push);
    return isOnlyPassedOn && !isNamedForNobody ? new AbsentLayers(plan, sources) : undefined;
  }

  /** Some layers are left where they are. */
  get any(): boolean {
    return this.#blobs !== undefined;
  }

  /** The store, which also tells how a manifest can name the layers that it has not. */
  get store(): Store {
    const { store } = this.sources;
    return { ...store, blobOf: (diffId) => store.blobOf(diffId) ?? this.#blobs?.get(diffId) };
  }

  /** Whether an image of these layers can go where it should without those that are not here: has registries lend them. */
  async suffice(layers: readonly DiffId[]): Promise<boolean> {
    const { store, images, imported, base, signal } = this.sources;
    const ofBase = base === undefined ? undefined : images.blobs(base);
    const lent = new Map<DiffId, LentBlob>();
    for (const diffId of layers) {
      const known = ofBase?.get(diffId);
      const isHere =
        known === undefined ? store.blobOf(diffId) : store.content.info(known.blob.digest) !== undefined;
      if (isHere) continue;
      const found = imported.blob(diffId);
      const blob = known?.blob ?? found?.blob;
      if (blob === undefined) return false;
      lent.set(diffId, { blob, from: known?.from ?? found?.reader.repository });
    }
    if (lent.size === 0 || !(await this.#reach([...lent.values()], signal))) return false;
    this.#blobs = new Map([...lent].map(([diffId, { blob }]) => [diffId, blob]));
    return true;
  }

  /** Has every repository that the image goes to have the blobs; false when one of them cannot have them this way. */
  async #reach(blobs: readonly LentBlob[], signal: AbortSignal): Promise<boolean> {
    const { outputs, names } = this.plan;
    for (const { options } of outputs.filter(({ options: { push } }) => push)) {
      if (blobs.some(({ blob }) => needsEncoding(blob, { compression: 'gzip' }))) return false;
      for (const name of names) {
        const reference = parseReference(name);
        const pusher = await openPusher(reference, { signal, insecure: options.insecure });
        try {
          for (const lent of blobs) if (!(await lend(pusher, reference, lent))) return false;
        } catch (error) {
          // Lending is a shortcut: what keeps the image from being pushed is told by the push.
          if (!(error instanceof RegistryError)) throw error;
          this.#tell(name, `Not possible, so they are fetched: ${error.message}`);
          return false;
        } finally {
          pusher.close();
        }
        const stay = blobs.length === 1 ? 'layer stays' : 'layers stay';
        this.#tell(name, `${blobs.length} ${stay} in the registry: no image is kept here`);
      }
    }
    return true;
  }

  #tell(name: string, text: string): void {
    const step = new InternalStep(this.sources.report, `[internal] lending layers to ${name}`);
    step.note(`${text}\n`);
    step.done();
  }
}

/** Whether the repository has the blob, or takes it over from another of its registry. */
async function lend(pusher: Pusher, { domain, path }: Reference, { blob, from }: LentBlob): Promise<boolean> {
  if (await pusher.hasBlob(blob.digest)) return true;
  if (from === undefined || from.domain !== domain || from.path === path) return false;
  return await pusher.mount(blob.digest, from.path);
}

/** Whether nothing of the image has to be here for this output. */
function isPassedOn({ output, options }: PlannedOutput): boolean {
  if (output.type === 'cacheonly') return true;
  const { push, store, form, canonical, danglingPrefix } = options;
  const isKept = store === true || canonical || danglingPrefix !== undefined;
  return output.type === 'image' && push && !isKept && form === undefined;
}
