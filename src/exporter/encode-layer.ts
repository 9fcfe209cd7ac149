import { Readable } from 'node:stream';
import {
  type BlobInfo,
  type BlobTap,
  compress,
  createHash,
  type Descriptor,
  decompress,
  type Ingest,
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

export interface EncodeOptions {
  readonly tap?: BlobTap;
  /**
   * Whether the store keeps the blob; unless told, it does. Else only what it is called is remembered: the blob can be
   * made again, and writing it would cost the disk more than making it costs the processors.
   */
  readonly keep?: boolean;
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

/** What a layer was encoded to before, when the blob was not kept. */
export function foretoldEncoding(store: Store, layer: Descriptor, form: LayerForm): Descriptor | undefined {
  const known = store.records.get(SPACE, keyOf(layer, form))?.value;
  if (typeof known !== 'object' || known === null || !('digest' in known) || !('size' in known))
    return undefined;
  const { digest, size } = known;
  if (typeof digest !== 'string' || typeof size !== 'number') return undefined;
  return described(layer, form, { digest: parseDigest(digest), size });
}

/**
 * Encodes a layer; once, also among several processes, when it is kept for the next time. The tap gets nothing when the
 * blob turns out to be there.
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
    const { digest, size } = info;
    const isKept = options.keep ?? true;
    store.records.set(SPACE, key, isKept ? { blobs: [digest], value: digest } : { value: { digest, size } });
    return described(layer, form, info);
  };
  return store.records.exclusive(SPACE, key, encode, options.signal);
}

async function encodeBlob(
  store: Store,
  layer: Descriptor,
  form: LayerForm,
  { tap, progress, signal, keep = true }: EncodeOptions,
): Promise<BlobInfo> {
  const { compression: kind, level } = form;
  const request = {
    ...(level !== undefined && { level }),
    ...(tap && { tap }),
    ...(progress && { progress }),
    keep,
    signal,
  };
  const info = kind === 'none' ? undefined : store.content.compressTar(layer.digest, { kind, ...request });
  if (info !== undefined) return info;
  const blob = encoded(counted(plainTar(store, layer), progress), form);
  const ingest = keep ? store.content.ingest() : new BlobHash();
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

/** What a blob is called, without keeping it. */
class BlobHash implements Pick<Ingest, 'write' | 'commit' | 'abort'> {
  readonly #hash = createHash('sha256');
  #size = 0;

  write(chunk: Uint8Array): void {
    this.#hash.update(chunk);
    this.#size += chunk.length;
  }

  commit(): BlobInfo {
    return { digest: parseDigest(`sha256:${this.#hash.digest('hex')}`), size: this.#size };
  }

  abort(): void {}
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
