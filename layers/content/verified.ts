import { pipeline, type Readable, Transform } from 'node:stream';
import { StoreError } from '../errors.ts';
import { createHash } from '../linux/hash.ts';
import { algorithmOf, type Digest } from '../oci/digest.ts';

/** Bytes that each side may buffer. */
const BUFFERED = 1 << 18;

/** The same bytes; fails with `CORRUPT` instead of ending when they do not hash to the digest. */
export function verified(source: Readable, digest: Digest): Readable {
  const algorithm = algorithmOf(digest);
  const hash = createHash(algorithm);
  return through(
    source,
    new Transform({
      highWaterMark: BUFFERED,
      transform(chunk: Buffer, _encoding, done) {
        hash.update(chunk);
        done(null, chunk);
      },
      flush(done) {
        const actual = `${algorithm}:${hash.digest('hex')}`;
        done(actual === digest ? null : corrupt(digest, actual));
      },
    }),
  );
}

/** The same bytes without the first `count`. */
export function skipping(source: Readable, count: number): Readable {
  let left = count;
  return through(
    source,
    new Transform({
      highWaterMark: BUFFERED,
      transform(chunk: Buffer, _encoding, done) {
        const skipped = Math.min(left, chunk.length);
        left -= skipped;
        done(null, chunk.subarray(skipped));
      },
    }),
  );
}

export function corrupt(digest: Digest, actual: string): StoreError {
  return new StoreError('CORRUPT', digest, `Blob ${digest} is damaged in the store: it hashes to ${actual}`);
}

/** Errors of either stream end both; the reader sees them on the stream returned. */
function through(source: Readable, transform: Transform): Readable {
  pipeline(source, transform, () => {});
  return transform;
}
