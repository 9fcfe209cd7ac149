import {
  type ContentStore,
  choosePlatform,
  type Descriptor,
  type Digest,
  digestOfDiff,
  familiarName,
  hexOf,
  type Platform,
  parseConfigOf,
  parseReference,
  StoreError,
} from '../../layers/index.ts';
import { Annotation } from './annotations.ts';
import { type ImageGraph, imageGraph, indexOf, type PlatformManifest } from './image-graph.ts';

export type ArchiveFormat = 'docker' | 'oci';

/** An image to put in an archive, with the normalised names it is to have there. */
export interface ArchivedImage {
  readonly target: Descriptor;
  readonly names: readonly string[];
}

/** A file of an archive: bytes made here, or a blob of the store. */
export interface ArchiveFile {
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly content: Uint8Array | Digest;
}

/**
 * The files of an OCI layout (image-spec image-layout.md); as `docker` with the documents beside it that Docker and
 * Podman know an archive by (`manifest.json`, `repositories`). Documents come first, so that a reader knows what each
 * layer is when it comes. The same images give the same files in the same order.
 */
export function archiveFiles(
  content: ContentStore,
  images: readonly ArchivedImage[],
  format: ArchiveFormat,
  platform: Platform,
): ArchiveFile[] {
  const graphs = images.map(({ target, names }) => ({ graph: imageGraph(content, target), names }));
  const entries = graphs.flatMap(({ graph, names }) => indexEntries(graph, names));
  const files = [
    textFile('oci-layout', { imageLayoutVersion: '1.0.0' }),
    textFile('index.json', indexOf(entries)),
    ...(format === 'docker' ? dockerFiles(content, graphs, platform) : []),
  ];
  const blobs = new Map(graphs.flatMap(({ graph }) => graph.blobs.map(({ digest }) => [digest, digest])));
  const sized = [...blobs.keys()].map((digest) => blobFile(content, digest));
  const layers = new Set(
    graphs.flatMap(({ graph }) =>
      graph.platforms.flatMap(({ manifest }) => manifest.layers.map(({ digest }) => digest)),
    ),
  );
  const isLayer = ({ content: digest }: ArchiveFile) => layers.has(digest as Digest);
  return [...files, ...sized.filter((file) => !isLayer(file)), ...sized.filter(isLayer)];
}

function indexEntries({ target }: ImageGraph, names: readonly string[]): Descriptor[] {
  if (names.length === 0) return [target];
  return names.map((name) => {
    const { tag } = parseReference(name);
    const annotations = {
      [Annotation.imageName]: name,
      ...(tag !== undefined && { [Annotation.refName]: tag }),
    };
    return { ...target, annotations: { ...target.annotations, ...annotations } };
  });
}

/** What `docker save` writes for readers older than OCI layouts; one platform of each image. */
function dockerFiles(
  content: ContentStore,
  graphs: readonly { readonly graph: ImageGraph; readonly names: readonly string[] }[],
  platform: Platform,
): ArchiveFile[] {
  const repositories = new Map<string, Record<string, string>>();
  const manifests = graphs.flatMap(({ graph, names }) => {
    const chosen = chosenPlatform(graph, platform);
    if (chosen === undefined) return [];
    const tags = names.filter((name) => parseReference(name).tag !== undefined);
    for (const name of tags) addRepository(content, repositories, name, chosen);
    return [
      {
        Config: blobPath(chosen.manifest.config.digest),
        RepoTags: tags.map((name) => familiarName(parseReference(name))),
        Layers: chosen.manifest.layers.map(({ digest }) => blobPath(digest)),
      },
    ];
  });
  const sorted = Object.fromEntries([...repositories].sort(([one], [other]) => (one < other ? -1 : 1)));
  return [textFile('manifest.json', manifests), textFile('repositories', sorted)];
}

function chosenPlatform({ platforms }: ImageGraph, platform: Platform): PlatformManifest | undefined {
  if (platforms.length === 1) return platforms[0];
  return choosePlatform(platform, platforms, ({ descriptor }) => descriptor.platform);
}

/** Repository → tag → id of the top layer. */
function addRepository(
  content: ContentStore,
  repositories: Map<string, Record<string, string>>,
  name: string,
  { manifest }: PlatformManifest,
): void {
  const reference = parseReference(name);
  const { tag, digest: _, ...repository } = reference;
  const key = familiarName(repository);
  const top = parseConfigOf(manifest, content.readAll(manifest.config.digest)).rootfs.diff_ids.at(-1);
  const id = top === undefined ? '' : hexOf(digestOfDiff(top));
  repositories.set(key, { ...repositories.get(key), [tag!]: id });
}

function blobFile(content: ContentStore, digest: Digest): ArchiveFile {
  const info = content.info(digest);
  if (info !== undefined) return { path: blobPath(digest), size: info.size, content: digest };
  throw new StoreError('NOT_FOUND', digest, `Cannot write the image: the store lacks its blob ${digest}`);
}

function blobPath(digest: Digest): string {
  return `blobs/${digest.replace(':', '/')}`;
}

function textFile(path: string, value: unknown): ArchiveFile {
  const content = Buffer.from(JSON.stringify(value));
  return { path, size: content.length, content };
}
