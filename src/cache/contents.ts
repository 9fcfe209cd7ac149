import {
  type Descriptor,
  type DiffId,
  documents,
  MAX_CONFIG_BYTES,
  type Manifest,
  MediaType,
  parseDiffId,
  StoreError,
} from '../../layers/index.ts';
import { INLINE_FIELD } from '../exporter/config-json.ts';

/** Media type of the document that says what a cache holds: docs/cache-export.md. */
export const CACHE_CONFIG_TYPE = 'application/vnd.tsbuild.cache.config.v1+json';

const VERSION = 1;
const MAX_STEPS = 20_000;
const MAX_SELECTIONS = 50_000;
const MAX_MOUNTS = 256;
const MAX_LAYERS = 1024;

/** Where the bytes of a layer are. */
export type LayerBlob = Pick<Descriptor, 'mediaType' | 'digest' | 'size'>;

/** A cache mount that is kept: its files as a layer tar, and what that does not say of its root. */
export interface KeptMount {
  readonly id: string;
  readonly diffId: DiffId;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What a cache says. It is believed of keys alone: layers are verified by their digests when they come in. */
export interface CacheContents {
  /** Layers that a step added, by its key. */
  readonly steps: ReadonlyMap<string, readonly DiffId[]>;
  /** Digests of selected files, by the layers and the selection: docs/cache-key.md. */
  readonly selections: ReadonlyMap<string, readonly string[]>;
  readonly mounts: ReadonlyMap<string, KeptMount>;
  /** Layers and mounts that can be had; a step may name others. */
  readonly blobs: ReadonlyMap<DiffId, LayerBlob>;
}

const { Fields, integer, list, parseDocument, text } = documents;
const HEX = /^[0-9a-f]{64}$/;

const hex: documents.Reader<string> = (value, path) => {
  if (!HEX.test(text(value, path))) throw documents.invalid(path, 'is not a sha256 in hex');
  return value as string;
};
const diffId: documents.Reader<DiffId> = (value, path) => parseDiffId(documents.readDigest(value, path));

function within(least: number, most: number): documents.Reader<number> {
  return (value, path) => {
    const number = integer(value, path);
    if (number < least || number > most) throw documents.invalid(path, `is not from ${least} to ${most}`);
    return number;
  };
}

const readStep: documents.Reader<readonly [string, readonly DiffId[]]> = (value, path) => {
  const fields = new Fields(value, path);
  return [fields.required('key', hex), fields.required('layers', list(diffId, MAX_LAYERS))];
};

const readSelection: documents.Reader<readonly [string, readonly string[]]> = (value, path) => {
  const fields = new Fields(value, path);
  return [fields.required('key', hex), fields.required('digests', list(hex, MAX_LAYERS))];
};

const readMount: documents.Reader<readonly [string, KeptMount]> = (value, path) => {
  const fields = new Fields(value, path);
  const mount = {
    id: fields.required('id', text),
    diffId: fields.required('diffId', diffId),
    mode: fields.required('mode', within(0, 0o7777)),
    uid: fields.required('uid', within(0, 2 ** 32 - 2)),
    gid: fields.required('gid', within(0, 2 ** 32 - 2)),
  };
  return [fields.required('key', hex), mount];
};

/** Parses the cache of its own manifest. Throws `INVALID_MANIFEST`, `LIMIT_EXCEEDED`, `UNSUPPORTED`. */
export function parseContents(manifest: Manifest, bytes: Uint8Array): CacheContents {
  const fields = parseDocument(bytes, MAX_CONFIG_BYTES);
  return read(fields, manifest.layers, fields.required('layers', list(diffId, MAX_LAYERS)));
}

/** Parses the cache in an image's configuration; undefined when it has none. Throws as {@link parseContents}. */
export function parseInline(manifest: Manifest, bytes: Uint8Array): CacheContents | undefined {
  const fields = parseDocument(bytes, MAX_CONFIG_BYTES);
  const inline = fields.get(INLINE_FIELD);
  if (inline === undefined) return undefined;
  const rootfs = new Fields(fields.get('rootfs'), 'rootfs');
  const diffIds = rootfs.optional('diff_ids', list(diffId, MAX_LAYERS)) ?? [];
  return read(new Fields(inline, INLINE_FIELD), manifest.layers, diffIds);
}

function read(
  fields: documents.Fields,
  layers: readonly Descriptor[],
  diffIds: readonly DiffId[],
): CacheContents {
  const version = fields.required('version', integer);
  if (version !== VERSION)
    throw new StoreError(
      'UNSUPPORTED',
      'version',
      `The cache has format ${version}: only ${VERSION} is known`,
    );
  if (layers.length !== diffIds.length)
    throw documents.invalid('layers', `has ${diffIds.length} entries for ${layers.length} blobs`);
  const blobs = layers.map(
    ({ mediaType, digest, size }, index) => [diffIds[index]!, { mediaType, digest, size }] as const,
  );
  return {
    steps: new Map(fields.optional('steps', list(readStep, MAX_STEPS)) ?? []),
    selections: new Map(fields.optional('selections', list(readSelection, MAX_SELECTIONS)) ?? []),
    mounts: new Map(fields.optional('mounts', list(readMount, MAX_MOUNTS)) ?? []),
    blobs: new Map(blobs.filter(([, { mediaType }]) => LAYER_TYPES.has(mediaType))),
  };
}

const LAYER_TYPES: ReadonlySet<string> = new Set([
  MediaType.ociLayer,
  MediaType.ociLayerGzip,
  MediaType.ociLayerZstd,
  MediaType.dockerLayer,
  MediaType.dockerLayerGzip,
]);

/** What an image's configuration says of its cache; the blobs are those of the image. */
export function inlineDocument({ steps, selections }: CacheContents): object {
  return {
    version: VERSION,
    steps: sorted(steps).map(([key, layers]) => ({ key, layers })),
    selections: sorted(selections).map(([key, digests]) => ({ key, digests })),
  };
}

/** The configuration and the layers of a cache's manifest. Equal contents give equal bytes. */
export function formatContents(contents: CacheContents): {
  readonly config: Buffer;
  readonly layers: readonly LayerBlob[];
} {
  const blobs = sorted(contents.blobs);
  const config = {
    ...inlineDocument(contents),
    layers: blobs.map(([id]) => id),
    mounts: sorted(contents.mounts).map(([key, mount]) => ({ key, ...mount })),
  };
  return { config: Buffer.from(JSON.stringify(config)), layers: blobs.map(([, blob]) => blob) };
}

function sorted<K extends string, V>(map: ReadonlyMap<K, V>): [K, V][] {
  return [...map].sort(([one], [other]) => (one < other ? -1 : 1));
}
