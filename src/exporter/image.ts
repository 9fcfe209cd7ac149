import {
  type ContainerConfig,
  type Descriptor,
  type DiffId,
  type Digest,
  digestOfDiff,
  type HistoryEntry,
  type ImageConfig,
  type ImageRecord,
  type Layer,
  MAX_CONFIG_BYTES,
  MAX_MANIFEST_BYTES,
  type Manifest,
  MediaType,
  type Platform,
  parseConfigOf,
  parseDigest,
  parseImageDocument,
  type Store,
  StoreError,
} from '../../layers/index.ts';
import { configJson } from './config-json.ts';
import { indexOf, putIndex } from './image-graph.ts';

/** The image that a build's filesystem becomes: its configuration without the layers. */
export interface BuiltImage {
  /** The image it is based on: its layers keep the blobs that they have there. */
  readonly base?: { readonly manifest: string };
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly 'os.version'?: string;
  readonly author?: string;
  readonly config: ContainerConfig;
  /** As many entries without `empty_layer` as layers. */
  readonly history: readonly HistoryEntry[];
}

export interface CommitOptions {
  /** RFC 3339: of the image, and of the history entries that have no time of their own. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** What the configuration says of the build cache: docs/cache-export.md. */
  readonly inlineCache?: object;
  /** Annotations of the manifest's descriptor in an index. */
  readonly descriptorAnnotations?: Readonly<Record<string, string>>;
  /** Annotations of the layers that are not the base's. */
  readonly layerAnnotations?: Readonly<Record<string, string>>;
}

export interface CommittedImage {
  /** Of the manifest, with its platform. */
  readonly descriptor: Descriptor;
  readonly manifest: Manifest;
  readonly config: ImageConfig;
  /** The image ID. */
  readonly configDigest: Digest;
}

/** In manifests of OCI type Docker's layer types have their OCI names. */
const OCI_LAYER_TYPES: Readonly<Record<string, string>> = {
  [MediaType.dockerLayer]: MediaType.ociLayer,
  [MediaType.dockerLayerGzip]: MediaType.ociLayerGzip,
};

/**
 * Stores configuration and manifest of an image with these layers, bottom first. Layers of the base keep their blobs;
 * those made here are plain tars, which the store makes from the layer when somebody reads them. Names nothing.
 */
export async function commitImage(
  store: Store,
  image: BuiltImage,
  layers: readonly Layer[],
  options: CommitOptions,
): Promise<CommittedImage> {
  const diffs = await Promise.all(layers.map(({ diff }) => diff));
  const fromBase = baseLayers(store, image.base);
  const config = configOf(
    image,
    diffs.map(({ diffId }) => diffId),
    options.created,
  );
  const storedConfig = store.content.putBytes(configJson(config, options.inlineCache));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: { mediaType: MediaType.ociConfig, ...storedConfig },
    layers: diffs.map(
      ({ diffId, size }) =>
        fromBase.get(diffId) ?? annotated(store.blobOf(diffId) ?? plainLayer(diffId, size), options),
    ),
    ...(hasKeys(options.annotations) && { annotations: options.annotations }),
  };
  const stored = store.content.putBytes(Buffer.from(JSON.stringify(manifest)));
  const annotations = options.descriptorAnnotations;
  const descriptor = {
    mediaType: manifest.mediaType,
    ...stored,
    platform: platformOf(image),
    ...(hasKeys(annotations) && { annotations }),
  };
  return { descriptor, manifest, config, configDigest: storedConfig.digest };
}

/** Stores an index of one manifest per platform. */
export function commitIndex(
  store: Store,
  manifests: readonly Descriptor[],
  annotations?: Readonly<Record<string, string>>,
): Descriptor {
  return putIndex(store.content, indexOf(manifests, hasKeys(annotations) ? annotations : undefined));
}

/** Gives an image its (normalised) names; without any it is kept under its digest. */
export function nameImage(store: Store, names: readonly string[], target: Descriptor): ImageRecord[] {
  const all = names.length === 0 ? [target.digest] : names;
  return all.map((name) => store.images.set(name, target));
}

function configOf(image: BuiltImage, diffIds: readonly DiffId[], created: string): ImageConfig {
  const withLayer = image.history.filter(({ empty_layer }) => empty_layer !== true).length;
  if (image.history.length > 0 && withLayer !== diffIds.length) {
    const message = `Image has ${diffIds.length} layers, but its history tells of ${withLayer}`;
    throw new StoreError('INVALID_MANIFEST', 'history', message);
  }
  const { base: _, ...fields } = image;
  return {
    ...fields,
    created,
    history: image.history.map((entry) => ({ created, ...entry })),
    rootfs: { type: 'layers', diff_ids: diffIds },
  };
}

function baseLayers(store: Store, base: BuiltImage['base']): ReadonlyMap<DiffId, Descriptor> {
  if (base === undefined) return new Map();
  const document = parseImageDocument(
    store.content.readAll(parseDigest(base.manifest), MAX_MANIFEST_BYTES),
    undefined,
  );
  if (document.kind === 'index')
    throw new StoreError(
      'INVALID_MANIFEST',
      base.manifest,
      `Base ${base.manifest} is an index, not an image`,
    );
  const { manifest } = document;
  const config = parseConfigOf(manifest, store.content.readAll(manifest.config.digest, MAX_CONFIG_BYTES));
  return new Map(config.rootfs.diff_ids.map((diffId, index) => [diffId, asOci(manifest.layers[index]!)]));
}

function asOci({ mediaType, digest, size, annotations }: Descriptor): Descriptor {
  return {
    mediaType: OCI_LAYER_TYPES[mediaType] ?? mediaType,
    digest,
    size,
    ...(annotations && { annotations }),
  };
}

function annotated(layer: Descriptor, { layerAnnotations }: CommitOptions): Descriptor {
  if (!hasKeys(layerAnnotations)) return layer;
  return { ...layer, annotations: { ...layer.annotations, ...layerAnnotations } };
}

function plainLayer(diffId: DiffId, size: number): Descriptor {
  return { mediaType: MediaType.ociLayer, digest: digestOfDiff(diffId), size };
}

function platformOf({ os, architecture, variant, 'os.version': version }: BuiltImage): Platform {
  return { os, architecture, ...(variant && { variant }), ...(version && { 'os.version': version }) };
}

function hasKeys(map: object | undefined): map is object {
  return map !== undefined && Object.keys(map).length > 0;
}
