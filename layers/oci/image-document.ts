import type { Index, Manifest } from './descriptor.ts';
import { parseDocument } from './document.ts';
import { MAX_MANIFEST_BYTES, parseIndex, parseManifest } from './manifest.ts';
import { isIndexType, isManifestType } from './media-types.ts';

/** What a name or a digest in an index can point at. */
export type ImageDocument =
  | { readonly kind: 'manifest'; readonly manifest: Manifest }
  | { readonly kind: 'index'; readonly index: Index };

/**
 * Parses a manifest or an index from outside, whichever it is said to be. Where nobody says (`mediaType` undefined, or
 * the `application/json` of a plain file server) the document itself does. Throws `INVALID_MANIFEST`, `LIMIT_EXCEEDED`.
 */
export function parseImageDocument(bytes: Uint8Array, mediaType?: string): ImageDocument {
  const said =
    mediaType !== undefined && (isIndexType(mediaType) || isManifestType(mediaType)) ? mediaType : undefined;
  return looksLikeIndex(bytes, said)
    ? { kind: 'index', index: parseIndex(bytes, said) }
    : { kind: 'manifest', manifest: parseManifest(bytes, said) };
}

function looksLikeIndex(bytes: Uint8Array, said: string | undefined): boolean {
  return said === undefined ? parseDocument(bytes, MAX_MANIFEST_BYTES).has('manifests') : isIndexType(said);
}
