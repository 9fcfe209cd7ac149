import { StoreError } from '../errors.ts';
import type { Descriptor, Index, Manifest } from './descriptor.ts';
import type { DiffId } from './digest.ts';
import {
  dictionary,
  Fields,
  integer,
  invalid,
  list,
  parseDocument,
  present,
  type Reader,
  readDigest,
  size,
  text,
} from './document.ts';
import type { ImageConfig } from './image-config.ts';
import { isIndexType, isManifestType, MediaType } from './media-types.ts';
import type { Platform } from './platform.ts';

/** Bytes of a manifest or an index; what registries and other clients accept. */
export const MAX_MANIFEST_BYTES = 4 << 20;
const MAX_LAYERS = 1024;
const MAX_MANIFESTS = 4096;

/** RFC 6838 section 4.2, as image-spec descriptor.md demands. */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/**
 * Parses an image manifest from outside. `mediaType` is what the descriptor or the registry called it. Throws
 * `INVALID_MANIFEST`, `LIMIT_EXCEEDED`.
 */
export function parseManifest(bytes: Uint8Array, mediaType?: string): Manifest {
  const fields = parseDocument(bytes, MAX_MANIFEST_BYTES);
  const version = schemaVersion(fields);
  const type = documentType(fields, {
    expected: mediaType,
    isRight: isManifestType,
    otherwise: MediaType.ociManifest,
  });
  refuse(fields, 'manifest', ['manifests', 'fsLayers']);
  return present({
    schemaVersion: version,
    mediaType: type,
    config: fields.required('config', readDescriptor),
    layers: fields.optional('layers', list(readDescriptor, MAX_LAYERS)) ?? [],
    annotations: fields.optional('annotations', dictionary(text)),
    artifactType: fields.optional('artifactType', text),
    subject: fields.optional('subject', readDescriptor),
  });
}

/** Parses an image index (or Docker's manifest list) from outside; see {@link parseManifest}. */
export function parseIndex(bytes: Uint8Array, mediaType?: string): Index {
  const fields = parseDocument(bytes, MAX_MANIFEST_BYTES);
  const version = schemaVersion(fields);
  const type = documentType(fields, {
    expected: mediaType,
    isRight: isIndexType,
    otherwise: MediaType.ociIndex,
  });
  refuse(fields, 'index', ['config', 'layers', 'fsLayers']);
  return present({
    schemaVersion: version,
    mediaType: type,
    manifests: fields.required('manifests', list(readDescriptor, MAX_MANIFESTS)),
    annotations: fields.optional('annotations', dictionary(text)),
    artifactType: fields.optional('artifactType', text),
    subject: fields.optional('subject', readDescriptor),
  });
}

/** The layers of an image, bottom first, each by its blob and by its diff ID. Throws `INVALID_MANIFEST` when the two documents differ in number. */
export function layersOf(
  manifest: Manifest,
  config: ImageConfig,
): readonly { readonly descriptor: Descriptor; readonly diffId: DiffId }[] {
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length) {
    const why = `has ${manifest.layers.length} entries, but the configuration has ${diffIds.length}`;
    throw invalid('layers', why);
  }
  return manifest.layers.map((descriptor, index) => ({ descriptor, diffId: diffIds[index]! }));
}

/** A descriptor in a document. Throws `INVALID_MANIFEST`. */
export const readDescriptor: Reader<Descriptor> = (value, path) => {
  const fields = new Fields(value, path);
  return present({
    mediaType: fields.required('mediaType', readMediaType),
    digest: fields.required('digest', readDigest),
    size: fields.required('size', size),
    annotations: fields.optional('annotations', dictionary(text)),
    platform: fields.optional('platform', readPlatform),
    artifactType: fields.optional('artifactType', text),
  });
};

const readMediaType: Reader<string> = (value, path) => {
  if (!MEDIA_TYPE.test(text(value, path))) throw invalid(path, 'is not a media type');
  return value as string;
};

const readPlatform: Reader<Platform> = (value, path) => {
  const fields = new Fields(value, path);
  return present({
    os: fields.required('os', text),
    architecture: fields.required('architecture', text),
    variant: fields.optional('variant', text) || undefined,
    'os.version': fields.optional('os.version', text) || undefined,
    'os.features': fields.optional('os.features', list(text, 64)),
  });
};

interface TypeRule {
  readonly expected: string | undefined;
  readonly isRight: (mediaType: string) => boolean;
  readonly otherwise: string;
}

/** The field, the descriptor and the shape have to agree, so that nobody reads one document as another does not (CVE-2021-41190). */
function documentType(fields: Fields, { expected, isRight, otherwise }: TypeRule): string {
  const own = fields.optional('mediaType', readMediaType);
  if (own !== undefined && expected !== undefined && own !== expected)
    throw invalid('mediaType', `is ${own}, but the document was announced as ${expected}`);
  const type = own ?? expected ?? otherwise;
  if (!isRight(type)) throw invalid('mediaType', `is ${type}, which is another kind of document`);
  return type;
}

/** Also refuses fields that differ from known ones in case alone: Go's decoder would take them for the same. */
function refuse(fields: Fields, kind: string, foreign: readonly string[]): void {
  const known = ['schemaVersion', 'mediaType', 'config', 'layers', 'manifests', 'annotations', 'subject'];
  for (const name of fields.keys()) {
    if (foreign.includes(name)) throw invalid(name, `cannot be in an image ${kind}`);
    const like = [...known, ...foreign].find((other) => other.toLowerCase() === name.toLowerCase());
    if (like !== undefined && like !== name) throw invalid(name, `can be mistaken for "${like}"`);
  }
}

function schemaVersion(fields: Fields): 2 {
  const version = fields.required('schemaVersion', integer);
  if (version === 1) {
    const message =
      'The image has a manifest of schema 1, which is obsolete: push it again with a newer client';
    throw new StoreError('UNSUPPORTED', 'schemaVersion', message);
  }
  if (version !== 2) throw invalid('schemaVersion', `is ${version}, and only 2 is supported`);
  return version;
}
