import { StoreError } from '../errors.ts';
import type { Descriptor, Index, Manifest } from './descriptor.ts';
import { parseDigest } from './digest.ts';
import { defined, JsonFields } from './json-fields.ts';
import { isIndexType, isManifestType, MediaType } from './media-types.ts';
import type { Platform } from './platform.ts';

/** Bytes of a manifest or index: what registries accept. */
export const MANIFEST_LIMIT = 4 * 1024 * 1024;
/** Entries of an index, layers of a manifest. */
const ENTRY_LIMIT = 2000;

export type Document =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly index: Index };

/**
 * Reads a manifest or an index from outside. `mediaType` is what whoever gave it says it is (header, descriptor); the
 * document must agree with that and with its own shape, so that nobody can take it for the other kind
 * (image-spec manifest.md, "mediaType", CVE-2021-41190). Throws `INVALID_MANIFEST`, `UNSUPPORTED`.
 */
export function parseDocument(bytes: Uint8Array, mediaType: string | undefined): Document {
  if (bytes.byteLength > MANIFEST_LIMIT)
    throw new StoreError('LIMIT_EXCEEDED', 'manifest', `Manifest is larger than ${MANIFEST_LIMIT} bytes`);
  const fields = JsonFields.parse(bytes, 'manifest');
  if (fields.integer('schemaVersion') === 1)
    throw new StoreError(
      'UNSUPPORTED',
      'manifest',
      'Image has the obsolete manifest schema 1: push it again',
    );
  if (fields.integer('schemaVersion') !== 2) fields.fail('schemaVersion', '2');
  const type = documentType(fields, mediaType);
  if (isIndexType(type)) return { kind: 'index', index: readIndex(fields, type) };
  return { kind: 'manifest', manifest: readManifest(fields, type) };
}

/** Reads a descriptor from outside. Throws `INVALID_MANIFEST`, `INVALID_DIGEST`. */
export function readDescriptor(fields: JsonFields): Descriptor {
  const size = fields.integer('size');
  if (size === undefined || size < 0) fields.fail('size', 'a size in bytes');
  const platform = fields.object('platform');
  return defined<Descriptor>({
    mediaType: fields.string('mediaType') ?? fields.fail('mediaType', 'a string'),
    digest: parseDigest(fields.string('digest')),
    size,
    annotations: fields.stringMap('annotations'),
    platform: platform && readPlatform(platform),
    artifactType: fields.string('artifactType'),
  });
}

function documentType(fields: JsonFields, announced: string | undefined): string {
  const looksLikeIndex = fields.has('manifests');
  const looksLikeManifest = fields.has('layers') || fields.has('config') || fields.has('fsLayers');
  if (looksLikeIndex === looksLikeManifest)
    throw new StoreError(
      'INVALID_MANIFEST',
      'manifest',
      'Ambiguous manifest: neither clearly image nor index',
    );
  const own = fields.string('mediaType');
  const known = [own, announced].filter(
    (type) => type !== undefined && (isIndexType(type) || isManifestType(type)),
  );
  if (own !== undefined && known.length < 2 && known[0] !== own)
    throw new StoreError('UNSUPPORTED', own, `Unsupported manifest type "${own}"`);
  if (known.length === 2 && known[0] !== known[1]) {
    const [inside, outside] = known;
    throw new StoreError(
      'INVALID_MANIFEST',
      'manifest',
      `Manifest says it is "${inside}", its source "${outside}"`,
    );
  }
  const type = known[0] ?? (looksLikeIndex ? MediaType.ociIndex : MediaType.ociManifest);
  if (isIndexType(type) !== looksLikeIndex)
    throw new StoreError('INVALID_MANIFEST', 'manifest', `Manifest is not the "${type}" it is said to be`);
  return type;
}

function readIndex(fields: JsonFields, mediaType: string): Index {
  const manifests = fields.objects('manifests') ?? [];
  checkCount(manifests.length, 'index');
  return defined<Index>({
    schemaVersion: 2,
    mediaType,
    manifests: manifests.map(readDescriptor),
    annotations: fields.stringMap('annotations'),
  });
}

function readManifest(fields: JsonFields, mediaType: string): Manifest {
  const config = fields.object('config') ?? fields.fail('config', 'a descriptor');
  const layers = fields.objects('layers') ?? [];
  checkCount(layers.length, 'manifest');
  const subject = fields.object('subject');
  return defined<Manifest>({
    schemaVersion: 2,
    mediaType,
    config: readDescriptor(config),
    layers: layers.map(readDescriptor),
    annotations: fields.stringMap('annotations'),
    artifactType: fields.string('artifactType'),
    subject: subject && readDescriptor(subject),
  });
}

function checkCount(count: number, what: string): void {
  if (count > ENTRY_LIMIT)
    throw new StoreError(
      'LIMIT_EXCEEDED',
      what,
      `Too many entries in the ${what}: ${count}, at most ${ENTRY_LIMIT}`,
    );
}

function readPlatform(fields: JsonFields): Platform {
  const optional = (name: string) => fields.string(name) || undefined;
  return defined<Platform>({
    os: fields.string('os') ?? '',
    architecture: fields.string('architecture') ?? '',
    variant: optional('variant'),
    'os.version': optional('os.version'),
    'os.features': fields.strings('os.features'),
  });
}
