import {
  type Descriptor,
  digestOf,
  formatReference,
  hexOf,
  type Platform,
  parseDigest,
  type Reference,
  type Store,
} from '../../layers/index.ts';
import type { RemoteManifest } from './copy-image.ts';

const SPACE = 'manifestlist';

/** A list that `manifest create` made and `manifest push` has not sent yet. */
export interface ManifestList {
  readonly name: string;
  readonly manifests: readonly RemoteManifest[];
}

/** The list of a name; undefined when none was made. */
export function readManifestList(store: Store, reference: Reference): ManifestList | undefined {
  const value = store.records.get(SPACE, keyOf(reference))?.value as ManifestList | undefined;
  if (value === undefined || !Array.isArray(value.manifests)) return undefined;
  // Written by this program, but on a disk: a digest is part of a URL.
  for (const { descriptor } of value.manifests) parseDigest(descriptor.digest);
  return value;
}

export function writeManifestList(
  store: Store,
  reference: Reference,
  manifests: readonly RemoteManifest[],
): void {
  store.records.set(SPACE, keyOf(reference), { value: { name: formatReference(reference), manifests } });
}

/** Whether there was one. */
export function deleteManifestList(store: Store, reference: Reference): boolean {
  return store.records.delete(SPACE, keyOf(reference));
}

/** What `manifest annotate` changes of an entry. */
export type PlatformChange = Partial<Platform>;

/** The list with another platform for one of its manifests; undefined when it is not in the list. */
export function withPlatform(
  { manifests }: ManifestList,
  digest: Descriptor['digest'],
  change: PlatformChange,
): readonly RemoteManifest[] | undefined {
  if (!manifests.some(({ descriptor }) => descriptor.digest === digest)) return undefined;
  return manifests.map((entry) => {
    if (entry.descriptor.digest !== digest) return entry;
    const before = entry.descriptor.platform ?? { os: 'linux', architecture: 'unknown' };
    return { ...entry, descriptor: { ...entry.descriptor, platform: { ...before, ...change } } };
  });
}

function keyOf(reference: Reference): string {
  return hexOf(digestOf(formatReference(reference)));
}
