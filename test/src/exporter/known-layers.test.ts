import { expect, test } from 'vitest';
import { type ContentStore, type Descriptor, digestOf, MediaType } from '../../../layers/index.ts';
import { KnownLayers } from '../../../src/exporter/known-layers.ts';
import { sampleImage } from '../../support/sample-image.ts';

/** What it asks of a store. */
function contentOf(blobs: ReadonlyMap<string, Buffer>): ContentStore {
  const info = (digest: string) => blobs.has(digest) || undefined;
  return { info, readAll: (digest: string) => blobs.get(digest)! } as unknown as ContentStore;
}

/** An index in an index, and so on, around an image. */
function nested(depth: number) {
  const image = sampleImage();
  const blobs = new Map([
    [image.descriptor.digest as string, image.manifestBytes],
    [image.manifest.config.digest as string, image.config],
  ]);
  let entry: Descriptor = image.descriptor;
  for (let level = 0; level < depth; level++) {
    const mediaType = MediaType.ociIndex;
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: [entry] }));
    entry = { mediaType, digest: digestOf(bytes), size: bytes.length };
    blobs.set(entry.digest, bytes);
  }
  return { layer: image.layers[0]!.descriptor.digest, entry, content: contentOf(blobs) };
}

test('KnownLayers knows the layers of an image in an index in an index', () => {
  const { layer, entry, content } = nested(2);
  expect(new KnownLayers(content, [entry]).get(layer)).toBeDefined();
});

test('KnownLayers looks into no nest without end', () => {
  const { layer, entry, content } = nested(20_000);
  expect(new KnownLayers(content, [entry]).get(layer)).toBeUndefined();
});
