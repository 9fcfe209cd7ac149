import {
  type Descriptor,
  type Digest,
  formatReference,
  hostPlatform,
  imageName,
  type Platform,
  parseImageDocument,
  parseReference,
  type Reference,
  type Store,
} from '../../layers/index.ts';
import type { RegistryOptions } from '../registry/client.ts';
import { ApiError } from './errors.ts';
import type { PulledName, TransferRequest } from './image-commands.ts';
import { type StoreLocation, withStore } from './with-store.ts';

export interface RegistryRequest extends StoreLocation {
  /** Speaks plain HTTP, or TLS that is not verified, where the registry does. */
  readonly insecure?: boolean;
  readonly signal?: AbortSignal;
}

/** Pulls every tag of a repository, one after another; `onPulled` is told of each. */
export function pullAllTags(text: string, request: TransferRequest = {}): Promise<readonly PulledName[]> {
  return withStore(request, async (store) => {
    const { report, signal, onTag, platform = hostPlatform() } = request;
    const options = { ...(report && { report }), ...(signal && { signal }), tellsPresent: true };
    const { pullImage } = await import('../registry/pull.ts');
    const pulled: PulledName[] = [];
    for (const reference of await tagsOf(repositoryOf(text), options)) {
      onTag?.(formatReference(reference));
      const before = store.images.get(imageName(reference))?.target.digest;
      const { record } = await pullImage(store, reference, platform, options);
      const { digest } = record.target;
      pulled.push({ name: record.name, digest, upToDate: digest === before });
    }
    return pulled;
  });
}

async function tagsOf(repository: Reference, options: RegistryOptions): Promise<Reference[]> {
  const { openFetcher } = await import('../registry/open-fetcher.ts');
  const fetcher = await openFetcher(repository, options);
  try {
    const tags = await fetcher.tags();
    return tags.map((tag) => ({ domain: repository.domain, path: repository.path, tag }));
  } finally {
    fetcher.close();
  }
}

/** Pushes every name that the store has in a repository; gives the names with what their tags now mean. */
export function pushAllTags(
  text: string,
  request: TransferRequest = {},
): Promise<readonly { readonly name: string; readonly target: Descriptor }[]> {
  return withStore(request, async (store) => {
    const { report, signal, onTag } = request;
    const names = namesIn(store, repositoryOf(text));
    if (names.length === 0)
      throw new ApiError('NO_SUCH_IMAGE', text, `An image does not exist locally with the tag: ${text}`);
    const { pushName } = await import('../exporter/push.ts');
    const pushed: { name: string; target: Descriptor }[] = [];
    for (const name of names) {
      onTag?.(name);
      const target = await pushName(store, name, { ...(report && { report }), ...(signal && { signal }) });
      pushed.push({ name, target });
    }
    return pushed;
  });
}

function namesIn(store: Store, { domain, path }: Reference): string[] {
  return store.images
    .list()
    .map(({ name }) => name)
    .filter((name) => {
      if (name.startsWith('sha256:')) return false;
      const other = parseReference(name);
      return other.domain === domain && other.path === path && other.tag !== undefined;
    });
}

/** All tags of a repository are meant: a name with one, or a digest, makes no sense. */
function repositoryOf(text: string): Reference {
  const reference = parseReference(text);
  const isTagged = /:[^/]*$/.test(text) || reference.digest !== undefined;
  if (isTagged) throw new ApiError('BAD_REQUEST', text, `tag can't be used with --all-tags/-a: ${text}`);
  return reference;
}

/** A manifest or an index, in the registry's own bytes. */
export interface RemoteDocument {
  /** Normalised. */
  readonly name: string;
  readonly descriptor: Descriptor;
  readonly bytes: Buffer;
  /** Of an index. */
  readonly manifests?: readonly Descriptor[];
}

