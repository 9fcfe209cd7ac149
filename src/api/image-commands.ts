import type { Readable, Writable } from 'node:stream';
import {
  type ContainerConfig,
  type Descriptor,
  type Digest,
  familiarName,
  formatReference,
  hostPlatform,
  imageName,
  type Platform,
  parseReference,
  type Store,
} from '../../layers/index.ts';
import { importRootfs } from '../exporter/import.ts';
import { type HistoryRow, type InspectedImage, imageHistory, inspectImage } from '../exporter/inspect.ts';
import { type ImageRow, imageRows, type ListedImage, listImages } from '../exporter/listing.ts';
import { type LoadedImage, loadArchive } from '../exporter/load.ts';
import { saveImages } from '../exporter/save.ts';
import type { Report } from '../progress/events.ts';
import { ContainerStore } from '../runtime/container-store.ts';
import { ApiError } from './errors.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export type { HistoryRow, ImageRow, InspectedImage, LoadedImage };

/** Every image, one row a name, newest first. */
export function images(location: StoreLocation = {}): Promise<readonly ImageRow[]> {
  return withStore(location, (store) => imageRows(listImages(store, hostPlatform())));
}

export function inspectImages(
  names: readonly string[],
  location: StoreLocation = {},
): Promise<readonly InspectedImage[]> {
  return withStore(location, (store) => names.map((name) => inspectImage(store, findListed(store, name))));
}

export function history(name: string, location: StoreLocation = {}): Promise<readonly HistoryRow[]> {
  return withStore(location, (store) => imageHistory(store, findListed(store, name)));
}

/** Gives an image another name. */
export function tagImage(source: string, target: string, location: StoreLocation = {}): Promise<void> {
  return withStore(location, (store) => {
    const { target: descriptor } = findListed(store, source);
    const reference = parseReference(target);
    if (reference.digest !== undefined) {
      throw new ApiError(
        'BAD_REQUEST',
        target,
        `Cannot tag ${target}: a name with a digest means that digest: leave the digest out`,
      );
    }
    store.images.set(formatReference(reference), descriptor);
  });
}

/** What removing an image did: names that are gone, and images that are gone with their last name. */
export interface RemovedImage {
  readonly untagged: readonly string[];
  readonly deleted: readonly Digest[];
}

/** Takes a name from an image, and the image itself with its last name. By id: all its names, with `force` if several. */
export function removeImage(
  text: string,
  options: StoreLocation & { readonly force?: boolean } = {},
): Promise<RemovedImage> {
  return withStore(options, async (store) => {
    const all = listImages(store, hostPlatform());
    const image = findIn(all, text);
    if (image === undefined) throw noSuchImage(text);
    const { target } = image;
    const names = store.images
      .list()
      .filter(({ target: { digest } }) => digest === target.digest)
      .map(({ name }) => name);
    const byName = nameOf(store, text);
    if (byName === undefined && names.length > 1 && !options.force) {
      throw new ApiError(
        'CONFLICT',
        text,
        `conflict: unable to delete ${shortId(image.id)} (must be forced) - image is referenced in multiple repositories`,
      );
    }
    const going = byName === undefined ? names : [byName];
    const isLast = going.length === names.length;
    if (isLast && !options.force) refuseUsed(store, image, text);
    for (const name of going) store.images.delete(name);
    return {
      untagged: going
        .filter((name) => !name.startsWith('sha256:'))
        .map((name) => familiarName(parseReference(name))),
      deleted: isLast ? [image.id] : [],
    };
  });
}

function refuseUsed(store: Store, image: ListedImage, text: string): void {
  const user = new ContainerStore(store).list().find(({ imageId }) => imageId === image.id);
  if (user === undefined) return;
  const state = user.status === 'running' ? 'running' : 'stopped';
  throw new ApiError(
    'CONFLICT',
    text,
    `conflict: unable to remove repository reference "${text}" (must force) - container ${user.id.slice(0, 12)} (${state}) is using its referenced image ${shortId(image.id)}`,
  );
}

/** Brings in what `docker save`, `podman save` or any OCI layout holds. */
export function loadImages(
  source: string | Readable,
  { signal, ...location }: StoreLocation & { readonly signal?: AbortSignal } = {},
): Promise<readonly LoadedImage[]> {
  return withStore(location, (store) => loadArchive(store, source, { ...(signal && { signal }) }));
}

