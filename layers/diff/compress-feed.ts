import type { BlobInfo } from '../content/content-store.ts';
import { createHash } from '../linux/hash.ts';
import type { Digest } from '../oci/digest.ts';
import { compressPieces } from './compress.ts';
import type { TarFeed } from './tar-feed.ts';
import { writeAt } from './write-feed.ts';

export interface BlobTarget {
  readonly kind: 'gzip' | 'zstd';
  readonly level?: number;
  /** An empty file, written from its start. */
  readonly fd?: number;
  /** Is given each piece of the blob, after it was written; the next one follows when it resolves. */
  readonly sink?: (member: Buffer) => Promise<void> | undefined;
  /** Told of the bytes of the tar that are done. */
  readonly progress?: (bytes: number) => void;
}

/** Compresses a tar; hashes, writes and passes on what comes out. */
export async function compressFeed(feed: TarFeed, target: BlobTarget): Promise<BlobInfo> {
  const { kind, level, fd, sink, progress } = target;
  const hash = createHash('sha256');
  let size = 0;
  let done = 0;
  const used = (piece: Buffer): void => {
    done += piece.length;
    progress?.(done);
    feed.more(piece);
  };
  for await (const member of compressPieces(piecesOf(feed), kind, level, used)) {
    hash.update(member);
    if (fd !== undefined) writeAt(fd, member, size, 'Cannot write a blob to the store');
    size += member.length;
    const room = sink?.(member);
    if (room !== undefined) await room;
  }
  return { digest: `sha256:${hash.digest('hex')}` as Digest, size };
}

async function* piecesOf(feed: TarFeed): AsyncGenerator<Buffer> {
  for (let piece = await feed.next(); piece !== undefined; piece = await feed.next()) yield piece;
}
