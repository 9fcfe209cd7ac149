import { Readable } from 'node:stream';
import {
  type BlobInfo,
  compress,
  type Descriptor,
  decompress,
  MediaType,
  parseDigest,
  type Store,
} from '../../layers/index.ts';

/** `none`: what was made here stays a plain tar. */
export type LayerCompression = 'none' | 'gzip' | 'zstd';

/** What the layers of an image are to be, when it leaves the store. */
export interface LayerForm {
  readonly compression: LayerCompression;
  /** gzip 1 to 9, zstd 1 to 19; the usual one unless given. */
  readonly level?: number;
  /** Also layers that came from elsewhere in another form. */
  readonly force?: boolean;
}

/** Is given the bytes of a blob while they are made. */
export interface BlobTap {
  /** A promise: wait for it, there is enough under way. */
  write(chunk: Buffer): Promise<void> | undefined;
  end(): void;
}

export interface EncodeOptions {
  readonly tap?: BlobTap;
  /** Told of the bytes of the tar that are done. */
  readonly progress?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Where the blobs are remembered that layers were encoded to. */
const SPACE = 'compressed';
const PLAIN: readonly string[] = [MediaType.ociLayer, MediaType.dockerLayer];
const TYPES = { none: MediaType.ociLayer, gzip: MediaType.ociLayerGzip, zstd: MediaType.ociLayerZstd };

/** Whether a layer has to be encoded anew to have the form. */
export function needsEncoding({ mediaType }: Descriptor, { compression, force = false }: LayerForm): boolean {
  const isPlain = PLAIN.includes(mediaType);
  if (!force) return isPlain && compression !== 'none';
  const kind = isPlain ? 'none' : mediaType.endsWith('zstd') ? 'zstd' : 'gzip';
  return kind !== compression;
}

/** The blob that a layer was encoded to before, if it is still there. */
export function knownEncoding(store: Store, layer: Descriptor, form: LayerForm): Descriptor | undefined {
  const known = store.records.get(SPACE, keyOf(layer, form))?.value;
  const info = typeof known === 'string' ? store.content.info(parseDigest(known)) : undefined;
  return info && described(layer, form, info);
}

/**
 * Encodes a layer and keeps the blob for the next time; once, also among several processes. The tap gets nothing when
 * the blob turns out to be there.
 */
export function encodeLayer(
  store: Store,
  layer: Descriptor,
  form: LayerForm,
  options: EncodeOptions = {},
): Promise<Descriptor> {
  const key = keyOf(layer, form);
  const encode = async () => {
    const known = knownEncoding(store, layer, form);
    if (known !== undefined) return known;
    const info = await encodeBlob(store, layer, form, options);
    store.records.set(SPACE, key, { blobs: [info.digest], value: info.digest });
    return described(layer, form, info);
  };
  return store.records.exclusive(SPACE, key, encode, options.signal);
}

async function encodeBlob(
  store: Store,
  layer: Descriptor,
  form: LayerForm,
  { tap, progress, signal }: EncodeOptions,
): Promise<BlobInfo> {
  const blob = encoded(counted(plainTar(store, layer), progress), form);
  const ingest = store.content.ingest();
  try {
    for await (const chunk of blob as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      ingest.write(chunk);
      const room = tap?.write(chunk);
      if (room !== undefined) await room;
    }
    tap?.end();
    return ingest.commit();
  } catch (error) {
    ingest.abort();
    throw error;
  }
}

function plainTar(store: Store, { digest, mediaType }: Descriptor): Readable {
  const blob = store.content.read(digest);
  return PLAIN.includes(mediaType) ? blob : decompress(blob, mediaType);
}

function encoded(tar: Readable, { compression, level }: LayerForm): Readable {
  return compression === 'none' ? tar : compress(tar, compression, level === undefined ? {} : { level });
}

function counted(source: Readable, progress: ((bytes: number) => void) | undefined): Readable {
  if (progress === undefined) return source;
  async function* chunks() {
    let bytes = 0;
    for await (const chunk of source as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      progress?.(bytes);
      yield chunk;
    }
  }
  return Readable.from(chunks(), { objectMode: false, highWaterMark: 1 << 20 });
}

function keyOf({ digest }: Descriptor, { compression, level }: LayerForm): string {
  return `${compression}${level === undefined ? '' : `-${level}`}.${digest.replace(':', '.')}`;
}

function described({ annotations }: Descriptor, { compression }: LayerForm, info: BlobInfo): Descriptor {
  return { mediaType: TYPES[compression], ...info, ...(annotations && { annotations }) };
}
