import {
  type Descriptor,
  type Digest,
  digestOf,
  formatPlatform,
  isIndexType,
  matchPlatform,
  type Platform,
  parseDigest,
  parseReference,
  type Reference,
  readDescriptor,
} from '../../layers/index.ts';
import type { RemoteImage, RemoteManifest } from '../exporter/copy-image.ts';
import type { RegistryOptions } from '../registry/client.ts';
import { ApiError } from './errors.ts';
import type { RegistryRequest } from './registry-commands.ts';

export interface RemoteIndexRequest extends RegistryRequest {
  /** Of the index. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Of the manifests only those for these, and their attestations. */
  readonly platforms?: readonly Platform[];
  /** A single image becomes an index of one (unless told: true), or is copied as it is. */
  readonly prefersIndex?: boolean;
  readonly dryRun?: boolean;
}

/**
 * Makes an index of images in registries under names, as `docker buildx imagetools create` does. A source is a name, a
 * digest or a descriptor in JSON, which says more about what it names; the latter two are in the one repository that the
 * other words name. A single index is copied byte by byte.
 */
export async function createRemoteIndex(
  sources: readonly string[],
  targets: readonly string[],
  request: RemoteIndexRequest = {},
): Promise<{ readonly bytes: Buffer; readonly digest: Digest }> {
  const { pushRemote, remoteImage } = await import('../exporter/copy-image.ts');
  const { insecure, signal } = request;
  const options: RegistryOptions = { ...(insecure && { insecure }), ...(signal && { signal }) };
  const tags = targets.map(parseReference);
  const wanted = located(sources.map(parseSource), tags);
  const found = await Promise.all(
    wanted.map(async ({ reference, said }) => described(await remoteImage(reference, options), said)),
  );
  const image = await combined(found, request);
  if (!request.dryRun) for (const tag of tags) await pushRemote(image, tag, options);
  return { bytes: image.bytes, digest: digestOf(image.bytes) };
}

interface Source {
  readonly reference?: Reference;
  /** What was named by its digest alone. */
  readonly said?: Partial<Descriptor> & Pick<Descriptor, 'digest'>;
}

function parseSource(text: string): Source {
  if (text.trimStart().startsWith('{')) return { said: parseDescriptor(text) };
  if (/^sha(256|512):/.test(text)) return { said: { digest: parseDigest(text) } };
  return { reference: parseReference(text) };
}

function parseDescriptor(text: string): Descriptor {
  try {
    return readDescriptor(JSON.parse(text), 'descriptor');
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ApiError('BAD_REQUEST', 'descriptor', `Cannot read the descriptor: ${reason}`);
  }
}

function located(sources: readonly Source[], tags: readonly Reference[]) {
  const named = [...tags, ...sources.flatMap(({ reference }) => reference ?? [])];
  const repositories = new Map(named.map(({ domain, path }) => [`${domain}/${path}`, { domain, path }]));
  const [only, another] = repositories.values();
  return sources.map(({ reference, said }) => {
    if (reference !== undefined) return { reference, said };
    const digest = said!.digest;
    if (only === undefined)
      throw new ApiError(
        'BAD_REQUEST',
        digest,
        'no repositories specified, please set a reference in tag or source',
      );
    if (another !== undefined)
      throw new ApiError(
        'BAD_REQUEST',
        digest,
        `multiple repositories specified, cannot infer repository for "${digest}": write NAME@${digest}`,
      );
    return { reference: { ...only, digest }, said };
  });
}

/** A descriptor that was given counts more than what the registry says. */
function described(image: RemoteImage, said: Source['said']): RemoteImage {
  const { annotations, platform } = said ?? {};
  if (isIndexType(image.mediaType) || (annotations ?? platform) === undefined) return image;
  const manifests = image.manifests.map(({ descriptor, source }) => ({
    descriptor: { ...descriptor, ...(annotations && { annotations }), ...(platform && { platform }) },
    source,
  }));
  return { ...image, manifests };
}

async function combined(
  found: readonly RemoteImage[],
  { annotations, platforms = [], prefersIndex = true }: RemoteIndexRequest,
): Promise<RemoteImage> {
  const { remoteIndex } = await import('../exporter/copy-image.ts');
  const all = found.flatMap(({ manifests }) => manifests);
  const each = [...new Map(all.map((entry) => [entry.descriptor.digest, entry])).values()];
  const manifests = await forPlatforms(each, platforms);
  const [only, another] = found;
  const isWhole = only !== undefined && another === undefined && manifests.length === each.length;
  const isCopy = isWhole && annotations === undefined && (isIndexType(only.mediaType) || !prefersIndex);
  return isCopy ? only : remoteIndex(manifests, annotations);
}

async function forPlatforms(
  manifests: readonly RemoteManifest[],
  platforms: readonly Platform[],
): Promise<readonly RemoteManifest[]> {
  if (platforms.length === 0) return manifests;
  const { attestedBy } = await import('../exporter/attestation.ts');
  const isWanted = ({ platform }: Descriptor) =>
    platform !== undefined && platforms.some((wanted) => isSame(wanted, platform));
  const kept = manifests.map(({ descriptor }) => descriptor).filter(isWanted);
  if (kept.length === 0)
    throw new ApiError(
      'BAD_REQUEST',
      '--platform',
      `none of the manifests match the provided platforms: ${platforms.map(formatPlatform).join(', ')}`,
    );
  const digests = new Set<string | undefined>(kept.map(({ digest }) => digest));
  return manifests.filter(
    ({ descriptor }) => digests.has(descriptor.digest) || digests.has(attestedBy(descriptor) ?? ''),
  );
}

/** No sibling that would do as well: `linux/386` is not `linux/amd64`. */
function isSame(one: Platform, other: Platform): boolean {
  return matchPlatform(one, other) && matchPlatform(other, one);
}
