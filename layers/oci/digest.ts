import { StoreError } from '../errors.ts';
import { createHash } from '../linux/hash.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Digest of a blob as it is stored and pushed: `sha256:<64 lower-case hex>`. image-spec descriptor.md, "Digests". */
export type Digest = Branded<'Digest'>;
/** Digest of an uncompressed layer tar; not assignable to {@link Digest}. image-spec config.md, "Layer DiffID". */
export type DiffId = Branded<'DiffId'>;
/** Identity of a stack of layers. image-spec config.md, "Layer ChainID". */
export type ChainId = Branded<'ChainId'>;

const SHA256 = /^sha256:[0-9a-f]{64}$/;
const SHA512 = /^sha512:[0-9a-f]{128}$/;

/** Parses a digest from outside. Throws `INVALID_DIGEST` unless the whole string is a sha256 or sha512 digest. */
export function parseDigest(text: unknown): Digest {
  if (typeof text !== 'string' || !(SHA256.test(text) || SHA512.test(text))) {
    throw new StoreError('INVALID_DIGEST', String(text), `Invalid digest ${JSON.stringify(text)}`);
  }
  return text as Digest;
}

/** Parses a diff ID from outside; see {@link parseDigest}. */
export function parseDiffId(text: unknown): DiffId {
  return parseDigest(text) as string as DiffId;
}

/** The hex part of a digest. */
export function hexOf(digest: Digest | DiffId | ChainId): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The algorithm part of a digest: `sha256` or `sha512`. */
export function algorithmOf(digest: Digest | DiffId | ChainId): 'sha256' | 'sha512' {
  return digest.startsWith('sha512:') ? 'sha512' : 'sha256';
}

/** Digest of bytes held in memory: sha256 unless told. */
export function digestOf(
  bytes: Uint8Array | string,
  algorithm: ReturnType<typeof algorithmOf> = 'sha256',
): Digest {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}` as Digest;
}

/** The layer digest of a layer whose blob is its plain tar: the same bytes, so the same string. */
export function digestOfDiff(diffId: DiffId): Digest {
  return diffId as string as Digest;
}

/** ChainID of a stack of diff IDs, bottom first. image-spec config.md, "Layer ChainID". */
export function chainId(diffIds: readonly DiffId[]): ChainId | undefined {
  let chain: string | undefined;
  for (const diffId of diffIds) chain = chain === undefined ? diffId : digestOf(`${chain} ${diffId}`);
  return chain as ChainId | undefined;
}
