import type { Descriptor } from '../oci/descriptor.ts';

/** A name and what it points at: a manifest or an index. */
export interface ImageRecord {
  /** Normalised: `docker.io/library/busybox:latest`, or `…@sha256:…`. */
  readonly name: string;
  readonly target: Descriptor;
  /** RFC 3339. */
  readonly updatedAt: string;
}

/** Names of images. Setting a name is atomic; the last writer wins. */
export interface ImageStore {
  get(name: string): ImageRecord | undefined;
  set(name: string, target: Descriptor): ImageRecord;
  /** Whether the name was there. */
  delete(name: string): boolean;
  list(): readonly ImageRecord[];
}
