import { hostPlatform, type Layer, type Platform, type Store, unpackImage } from '../../layers/index.ts';
import type { ResolvedImage } from '../dockerfile/lower/request.ts';
import type { ImageSourceOp } from '../llb/op.ts';
import { type FoundImage, findOrPull, type ResolveOptions } from './images.ts';
import { findInLayout } from './layout-image.ts';

const LAYOUT = 'oci-layout://';

/** Images that one build names: each found (or pulled) once, its layers unpacked when a step needs them. */
export class ImageResolver {
  readonly #found = new Map<string, Promise<FoundImage>>();
  readonly #byManifest = new Map<string, FoundImage>();

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
        : findOrPull(this.store, ref, { ...this.options, platform });
      this.#found.set(key, found);
    }
    const image = await found;
    const { digest } = image.image.descriptor;
    this.#byManifest.set(digest, image);
    return { ref: image.name, manifest: digest, config: image.image.config };
  }

  layers(op: ImageSourceOp): Promise<readonly Layer[]> {
    const image = this.#byManifest.get(op.manifest);
    if (image === undefined) throw new Error(`The image ${op.ref} was not resolved in this build`);
    return unpackImage(this.store, image.image);
  }
}
