import {
  type Descriptor,
  type Digest,
  type Manifest,
  MediaType,
  parseDigest,
  type Store,
  StoreError,
} from '../../layers/index.ts';
import { attestationFor, attestedBy } from './attestation.ts';
import { encodeLayer, type LayerForm, needsEncoding } from './encode-layer.ts';
import { type ImageGraph, imageGraph, indexOf, type PlatformManifest, putIndex } from './image-graph.ts';

/** What an image is to be when it leaves the store. */
export interface ImageForm extends LayerForm {
  /** Whose names manifests, configurations and layers have; those they have unless given. */
  readonly mediaTypes?: 'oci' | 'docker';
}

/** How a layer comes to be encoded. Default: {@link encodeLayer}, and nothing else. */
export type Encode = (layer: Descriptor) => Promise<Descriptor>;

/**
 * The image in a form: new layer blobs (kept for the next time), new manifests, a new index when the old one named them.
 * Configurations, and so image IDs, stay the same. The image itself when it has the form. Layers are encoded at once, by
 * whatever bound `encode` has.
 */
export async function formedGraph(
  store: Store,
  graph: ImageGraph,
  form: ImageForm,
  encode: Encode = (layer) => encodeLayer(store, layer, form),
): Promise<ImageGraph> {
  const encoded = await encodeLayers(graph, form, encode);
  const images = graph.platforms.filter(({ descriptor }) => attestedBy(descriptor) === undefined);
  const formedImages = new Map(
    images.map((image) => [
      image.descriptor.digest as string,
      formedManifest(store, image, encoded, form.mediaTypes),
    ]),
  );
  const formed = graph.platforms.map(
    (platform) =>
      formedImages.get(platform.descriptor.digest) ?? formedAttestation(store, platform, formedImages),
  );
  const isSame = formed.every((platform, index) => platform === graph.platforms[index]);
  if (graph.target.digest === graph.platforms[0]?.descriptor.digest)
    return isSame ? graph : imageGraph(store.content, formed[0]!.descriptor);
  const wanted = form.mediaTypes === undefined ? graph.target.mediaType : TYPES[form.mediaTypes].index;
  if (isSame && wanted === graph.target.mediaType) return graph;
  const index = indexOf(
    formed.map(({ descriptor }) => descriptor),
    graph.indexAnnotations,
  );
  const mediaType = form.mediaTypes === undefined ? index.mediaType : wanted;
  const { annotations } = graph.target;
  const target = { ...putIndex(store.content, { ...index, mediaType }), ...(annotations && { annotations }) };
  return imageGraph(store.content, target);
}

async function encodeLayers(graph: ImageGraph, form: LayerForm, encode: Encode) {
  const images = graph.platforms.filter(({ descriptor }) => attestedBy(descriptor) === undefined);
  const layers = images.flatMap(({ manifest }) => manifest.layers);
  const wanted = new Map(
    layers.filter((layer) => needsEncoding(layer, form)).map((layer) => [layer.digest, layer]),
  );
  const pairs = [...wanted].map(async ([digest, layer]) => [digest, await encode(layer)] as const);
  // All have ended, whatever became of them: nothing writes to the store after an error is told.
  const failure = (await Promise.allSettled(pairs)).find(({ status }) => status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason;
  return new Map(await Promise.all(pairs));
}

function formedManifest(
  store: Store,
  platform: PlatformManifest,
  encoded: ReadonlyMap<Digest, Descriptor>,
  mediaTypes: ImageForm['mediaTypes'],
): PlatformManifest {
  const { manifest, descriptor } = platform;
  const layers = manifest.layers.map((layer) => {
    const other = encoded.get(layer.digest);
    return other === undefined ? layer : { ...layer, ...other };
  });
  const changed = named({ ...manifest, layers }, mediaTypes);
  const before = JSON.stringify(manifest);
  if (JSON.stringify(changed) === before) return platform;
  const stored = store.content.putBytes(Buffer.from(JSON.stringify(changed)));
  return { manifest: changed, descriptor: { ...descriptor, mediaType: changed.mediaType, ...stored } };
}

/** An attestation stays with its image, whose manifest has another digest now. */
function formedAttestation(
  store: Store,
  platform: PlatformManifest,
  images: ReadonlyMap<string, PlatformManifest>,
): PlatformManifest {
  const subject = attestedBy(platform.descriptor);
  const image = subject === undefined ? undefined : images.get(subject);
  if (subject === undefined || image === undefined || image.descriptor.digest === subject) return platform;
  return attestationFor(store.content, platform, parseDigest(subject), image.descriptor);
}

const TYPES = {
  oci: {
    index: MediaType.ociIndex,
    manifest: MediaType.ociManifest,
    config: MediaType.ociConfig,
    plain: MediaType.ociLayer,
    gzip: MediaType.ociLayerGzip,
  },
  docker: {
    index: MediaType.dockerIndex,
    manifest: MediaType.dockerManifest,
    config: MediaType.dockerConfig,
    plain: MediaType.dockerLayer,
    gzip: MediaType.dockerLayerGzip,
  },
} as const;

/** The same manifest with everything in it called by one vocabulary. Throws `UNSUPPORTED` for zstd in Docker's, which has none. */
function named(manifest: Manifest, mediaTypes: ImageForm['mediaTypes']): Manifest {
  if (mediaTypes === undefined) return manifest;
  const types = TYPES[mediaTypes];
  const layerType = ({ mediaType }: Descriptor): string => {
    if (mediaType === MediaType.ociLayer || mediaType === MediaType.dockerLayer) return types.plain;
    if (mediaType === MediaType.ociLayerGzip || mediaType === MediaType.dockerLayerGzip) return types.gzip;
    if (mediaTypes === 'oci') return mediaType;
    throw new StoreError(
      'UNSUPPORTED',
      mediaType,
      `Docker's media types have no name for "${mediaType}": use OCI's`,
    );
  };
  return {
    ...manifest,
    mediaType: types.manifest,
    config: { ...manifest.config, mediaType: types.config },
    layers: manifest.layers.map((layer) => ({ ...layer, mediaType: layerType(layer) })),
  };
}
