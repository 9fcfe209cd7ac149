import {
  type ContentStore,
  type Descriptor,
  type Digest,
  formatReference,
  isIndexType,
  MAX_MANIFEST_BYTES,
  parseImageDocument,
  parseReference,
  StoreError,
} from '../../layers/index.ts';
import { Annotation } from './annotations.ts';

/** What one archive names: a manifest or index and the normalised names it is to get. */
export interface ArchiveImage {
  readonly target: Descriptor;
  readonly names: readonly string[];
}

/** One entry of a docker archive's manifest.json, paths as in the archive. */
export interface DockerManifestEntry {
  readonly config: string;
  readonly repoTags: readonly string[];
  readonly layers: readonly string[];
}

/**
 * The images of an OCI layout's index.json. Names come from its annotations and, where `docker save` wrote the archive,
 * from manifest.json's tags for the same configuration.
 */
export function imagesOfLayout(
  content: ContentStore,
  indexJson: Buffer,
  dockerEntries: readonly DockerManifestEntry[],
): ArchiveImage[] {
  const tags = new Map(dockerEntries.map(({ config, repoTags }) => [digestInPath(config), repoTags]));
  const byDigest = new Map<Digest, { target: Descriptor; names: Set<string> }>();
  for (const target of layoutEntries(indexJson)) {
    const known = byDigest.get(target.digest) ?? { target, names: new Set() };
    byDigest.set(target.digest, known);
    for (const name of annotatedNames(target)) known.names.add(name);
    for (const tag of tags.get(configOf(content, target)) ?? []) known.names.add(normalised(tag));
  }
  return [...byDigest.values()].map(({ target, names }) => ({ target, names: [...names] }));
}

/** The manifests and indexes that an index.json lists. */
export function layoutEntries(indexJson: Buffer): readonly Descriptor[] {
  const document = parseImageDocument(indexJson, undefined);
  if (document.kind === 'index') return document.index.manifests;
  throw new StoreError(
    'INVALID_ARCHIVE',
    'index.json',
    'Cannot read the archive: index.json is not an index',
  );
}

/** manifest.json of `docker save`. Throws `INVALID_ARCHIVE`. */
export function parseDockerManifest(bytes: Buffer): DockerManifestEntry[] {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw invalidManifestJson('it is not JSON', cause);
  }
  if (!Array.isArray(json)) throw invalidManifestJson('it is not a list');
  return json.map((entry: { Config?: unknown; RepoTags?: unknown; Layers?: unknown } | null) => {
    const { Config: config, RepoTags: repoTags, Layers: layers } = entry ?? {};
    if (typeof config !== 'string') throw invalidManifestJson('"Config" is missing');
    return { config, repoTags: stringsOf(repoTags), layers: stringsOf(layers) };
  });
}

/** `docker.io/library/busybox:latest` for `busybox:latest`. Throws `INVALID_REFERENCE`. */
export function normalised(name: string): string {
  return formatReference(parseReference(name));
}

/** Undefined for an index. */
function configOf(content: ContentStore, { digest, mediaType }: Descriptor): Digest | undefined {
  if (content.info(digest) === undefined)
    throw new StoreError(
      'INVALID_ARCHIVE',
      digest,
      `Cannot read the archive: it lacks the manifest ${digest}`,
    );
  if (isIndexType(mediaType)) return undefined;
  const document = parseImageDocument(content.readAll(digest, MAX_MANIFEST_BYTES), mediaType);
  return document.kind === 'manifest' ? document.manifest.config.digest : undefined;
}

/** containerd's annotation has the whole name; the other one only counts when it is more than a tag. */
function annotatedNames({ annotations = {} }: Descriptor): string[] {
  const whole = annotations[Annotation.imageName];
  if (whole !== undefined) return [normalised(whole)];
  const name = annotations[Annotation.refName];
  return name !== undefined && /[/:]/.test(name) ? [normalised(name)] : [];
}

/** Configuration paths are `blobs/sha256/HEX` or, in older archives, `HEX.json`. */
function digestInPath(path: string): Digest | undefined {
  const hex = /^(?:blobs\/sha256\/)?([0-9a-f]{64})(?:\.json)?$/.exec(path)?.[1];
  return hex === undefined ? undefined : (`sha256:${hex}` as Digest);
}

function stringsOf(value: unknown): readonly string[] {
  if (value === undefined || value === null) return [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'string')) return value as string[];
  throw invalidManifestJson('a list of strings is not one');
}

function invalidManifestJson(why: string, cause?: unknown): StoreError {
  const message = `Cannot read the archive's manifest.json: ${why}`;
  return new StoreError('INVALID_ARCHIVE', 'manifest.json', message, { cause });
}
