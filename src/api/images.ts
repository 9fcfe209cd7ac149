import {
  choosePlatform,
  type Descriptor,
  type Digest,
  formatPlatform,
  hostPlatform,
  imageName,
  type Platform,
  parseReference,
  type Reference,
  readImage,
  type Store,
  type StoredImage,
  StoreError,
  unpackImage,
} from '../../layers/index.ts';
import type { Report } from '../progress/events.ts';
import type { ContainerImage } from '../runtime/container.ts';
import { ApiError } from './errors.ts';

/** An image of one platform, as the store has it. */
export interface FoundImage {
  /** Normalised name, or the id it was found by. */
  readonly name: string;
  /** What the name points at: a manifest or an index. */
  readonly target: Descriptor;
  readonly image: StoredImage;
  /** Where its layers are still to be had, when only what it is was fetched. */
  readonly pending?: Reference;
}

export interface ResolveOptions {
  readonly pull: 'always' | 'missing' | 'never';
  readonly platform?: Platform;
  /** Only what the image is, not its layers: nothing is downloaded but a few documents. */
  readonly describeOnly?: boolean;
  readonly report?: Report;
  readonly signal?: AbortSignal;
}

/** The image with its layers ready to be stacked; pulled when the policy says so. */
export async function resolveImage(
  store: Store,
  text: string,
  options: ResolveOptions,
): Promise<ContainerImage> {
  const { image } = await findOrPull(store, text, options);
  if (options.platform !== undefined) requirePlatform(image, text, options.platform);
  return {
    name: text,
    id: configDigest(image),
    config: image.config,
    layers: await unpackImage(store, image),
  };
}

/** An image that is not an index is found whatever its platform: who asks for one must get that. */
function requirePlatform({ config }: StoredImage, text: string, wanted: Platform): void {
  const { os, architecture, variant } = config;
  if (choosePlatform(wanted, [{ os, architecture, ...(variant && { variant }) }], (own) => own) !== undefined)
    return;
  throw new ApiError(
    'NO_SUCH_IMAGE',
    text,
    `image with reference ${text} was found but does not provide the specified platform (${formatPlatform(wanted)}): it is for ${os}/${architecture}; pull the other one with --pull always`,
  );
}

/** From the store, else from its registry. A name that is in the store needs no network unless `pull` is `always`. */
export async function findOrPull(store: Store, text: string, options: ResolveOptions): Promise<FoundImage> {
  const platform = options.platform ?? hostPlatform();
  const local = options.pull === 'always' && !isImageId(text) ? undefined : findImage(store, text, platform);
  if (local !== undefined) return local;
  if (options.pull === 'never' || isFullImageId(text)) {
    throw new ApiError('NO_SUCH_IMAGE', text, `No such image: ${text}`);
  }
  const { fetchImage, pullImage } = await import('../registry/pull.ts');
  const { report, signal } = options;
  const reference = parseReference(text);
  const pullOptions = { ...(report && { report }), ...(signal && { signal }) };
  if (options.describeOnly) {
    const { target, ...image } = await fetchImage(store, reference, platform, pullOptions);
    return { name: imageName(reference), target, image, pending: reference };
  }
  const pulled = await pullImage(store, reference, platform, pullOptions);
  return { name: pulled.record.name, target: pulled.record.target, image: pulled };
}

/** By name, by `name@digest`, or by (a prefix of) its id; undefined when the store has no such image for the platform. */
export function findImage(store: Store, text: string, platform: Platform): FoundImage | undefined {
  return findByName(store, text, platform) ?? findById(store, text, platform);
}

function findByName(store: Store, text: string, platform: Platform): FoundImage | undefined {
  let name: string;
  try {
    name = imageName(parseReference(text));
  } catch {
    return undefined;
  }
  const record = store.images.get(name);
  return record && openImage(store, name, record.target, platform);
}

function findById(store: Store, text: string, platform: Platform): FoundImage | undefined {
  if (!isImageId(text)) return undefined;
  const prefix = `sha256:${text.replace(/^sha256:/, '')}`;
  for (const { name, target } of store.images.list()) {
    const found = openImage(store, name, target, platform);
    if (found === undefined) continue;
    const digests = [configDigest(found.image), target.digest, found.image.descriptor.digest];
    if (digests.some((digest) => digest.startsWith(prefix))) return found;
  }
  return undefined;
}

/** Undefined when the image has no such platform, or when a part of it is gone. */
function openImage(
  store: Store,
  name: string,
  target: Descriptor,
  platform: Platform,
): FoundImage | undefined {
  try {
    return { name, target, image: readImage(store.content, target, platform) };
  } catch (error) {
    if (error instanceof StoreError && (error.code === 'UNSUPPORTED' || error.code === 'NOT_FOUND'))
      return undefined;
    throw error;
  }
}

/** The image ID. */
export function configDigest({ manifest }: { readonly manifest: StoredImage['manifest'] }): Digest {
  return manifest.config.digest;
}

/** Whether the text may be an image id or a prefix of one. */
function isImageId(text: string): boolean {
  return /^(sha256:)?[0-9a-f]{4,64}$/.test(text);
}

function isFullImageId(text: string): boolean {
  return /^(sha256:)?[0-9a-f]{64}$/.test(text);
}
