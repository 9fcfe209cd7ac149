import {
  type ContentStore,
  type Descriptor,
  type Index,
  isIndexType,
  MAX_MANIFEST_BYTES,
  type Manifest,
  MediaType,
  parseImageDocument,
  StoreError,
} from '../../layers/index.ts';

/** One platform of an image: its manifest and where that is. */
export interface PlatformManifest {
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
}

/** What of an image can leave the store. */
export interface ImageGraph {
  /** A manifest, or an index of which everything is here. */
  readonly target: Descriptor;
  readonly platforms: readonly PlatformManifest[];
  /** Every document and layer that `target` reaches, what is needed before what needs it. */
  readonly blobs: readonly Descriptor[];
  /** Of the index, if it is one. */
  readonly indexAnnotations?: Index['annotations'];
}

/**
 * Follows a name's target. Of an index only the platforms that are in the store count (a pull brings one): when some
 * are missing, the one that is there stands for the whole, or an index of those that are. Throws `NOT_FOUND`.
 */
export function imageGraph(content: ContentStore, target: Descriptor): ImageGraph {
  if (!isIndexType(target.mediaType)) return graphOf(target, [readManifest(content, target)], []);
  const index = readIndex(content, target);
  const present = index.manifests.filter(({ digest }) => content.info(digest) !== undefined);
  const platforms = present.map((descriptor) => readManifest(content, descriptor));
  const [only] = platforms;
  if (only === undefined)
    throw new StoreError('NOT_FOUND', target.digest, `No image of index ${target.digest} is here`);
  if (present.length === index.manifests.length)
    return withAnnotations(graphOf(target, platforms, [target]), index);
  if (present.length === 1) return graphOf(only.descriptor, [only], []);
  const partial = putIndex(content, { ...index, manifests: present });
  return withAnnotations(graphOf(partial, platforms, [partial]), index);
}

function withAnnotations(graph: ImageGraph, { annotations }: Index): ImageGraph {
  return annotations === undefined ? graph : { ...graph, indexAnnotations: annotations };
}

/** Stores an index and gives its descriptor. */
export function putIndex(content: ContentStore, index: Index): Descriptor {
  const { digest, size } = content.putBytes(Buffer.from(JSON.stringify(index)));
  return { mediaType: index.mediaType, digest, size };
}

/** An index of manifests in the store, in OCI's type. */
export function indexOf(
  manifests: readonly Descriptor[],
  annotations?: Readonly<Record<string, string>>,
): Index {
  return { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests, ...(annotations && { annotations }) };
}

function graphOf(
  target: Descriptor,
  platforms: readonly PlatformManifest[],
  indexes: readonly Descriptor[],
): ImageGraph {
  const below = platforms.flatMap(({ manifest }) => [...manifest.layers, manifest.config]);
  const all = [...below, ...platforms.map(({ descriptor }) => descriptor), ...indexes];
  return { target, platforms, blobs: [...new Map(all.map((blob) => [blob.digest, blob])).values()] };
}

function readManifest(content: ContentStore, descriptor: Descriptor): PlatformManifest {
  const document = parseImageDocument(
    content.readAll(descriptor.digest, MAX_MANIFEST_BYTES),
    descriptor.mediaType,
  );
  if (document.kind === 'manifest') return { descriptor, manifest: document.manifest };
  throw new StoreError(
    'UNSUPPORTED',
    descriptor.digest,
    `Image index holds another index ${descriptor.digest}`,
  );
}

function readIndex(content: ContentStore, descriptor: Descriptor): Index {
  const document = parseImageDocument(
    content.readAll(descriptor.digest, MAX_MANIFEST_BYTES),
    descriptor.mediaType,
  );
  if (document.kind === 'index') return document.index;
  throw new StoreError('INVALID_MANIFEST', descriptor.digest, `${descriptor.digest} is not an image index`);
}
