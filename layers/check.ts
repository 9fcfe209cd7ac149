import { finished } from 'node:stream/promises';
import { checkBlob } from './content/check-blob.ts';
import type { LayerTar, LocalContentStore } from './content/local.ts';
import { StoreError } from './errors.ts';
import { readImages } from './images/local-images.ts';
import { readLayerBlob } from './layer-blob.ts';
import type { Layout } from './layout.ts';
import type { Descriptor } from './oci/descriptor.ts';
import type { DiffId, Digest } from './oci/digest.ts';
import { invalid } from './oci/document.ts';
import { parseImageConfig } from './oci/image-config.ts';
import { layersOf, parseIndex, parseManifest } from './oci/manifest.ts';
import { isIndexType, isManifestType, MediaType } from './oci/media-types.ts';
import { readRecords, readSpaces } from './records/record-file.ts';
import type { Snapshotter } from './snapshots/snapshotter.ts';
import type { Problem } from './store.ts';

export interface CheckedParts {
  readonly layout: Layout;
  readonly content: LocalContentStore;
  readonly snapshots: Snapshotter;
  layerTar(diffId: DiffId): LayerTar | undefined;
}

const CONFIG_TYPES: readonly string[] = [MediaType.ociConfig, MediaType.dockerConfig];

/** See `Store.check`. */
export async function checkStore(parts: CheckedParts): Promise<readonly Problem[]> {
  const problems: Problem[] = [];
  const { layout, content, snapshots } = parts;
  for (const { digest } of content.list()) {
    const blob = content.info(digest);
    if (blob === undefined) continue; // Collected meanwhile; what is found now stays.
    const message = await checkBlob(layout.blob(blob.digest), blob);
    if (message !== undefined) problems.push({ subject: blob.digest, message });
  }
  for (const { diffId } of snapshots.list()) {
    const message = await failure(() => readLayer(parts, diffId));
    if (message !== undefined) problems.push({ subject: diffId, message });
  }
  for (const { name, target } of readImages(layout)) {
    const message = await failure(() => followImage(parts, target));
    if (message !== undefined) problems.push({ subject: name, message });
  }
  return [...problems, ...recordProblems(parts)];
}

/** The message that a call fails with. */
async function failure(call: () => Promise<void> | void): Promise<string | undefined> {
  try {
    await call();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** The tar of a layer that was made here, made anew, has to hash to its diff ID. One from outside needs its blob. */
async function readLayer({ layout, content, layerTar }: CheckedParts, diffId: DiffId): Promise<void> {
  const blob = readLayerBlob(layout, diffId);
  if (blob === 'unknown')
    throw new StoreError('CORRUPT', diffId, `It is not known any more which blob layer ${diffId} came in`);
  if (blob !== undefined && content.info(blob.digest) === undefined)
    throw new StoreError(
      'NOT_FOUND',
      diffId,
      `Blob ${blob.digest}, in which the layer came, is not in the store`,
    );
  const tar = layerTar(diffId);
  if (tar === undefined) return; // From outside, or collected meanwhile.
  const stream = tar.open();
  stream.resume();
  await finished(stream);
}

/** Reads the documents of an image as strictly as those of strangers. Platforms that were never pulled may be missing. */
function followImage(parts: CheckedParts, target: Descriptor): void {
  const pending = [target];
  const seen = new Set<string>();
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next.digest)) continue;
    seen.add(next.digest);
    if (isManifestType(next.mediaType)) followManifest(parts, next);
    else pending.push(...childrenOf(parts, next));
  }
}

function childrenOf({ content }: CheckedParts, { mediaType, digest }: Descriptor): readonly Descriptor[] {
  if (!isIndexType(mediaType)) throw invalid('mediaType', `is ${mediaType}, which is no image`);
  const { manifests } = parseIndex(content.readAll(digest), mediaType);
  const stored = manifests.filter((child) => content.info(child.digest) !== undefined);
  if (stored.length === 0 && manifests.length > 0)
    throw invalid('manifests', 'has none that is in the store');
  return stored;
}

function followManifest({ content, snapshots }: CheckedParts, { mediaType, digest }: Descriptor): void {
  const manifest = parseManifest(content.readAll(digest), mediaType);
  const config = content.readAll(manifest.config.digest);
  // Artifacts (signatures, attestations) have configurations of their own kind, and plain blobs.
  const isImage = CONFIG_TYPES.includes(manifest.config.mediaType);
  const diffIds = isImage ? layersOf(manifest, parseImageConfig(config)).map(({ diffId }) => diffId) : [];
  for (const [index, layer] of manifest.layers.entries()) {
    const diffId = diffIds[index];
    const isUnpacked = diffId !== undefined && snapshots.layer(diffId) !== undefined;
    if (!isUnpacked && content.info(layer.digest) === undefined)
      throw new StoreError('NOT_FOUND', layer.digest, `Layer ${layer.digest} is not in the store`);
  }
}

function* recordProblems({ layout, content, snapshots }: CheckedParts): Generator<Problem> {
  for (const space of readSpaces(layout)) {
    for (const { key, record } of readRecords(layout, space)) {
      const subject = `${space}/${key}`;
      if (record === undefined) yield { subject, message: 'The record cannot be read' };
      const gone =
        record?.layers?.find((diffId) => snapshots.layer(diffId) === undefined) ??
        record?.blobs?.find((digest) => content.info(digest as Digest) === undefined);
      if (gone !== undefined)
        yield { subject, message: `The record names ${gone}, which is not in the store` };
    }
  }
}
