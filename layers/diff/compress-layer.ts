import type { BlobInfo } from '../content/content-store.ts';
import { createHash } from '../linux/hash.ts';
import type { Digest } from '../oci/digest.ts';
import { compressPieces } from './compress.ts';
import { type TarRequest, VerifiedTar } from './verified-tar.ts';
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

/**
 * Makes the tar of a layer and compresses it; hashes, writes and passes on what comes out. One thread for all of this but
 * deflate is as fast as what takes a blob, and each thread more takes longer to start than it saves.
 */
export async function compressLayer(request: TarRequest, target: BlobTarget): Promise<BlobInfo> {
  const { kind, level, fd, sink, progress } = target;
  const hash = createHash('sha256');
  /** Pieces that are not needed any more. */
  const free: Buffer[] = [];
  let size = 0;
  let done = 0;
  const used = (piece: Buffer): void => {
    done += piece.length;
    progress?.(done);
    free.push(piece);
  };
  for await (const member of compressPieces(piecesOf(request, free), kind, level, used)) {
    hash.update(member);
    if (fd !== undefined) writeAt(fd, member, size, 'Cannot write a blob to the store');
    size += member.length;
    const room = sink?.(member);
    if (room !== undefined) await room;
  }
  return { digest: `sha256:${hash.digest('hex')}` as Digest, size };
}

async function* piecesOf({ pieceSize, ...source }: TarRequest, free: Buffer[]): AsyncGenerator<Buffer> {
  const tar = new VerifiedTar(source);
  try {
    for (;;) {
      const used = free.pop();
      const buffer = used === undefined ? Buffer.allocUnsafeSlow(pieceSize) : Buffer.from(used.buffer);
      const length = tar.fill(buffer);
      if (length === 0) return;
      yield buffer.subarray(0, length);
    }
  } finally {
    tar.close();
  }
}
