import {
  type Descriptor,
  type DiffId,
  type Digest,
  hostPlatform,
  type Layer,
  type Platform,
  type Reference,
  type Store,
  unpackImage,
} from '../../layers/index.ts';
import type { ResolvedImage } from '../dockerfile/lower/request.ts';
import type { ImageSourceOp } from '../llb/op.ts';
import { type FoundImage, findOrPull, type ResolveOptions } from './images.ts';
import { findInLayout } from './layout-image.ts';

const LAYOUT = 'oci-layout://';

/**
 * Images that one build names: each found (or its description fetched) once; its layers are fetched and unpacked when a
 * step needs them, beside the steps that do not.
 */
export class ImageResolver {
  readonly #found = new Map<string, Promise<FoundImage>>();
  readonly #byManifest = new Map<string, FoundImage>();
  readonly #completed = new Map<string, Promise<void>>();

  constructor(
    readonly store: Store,
    readonly options: Omit<ResolveOptions, 'platform'>,
  ) {}

  async resolve(ref: string, platform: Platform = hostPlatform()): Promise<ResolvedImage> {
    const key = JSON.stringify([ref, platform]);
    let found = this.#found.get(key);
    if (found === undefined) {
      found = ref.startsWith(LAYOUT)
        ? findInLayout(this.store, ref.slice(LAYOUT.length), platform, this.options.signal)
        : findOrPull(this.store, ref, { ...this.options, platform, describeOnly: true });
      this.#found.set(key, found);
    }
    const image = await found;
    const { digest } = image.image.descriptor;
    this.#byManifest.set(digest, image);
    return { ref: image.name, manifest: digest, config: image.image.config };
  }

  /** The name that the build wrote, and the digest that it stood for: of an index, if it is one. */
  targetOf(op: ImageSourceOp): { readonly name: string; readonly digest: Digest } {
    const { name, target } = this.#imageOf(op.manifest);
    return { name, digest: target.digest };
  }

  /** Diff IDs of its layers, which need not be here. */
  chain(op: ImageSourceOp): readonly DiffId[] {
    return this.#imageOf(op.manifest).image.config.rootfs.diff_ids;
  }

  /** How its manifest names its layers, by diff ID, and where they are to be had if they are not here. */
  blobs(manifest: string): ReadonlyMap<DiffId, { readonly blob: Descriptor; readonly from?: Reference }> {
    const { image, pending } = this.#imageOf(manifest);
    const from = pending && { from: pending };
    const { diff_ids } = image.config.rootfs;
    return new Map(diff_ids.map((id, index) => [id, { blob: image.manifest.layers[index]!, ...from }]));
  }

  async layers(op: ImageSourceOp, vertex?: string): Promise<readonly Layer[]> {
    await this.complete(op.manifest, vertex);
    return await unpackImage(this.store, this.#imageOf(op.manifest).image);
  }

  /** Brings what of an image is still only in its registry; `vertex` is the step that progress is told for. */
  complete(manifest: string, vertex = ''): Promise<void> {
    let completed = this.#completed.get(manifest);
    if (completed === undefined) {
      completed = this.#pull(this.#imageOf(manifest), vertex);
      this.#completed.set(manifest, completed);
    }
    return completed;
  }

  async #pull({ image, target, pending }: FoundImage, vertex: string): Promise<void> {
    if (pending === undefined) return;
    const { report, signal } = this.options;
    const { completeImage } = await import('../registry/pull.ts');
    const options = { vertex, ...(report && { report }), ...(signal && { signal }) };
    await completeImage(this.store, pending, { ...image, target }, options);
  }

  #imageOf(manifest: string): FoundImage {
    const image = this.#byManifest.get(manifest);
    if (image === undefined) throw new Error(`The image ${manifest} was not resolved in this build`);
    return image;
  }
}
