import { lstatSync } from 'node:fs';
import { Readable } from 'node:stream';
import {
  compress,
  createHash,
  type DiffId,
  type Hash,
  MediaType,
  openLayerTar,
  type Store,
} from '../../layers/index.ts';
import type { LayerForm } from '../exporter/encode-layer.ts';
import type { KeptMount, LayerBlob } from './contents.ts';

const TYPES = { none: MediaType.ociLayer, gzip: MediaType.ociLayerGzip, zstd: MediaType.ociLayerZstd };
/** What cache mounts hold is mostly packed already. */
const QUICK = { none: {}, gzip: { level: 1 }, zstd: {} };

/** What of a cache mount's directory its tar does not say. */
export function rootOf(directory: string): Pick<KeptMount, 'mode' | 'uid' | 'gid'> {
  const { mode, uid, gid } = lstatSync(directory);
  return { mode: mode & 0o7777, uid, gid };
}

/** The digest of a directory's tar; undefined when that has more bytes than `limit`. */
export async function measureMount(
  directory: string,
  limit: number,
  signal: AbortSignal,
): Promise<DiffId | undefined> {
  const hash = createHash('sha256');
  let size = 0;
  for await (const chunk of openLayerTar(directory) as AsyncIterable<Buffer>) {
    signal.throwIfAborted();
    hash.update(chunk);
    size += chunk.length;
    if (size > limit) return undefined;
  }
  return `sha256:${hash.digest('hex')}` as DiffId;
}

/** Stores the directory's tar in a form. The digest is that of what was read now: steps may go on writing. */
export async function archiveMount(
  store: Store,
  directory: string,
  form: LayerForm,
  signal: AbortSignal,
): Promise<{ readonly diffId: DiffId; readonly blob: LayerBlob }> {
  const { compression, level } = form;
  const hash = createHash('sha256');
  const tar = Readable.from(hashed(openLayerTar(directory), hash), {
    objectMode: false,
    highWaterMark: 1 << 20,
  });
  const bytes =
    compression === 'none'
      ? tar
      : compress(tar, compression, level === undefined ? QUICK[compression] : { level });
  const ingest = store.content.ingest();
  try {
    for await (const chunk of bytes as AsyncIterable<Buffer>) {
      signal.throwIfAborted();
      ingest.write(chunk);
    }
    const info = ingest.commit();
    const diffId = `sha256:${hash.digest('hex')}` as DiffId;
    return { diffId, blob: { mediaType: TYPES[compression], ...info } };
  } catch (error) {
    ingest.abort();
    throw error;
  }
}

async function* hashed(bytes: Readable, hash: Hash): AsyncGenerator<Buffer> {
  for await (const chunk of bytes as AsyncIterable<Buffer>) {
    hash.update(chunk);
    yield chunk;
  }
}
