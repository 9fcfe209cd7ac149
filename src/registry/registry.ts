import type { Readable } from 'node:stream';
import type { Descriptor, Digest, Reference } from '../../layers/index.ts';

/** Where a name's content is read from. Distribution spec 1.1. Errors are {@link RegistryError}. */
export interface Fetcher {
  /** HEAD or GET of the manifest: its descriptor. */
  resolve(reference: Reference): Promise<Descriptor>;
  /** Manifest or index, verified against the digest; at most 4 MiB. */
  manifest(digest: Digest): Promise<{ readonly descriptor: Descriptor; readonly bytes: Buffer }>;
  /** A blob from `offset`; not verified here (whoever stores it verifies). */
  blob(descriptor: Descriptor, offset?: number): Promise<Readable>;
}

export type RegistryErrorCode =
  | 'UNREACHABLE'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'NOT_FOUND'
  | 'RATE_LIMITED'
  | 'INVALID_RESPONSE'
  | 'LIMIT_EXCEEDED';

export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  constructor(
    readonly code: RegistryErrorCode,
    readonly subject: string,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}
