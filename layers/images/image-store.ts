import type { Descriptor } from '../oci/descriptor.ts';

/** A name and what it points at: a manifest or an index. */
export interface ImageRecord {
  /** Normalised: `docker.io/library/busybox:latest`, or `…@sha256:…`; a bare digest for an image without a name. */
  readonly name: string;
  readonly target: Descriptor;
  /** RFC 3339. */
  readonly updatedAt: string;
}

/** Names of images. Setting a name is atomic; the last writer wins. */
export interface ImageStore {
  /** Leases the image, with all that it leads to. */
  get(name: string): ImageRecord | undefined;
  /** Changes nothing, `updatedAt` included, when the name points there already. Throws `INVALID_REFERENCE`. */
  set(name: string, target: Descriptor): ImageRecord;
  /** Whether the name was there. */
  delete(name: string): boolean;
  /** Sorted by name; leases nothing. */
  list(): readonly ImageRecord[];
}