/** Looks at what a name means in its registry, without pulling it. */
export async function inspectRemote(text: string, request: RegistryRequest = {}): Promise<RemoteDocument> {
  const { openFetcher } = await import('../registry/open-fetcher.ts');
  const reference = parseReference(text);
  const fetcher = await openFetcher(reference, optionsOf(request));
  try {
    const { digest } = await fetcher.resolve(reference);
    const { bytes, descriptor } = await fetcher.manifest(digest);
    const document = parseImageDocument(bytes, descriptor.mediaType);
    const manifests = document.kind === 'index' ? document.index.manifests : undefined;
    return { name: imageName(reference), descriptor, bytes, ...(manifests && { manifests }) };
  } finally {
    fetcher.close();
  }
}

/** Makes a list of images in registries, kept in the store until it is pushed. */
export function createManifestList(
  name: string,
  members: readonly string[],
  request: RegistryRequest & { readonly amend?: boolean } = {},
): Promise<string> {
  return withStore(request, async (store) => {
    const { readManifestList, writeManifestList } = await import('../exporter/manifest-lists.ts');
    const { remoteImage } = await import('../exporter/copy-image.ts');
    const reference = parseReference(name);
    const known = readManifestList(store, reference);
    if (known !== undefined && !request.amend)
      throw new ApiError(
        'CONFLICT',
        name,
        `refusing to amend an existing manifest list with no --amend flag`,
      );
    const options = optionsOf(request);
    const found = await Promise.all(members.map((member) => remoteImage(parseReference(member), options)));
    const all = [...(known?.manifests ?? []), ...found.flatMap(({ manifests }) => manifests)];
    writeManifestList(store, reference, [
      ...new Map(all.map((entry) => [entry.descriptor.digest, entry])).values(),
    ]);
    return formatReference(reference);
  });
}

/** Says for which platform an image of a list is. */
export function annotateManifest(
  list: string,
  member: string,
  change: Partial<Platform>,
  request: RegistryRequest = {},
): Promise<void> {
  return withStore(request, async (store) => {
    const { withPlatform, writeManifestList } = await import('../exporter/manifest-lists.ts');
    const reference = parseReference(list);
    const known = await listOf(store, list);
    const named = parseReference(member);
    const digest = named.digest ?? (await inspectRemote(member, request)).descriptor.digest;
    const changed = withPlatform(known, digest, change);
    if (changed === undefined)
      throw new ApiError('NO_SUCH_IMAGE', member, `manifest for image ${member} does not exist in ${list}`);
    writeManifestList(store, reference, changed);
  });
}

/** The list as it would be pushed; undefined when none of that name was made here. */
export function localManifestList(name: string, location: StoreLocation = {}): Promise<Buffer | undefined> {
  return withStore(location, async (store) => {
    const { readManifestList } = await import('../exporter/manifest-lists.ts');
    const { remoteIndex } = await import('../exporter/copy-image.ts');
    const known = readManifestList(store, parseReference(name));
    return known && remoteIndex(known.manifests).bytes;
  });
}

/** Sends a list, with all that its repository lacks of it; resolves with its digest. */
export function pushManifestList(
  name: string,
  request: RegistryRequest & { readonly purge?: boolean } = {},
): Promise<Digest> {
  return withStore(request, async (store) => {
    const { pushRemote, remoteIndex } = await import('../exporter/copy-image.ts');
    const { deleteManifestList } = await import('../exporter/manifest-lists.ts');
    const { manifests } = await listOf(store, name);
    const { digest } = await pushRemote(remoteIndex(manifests), parseReference(name), optionsOf(request));
    if (request.purge) deleteManifestList(store, parseReference(name));
    return digest;
  });
}

/** Forgets a list. Throws `NO_SUCH_IMAGE`. */
export function removeManifestList(name: string, location: StoreLocation = {}): Promise<void> {
  return withStore(location, async (store) => {
    const { deleteManifestList } = await import('../exporter/manifest-lists.ts');
    await listOf(store, name);
    deleteManifestList(store, parseReference(name));
  });
}

async function listOf(store: Store, name: string) {
  const { readManifestList } = await import('../exporter/manifest-lists.ts');
  const known = readManifestList(store, parseReference(name));
  if (known === undefined) throw new ApiError('NO_SUCH_IMAGE', name, `No such manifest: ${name}`);
  return known;
}

function optionsOf({ insecure, signal }: RegistryRequest): RegistryOptions {
  return { ...(insecure && { insecure }), ...(signal && { signal }) };
}
