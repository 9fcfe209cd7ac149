import { createHash } from '../../layers/index.ts';
import type { CacheKey, KeyPart } from './operation.ts';

/** Raised when the encoding or the meaning of a part changes, so that older records are never mistaken for new ones. */
const FORMAT = 'tsbuild cache key 1';

/**
 * Hashes named parts. Every name and value is framed by its length, so that no byte can move from one field to the
 * next without changing the key.
 */
export function cacheKey(parts: readonly KeyPart[]): CacheKey {
  const hash = createHash('sha256');
  const frame = (bytes: string | Uint8Array) => {
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length));
    hash.update(length).update(bytes);
  };
  frame(FORMAT);
  for (const { name, value } of parts) {
    frame(name);
    frame(value);
  }
  return hash.digest('hex');
}
