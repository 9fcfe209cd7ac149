import { join } from 'node:path';
import { algorithmOf, type DiffId, type Digest, hexOf } from './oci/digest.ts';

/** Where things are in a store's directory: docs/store-layout.md. */
export interface Layout {
  readonly root: string;
  readonly version: string;
  readonly lock: string;
  readonly blobs: string;
  readonly layers: string;
  readonly images: string;
  readonly records: string;
  readonly leases: string;
  readonly active: string;
  readonly ingest: string;
  readonly locks: string;
  readonly trash: string;
  blob(digest: Digest): string;
  /** What is here of a blob whose transfer broke off. */
  partial(digest: Digest): string;
  layer(diffId: DiffId): string;
}

export function storeLayout(root: string): Layout {
  const blobs = join(root, 'blobs');
  const layers = join(root, 'layers');
  return {
    root,
    version: join(root, 'version'),
    lock: join(root, 'lock'),
    blobs,
    layers,
    images: join(root, 'images'),
    records: join(root, 'records'),
    leases: join(root, 'leases'),
    active: join(root, 'active'),
    ingest: join(root, 'ingest'),
    locks: join(root, 'locks'),
    trash: join(root, 'trash'),
    partial: (digest) => join(root, 'ingest', `partial.${fileNameOf(digest)}`),
    blob: (digest) => `${blobs}/${algorithmOf(digest)}/${hexOf(digest)}`,
    layer: (diffId) => `${layers}/${algorithmOf(diffId)}/${hexOf(diffId)}`,
  };
}

/** A digest as a part of a file name: `sha256-<hex>`. */
export function fileNameOf(digest: Digest): string {
  return `${algorithmOf(digest)}-${hexOf(digest)}`;
}
