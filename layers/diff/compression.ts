import { Readable } from 'node:stream';
import { StoreError } from '../errors.ts';
import { invalidArchive } from './archive-error.ts';
import { hasValidChecksum } from './tar-header.ts';

export type CompressionKind = 'gzip' | 'bzip2' | 'xz' | 'zstd';
/** `tar` means not compressed. */
export type ArchiveKind = 'tar' | CompressionKind;

/** Bytes that {@link detectArchive} wants to see. */
export const DETECT_BYTES = 512;

/**
 * What a file is by its first bytes (512, or all it has): a tar, or something compressed that may hold one, for which
 * {@link probeArchive} looks inside. Undefined for anything else, an empty tar included.
 */
export function detectArchive(head: Buffer): ArchiveKind | undefined {
  const kind = detectCompression(head);
  if (kind !== undefined) return kind;
  return head.length >= DETECT_BYTES && head[0] !== 0 && hasValidChecksum(head, 0) ? 'tar' : undefined;
}

/** What tells a format: {@link detectCompression} looks no further. */
const MAGIC_BYTES = 10;

/**
 * RFC 1952 section 2.3.1; xz's file format; RFC 8878 sections 3.1.1 and 3.1.2 (skippable frames). What bzip2 begins with
 * is text that a tar may begin with too, so the mark of its first block, or of its end, has to follow.
 */
function detectCompression(head: Buffer): CompressionKind | undefined {
  const magic = head.toString('latin1', 0, MAGIC_BYTES);
  if (magic.startsWith('\x1f\x8b\x08')) return 'gzip';
  if (magic.startsWith('\xfd7zXZ\0')) return 'xz';
  if (/^BZh[1-9](?:1AY&SY|\x17rE8P\x90)/.test(magic)) return 'bzip2';
  return /^(?:\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18)/.test(magic) ? 'zstd' : undefined;
}

/**
 * The plain tar of a layer blob. As everywhere else, what the blob is compressed with is told by its first bytes
 * (gzip, zstd or nothing), since registries serve blobs whose media type says otherwise. A media type that ends
 * in `+encrypted` fails with `UNSUPPORTED`, malformed or cut data and anything behind it with `INVALID_ARCHIVE`.
 */
export function decompress(source: Readable, mediaType: string): Readable {
  return readable(decompressLayer(source, mediaType));
}

async function* decompressLayer(source: Readable, mediaType: string): AsyncGenerator<Buffer> {
  if (mediaType.endsWith('+encrypted')) {
    source.destroy();
    throw new StoreError('UNSUPPORTED', mediaType, `Cannot read a layer: it is encrypted (${mediaType})`);
  }
  const { head, all } = await peek(source, MAGIC_BYTES);
  const kind = detectCompression(head);
  if (kind === 'bzip2' || kind === 'xz') {
    source.destroy();
    throw new StoreError(
      'UNSUPPORTED',
      mediaType,
      `Cannot read a layer: ${kind} is no compression of layers`,
    );
  }
  yield* decoded(all, kind ?? 'tar');
}

/** The bytes that `source` holds compressed in the way named. Fails with `INVALID_ARCHIVE` when malformed or cut. */
export function decompressAs(source: Readable, kind: ArchiveKind): Readable {
  return kind === 'tar' ? source : readable(decoded(source, kind));
}

async function* decoded(source: AsyncIterable<Buffer>, kind: ArchiveKind): AsyncGenerator<Buffer> {
  try {
    if (kind === 'tar') yield* source;
    else yield* await decoder(kind, source);
  } catch (error) {
    if (error instanceof StoreError || kind === 'tar') throw error;
    throw invalidArchive('', `Cannot decompress ${kind} data: ${(error as Error).message}`, { cause: error });
  }
}

async function decoder(
  kind: CompressionKind,
  source: AsyncIterable<Buffer>,
): Promise<AsyncGenerator<Buffer>> {
  switch (kind) {
    case 'gzip':
      return (await import('./gunzip.ts')).gunzip(source);
    case 'zstd':
      return (await import('./unzstd.ts')).unzstd(source);
    case 'bzip2':
      return (await import('./bunzip2.ts')).bunzip2(source);
    case 'xz':
      return (await import('./unxz.ts')).unxz(source);
  }
}

/** The plain tar in a stream that may be compressed in any of the ways known here, told by its first bytes. */
export function plainTar(source: Readable): Readable {
  return readable(sniffed(source));
}

async function* sniffed(source: Readable): AsyncGenerator<Buffer> {
  const { head, all } = await peek(source, MAGIC_BYTES);
  yield* decoded(all, detectCompression(head) ?? 'tar');
}

/**
 * What a file is, looking inside when it is compressed: a `.gz` of something that is no tar gives undefined.
 * `open` gives the file from its start; the stream is destroyed.
 */
export async function probeArchive(open: () => Readable): Promise<ArchiveKind | undefined> {
  const { head, all } = await peek(open(), DETECT_BYTES);
  const kind = detectArchive(head);
  if (kind === undefined || kind === 'tar') {
    await all.return(undefined);
    return kind;
  }
  try {
    const inner = await peek(decoded(all, kind), DETECT_BYTES);
    await inner.all.return(undefined);
    return detectArchive(inner.head) === 'tar' ? kind : undefined;
  } catch {
    return undefined;
  }
}

/** The first bytes (fewer when there are no more) of a stream, and all of it again, which ends the stream with it. */
export async function peek(
  source: AsyncIterable<Buffer>,
  length: number,
): Promise<{ readonly head: Buffer; readonly all: AsyncGenerator<Buffer> }> {
  const iterator = source[Symbol.asyncIterator]();
  const chunks: Buffer[] = [];
  let size = 0;
  while (size < length) {
    const { value, done } = await iterator.next();
    if (done === true) break;
    chunks.push(value);
    size += value.length;
  }
  async function* all(): AsyncGenerator<Buffer> {
    try {
      yield* chunks;
      for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
        yield next.value;
    } finally {
      await iterator.return?.();
    }
  }
  return { head: Buffer.concat(chunks), all: all() };
}

/** `Readable.from` for bytes: it counts bytes, not chunks, against its high-water mark. */
export function readable(chunks: AsyncIterable<Buffer>): Readable {
  return Readable.from(chunks, { objectMode: false, highWaterMark: 2 ** 20 });
}
