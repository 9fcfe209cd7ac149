import { readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Layout } from './layout.ts';
import { ifPresent } from './linux/if-present.ts';
import type { Descriptor } from './oci/descriptor.ts';
import { type DiffId, parseDigest } from './oci/digest.ts';

/**
 * The blob that a layer came in. Only who wrote a tar knows its bytes: the files of a layer from outside do not give
 * them again, so its blob has to stay as long as the layer. A layer that was made here has none.
 */
export type LayerBlob = Pick<Descriptor, 'mediaType' | 'digest' | 'size'>;

/** `layer` is its directory in the store. `unknown`: from outside, but its note is damaged. */
export function readLayerBlob(layout: Layout, diffId: DiffId): LayerBlob | 'unknown' | undefined {
  const text = ifPresent(() => readFileSync(`${layout.layer(diffId)}/blob.json`, 'utf8'));
  if (text === undefined) return undefined;
  try {
    const { mediaType, digest, size } = JSON.parse(text) as LayerBlob;
    return { mediaType, digest: parseDigest(digest), size };
  } catch {
    return 'unknown';
  }
}

/** Notes the blob beside the directory that a layer is being unpacked into. */
export function writeLayerBlob(directory: string, { mediaType, digest, size }: LayerBlob): void {
  const text = JSON.stringify({ mediaType, digest, size });
  writeFileSync(`${dirname(directory)}/blob.json`, `${text}\n`, { mode: 0o600 });
}
