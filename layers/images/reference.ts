import type { Digest } from '../oci/digest.ts';

/** An image reference, normalised as Docker does: `busybox` → docker.io, library/busybox, latest. */
export interface Reference {
  /** Host with optional port: `docker.io`, `127.0.0.1:5000`. */
  readonly domain: string;
  /** `library/busybox`. */
  readonly path: string;
  readonly tag?: string;
  readonly digest?: Digest;
}
