import { writeSync } from 'node:fs';
import type { BlobInfo } from '../content/content-store.ts';
import { StoreError } from '../errors.ts';
import { createHash } from '../linux/hash.ts';
import type { Digest } from '../oci/digest.ts';
import type { TarFeed } from './tar-feed.ts';

/** Writes a tar into a file, from an offset on, and tells what was written. */
export async function writeFeed(feed: TarFeed, fd: number, position: number): Promise<BlobInfo> {
  const hash = createHash('sha256');
  let size = 0;
  for (let piece = await feed.next(); piece !== undefined; piece = await feed.next()) {
    hash.update(piece);
    writeAt(fd, piece, position + size, 'Cannot write a layer to the archive');
    size += piece.length;
    feed.more(piece);
  }
  return { digest: `sha256:${hash.digest('hex')}` as Digest, size };
}

/** All of the bytes, wherever the descriptor's own offset is. `failure` begins the message of the error. */
export function writeAt(fd: number, bytes: Buffer, position: number, failure: string): void {
  try {
    for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
  } catch (cause) {
    throw new StoreError('SYSTEM', 'blob', `${failure}: ${(cause as Error).message}`, { cause });
  }
}