/** Writes images as one archive that `docker load`, `podman load` and skopeo read. */
export function saveImageArchive(
  names: readonly string[],
  output: string | Writable,
  options: StoreLocation & { readonly format?: 'docker' | 'oci' } = {},
): Promise<void> {
  return withStore(options, (store) => {
    const known = names.map((name) => storedName(store, name));
    return saveImages(store, known, output, { format: options.format ?? 'docker' });
  });
}

export interface ImportRequest extends StoreLocation {
  readonly tag?: string;
  readonly config?: ContainerConfig;
  readonly message?: string;
  readonly platform?: Platform;
}

/** Makes an image of a root filesystem's tar; resolves with its id. */
export function importImage(tar: Readable, request: ImportRequest = {}): Promise<Digest> {
  return withStore(request, async (store) => (await importRootfs(store, tar, request)).configDigest);
}

export interface TransferRequest extends StoreLocation {
  readonly platform?: Platform;
  /** Told of the progress of each layer. */
  readonly report?: Report;
  /** Told of the full name before anything moves: of a pull, once the registry has it. */
  readonly onTag?: (name: string) => void;
  readonly signal?: AbortSignal;
}

export interface PulledName {
  /** In full, with registry and tag. */
  readonly name: string;
  readonly digest: Digest;
  /** Whether the store had this very image under the name. */
  readonly upToDate: boolean;
}

/** Pulls an image. */
export function pullImage(text: string, request: TransferRequest = {}): Promise<PulledName> {
  return withStore(request, async (store) => {
    const { pullImage: pull } = await import('../registry/pull.ts');
    const reference = parseReference(text);
    const before = store.images.get(imageName(reference))?.target.digest;
    const { report, signal, onTag, platform = hostPlatform() } = request;
    const options = {
      ...(report && { report }),
      ...(signal && { signal }),
      onResolved: () => onTag?.(imageName(reference)),
      tellsPresent: true,
    };
    const { record } = await pull(store, reference, platform, options);
    const { digest } = record.target;
    return { name: record.name, digest, upToDate: digest === before };
  });
}

/** Pushes an image to the registry that its name says; resolves with what the tag now means. */
export function pushImage(name: string, request: TransferRequest = {}): Promise<Descriptor> {
  return withStore(request, async (store) => {
    const { pushName } = await import('../exporter/push.ts');
    const { report, signal, onTag } = request;
    const stored = storedName(store, name, notToPush);
    onTag?.(stored);
    return pushName(store, stored, {
      ...(report && { report }),
      ...(signal && { signal }),
    });
  });
}

/** The name under which the store has what the text means. */
function storedName(store: Store, text: string, missing = noSuchImage): string {
  const name = nameOf(store, text);
  if (name !== undefined) return name;
  const { target } = findListed(store, text, missing);
  return store.images.list().find((record) => record.target.digest === target.digest)!.name;
}

function nameOf(store: Store, text: string): string | undefined {
  try {
    const name = formatReference(parseReference(text));
    return store.images.get(name) && name;
  } catch {
    return undefined;
  }
}

function findListed(store: Store, text: string, missing = noSuchImage): ListedImage {
  const found = findIn(listImages(store, hostPlatform()), text);
  if (found === undefined) throw missing(text);
  return found;
}

/** By name, or by the id or an unambiguous beginning of it. */
function findIn(all: readonly ListedImage[], text: string): ListedImage | undefined {
  const named = all.find(({ tags, digests }) => [...tags, ...digests].includes(familiar(text)));
  if (named !== undefined) return named;
  if (!/^(sha256:)?[0-9a-f]{4,64}$/.test(text)) return undefined;
  const prefix = `sha256:${text.replace(/^sha256:/, '')}`;
  const matches = all.filter(({ id, target }) => id.startsWith(prefix) || target.digest.startsWith(prefix));
  const ids = new Set(matches.map(({ id }) => id));
  if (ids.size > 1)
    throw new ApiError(
      'BAD_REQUEST',
      text,
      `Several images have an id that begins with ${text}: write more of it`,
    );
  return matches[0];
}

function familiar(text: string): string {
  try {
    return familiarName(parseReference(formatReference(parseReference(text))));
  } catch {
    return text;
  }
}

function noSuchImage(text: string): ApiError {
  return new ApiError('NO_SUCH_IMAGE', text, `No such image: ${text}`);
}

/** As Docker says it, since scripts look for that. */
function notToPush(text: string): ApiError {
  return new ApiError('NO_SUCH_IMAGE', text, `An image does not exist locally with the tag: ${text}`);
}

function shortId(id: Digest): string {
  return id.slice('sha256:'.length, 'sha256:'.length + 12);
}
