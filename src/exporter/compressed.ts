import {
  compress,
  type Descriptor,
  type Digest,
  type Manifest,
  MediaType,
  parseDigest,
  type Store,
} from '../../layers/index.ts';
import { type ImageGraph, imageGraph, indexOf, type PlatformManifest, putIndex } from './image-graph.ts';

/** `none`: layers stay as they are. */
export type LayerCompression = 'none' | 'gzip' | 'zstd';

/** Where the blobs are remembered that plain layers were compressed to. */
const SPACE = 'compressed';
const TYPES = { gzip: MediaType.ociLayerGzip, zstd: MediaType.ociLayerZstd } as const;

/**
 * The image with its plain layers compressed: new layer blobs (kept for the next time), new manifests, a new index when
 * the old one named them. Configurations, and so image IDs, stay the same. The image itself when nothing is plain.
 */
export async function compressedGraph(
  store: Store,
  graph: ImageGraph,
  compression: LayerCompression,
): Promise<ImageGraph> {
  if (compression === 'none') return graph;
  const converted: PlatformManifest[] = [];
  for (const platform of graph.platforms)
    converted.push(await compressedManifest(store, platform, compression));
  if (converted.every((platform, index) => platform === graph.platforms[index])) return graph;
  const [first] = converted;
  if (graph.target.digest === graph.platforms[0]?.descriptor.digest)
    return imageGraph(store.content, first!.descriptor);
  const index = indexOf(
    converted.map(({ descriptor }) => descriptor),
    graph.indexAnnotations,
  );
  return imageGraph(store.content, putIndex(store.content, index));
}

async function compressedManifest(
  store: Store,
  platform: PlatformManifest,
  compression: 'gzip' | 'zstd',
): Promise<PlatformManifest> {
  const { manifest, descriptor } = platform;
  const isPlain = ({ mediaType }: Descriptor) => mediaType === MediaType.ociLayer;
  if (!manifest.layers.some(isPlain)) return platform;
  const layers: Descriptor[] = [];
  for (const layer of manifest.layers) {
    layers.push(isPlain(layer) ? await compressedLayer(store, layer, compression) : layer);
  }
  const changed: Manifest = { ...manifest, layers };
  const stored = store.content.putBytes(Buffer.from(JSON.stringify(changed)));
  return { manifest: changed, descriptor: { ...descriptor, ...stored } };
}

/** One compression per layer and kind, also among several processes. */
async function compressedLayer(
  store: Store,
  layer: Descriptor,
  compression: 'gzip' | 'zstd',
): Promise<Descriptor> {
  const key = `${compression}.${layer.digest.replace(':', '.')}`;
  const blob = await store.records.exclusive(SPACE, key, async () => {
    const known = store.records.get(SPACE, key)?.value;
    if (typeof known === 'string' && store.content.info(parseDigest(known)) !== undefined)
      return parseDigest(known);
    const digest = await compressBlob(store, layer.digest, compression);
    store.records.set(SPACE, key, { blobs: [digest], value: digest });
    return digest;
  });
  return { ...layer, mediaType: TYPES[compression], digest: blob, size: store.content.info(blob)!.size };
}

async function compressBlob(store: Store, digest: Digest, compression: 'gzip' | 'zstd'): Promise<Digest> {
  const ingest = store.content.ingest();
  try {
    for await (const chunk of compress(store.content.read(digest), compression) as AsyncIterable<Buffer>)
      ingest.write(chunk);
    return ingest.commit().digest;
  } catch (error) {
    ingest.abort();
    throw error;
  }
}
