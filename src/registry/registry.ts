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
  /** Every tag of the repository, in the registry's order. */
  tags(): Promise<readonly string[]>;
  /** Manifests whose `subject` is the digest: attestations, signatures. Empty where there are none. */
  referrers(digest: Digest, artifactType?: string): Promise<readonly Descriptor[]>;
  /** Drops connections. */
  close(): void;
}

export type RegistryErrorCode =
  | 'UNREACHABLE'
  | 'UNAUTHORIZED'
  | 'DENIED'
  | 'NOT_FOUND'
  | 'RATE_LIMITED'
  | 'INVALID_RESPONSE'
  | 'LIMIT_EXCEEDED'
  | 'BAD_CONFIG';

export class RegistryError extends Error {
  override readonly name = 'RegistryError';
  /** What to do about it. */
  readonly hint?: string;

  constructor(
    readonly code: RegistryErrorCode,
    readonly subject: string,
    message: string,
    options: ErrorOptions & { readonly hint?: string } = {},
  ) {
    super(message, options);
    if (options.hint !== undefined) this.hint = options.hint;
  }
}
