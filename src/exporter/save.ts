import { createWriteStream, lstatSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { hostPlatform, type Platform, type Store, StoreError } from '../../layers/index.ts';
import { archiveTar, bodyOf, writeArchiveFile } from './archive-file.ts';
import { normalised } from './archive-images.ts';
import { formedGraph, type ImageForm } from './compressed.ts';
import { imageGraph } from './image-graph.ts';
import { type ArchivedImage, type ArchiveFile, type ArchiveFormat, archiveFiles } from './oci-archive.ts';
import { writeWhole } from './write-whole.ts';

export interface SaveOptions {
  readonly format: ArchiveFormat;
  /** Which platform older readers of a `docker` archive see. Default: this machine's. */
  readonly platform?: Platform;
  /** What the image is to be in the archive. Default: as it is, layers that were made here plain. */
  readonly form?: ImageForm;
  readonly signal?: AbortSignal;
}

/** Writes images of the store, by name, as one archive; see {@link writeArchive}. Throws `NOT_FOUND`. */
export async function saveImages(
  store: Store,
  names: readonly string[],
  output: string | Writable,
  options: SaveOptions,
): Promise<void> {
  const byDigest = new Map<string, { target: ArchivedImage['target']; names: string[] }>();
  for (const name of new Set(names.map(normalised))) {
    const record = store.images.get(name);
    if (record === undefined) throw new StoreError('NOT_FOUND', name, `No such image: ${name}`);
    const known = byDigest.get(record.target.digest) ?? { target: record.target, names: [] };
    known.names.push(name);
    byDigest.set(record.target.digest, known);
  }
  await writeArchive(store, [...byDigest.values()], output, options);
}

/**
 * Writes images as one tar that docker load, podman load and skopeo read. Layers are written as the store has them. A
 * path gets the archive when it is whole, or nothing. The same images give the same bytes.
 */
export async function writeArchive(
  store: Store,
  images: readonly ArchivedImage[],
  output: string | Writable,
  options: SaveOptions,
): Promise<void> {
  const files = await filesOf(store, images, options);
  const { signal } = options;
  if (typeof output === 'string')
    await writeWhole(output, (path) => writeArchiveFile(store.content, files, path, signal));
  else await pipeline(archiveTar(store.content, files), output, { end: false, ...(signal && { signal }) });
}

/** Writes images as an OCI layout directory. Blobs that are there already stay as they are; its documents are replaced. */
export async function writeLayout(
  store: Store,
  images: readonly ArchivedImage[],
  directory: string,
  options: SaveOptions,
): Promise<void> {
  const files = await filesOf(store, images, options);
  for (const folder of new Set(['blobs/sha256', ...files.map(({ path }) => dirname(path))]))
    mkdirSync(join(directory, folder), { recursive: true });
  for (const file of files) {
    const path = join(directory, file.path);
    const isBlob = typeof file.content === 'string';
    if (isBlob && lstatSync(path, { throwIfNoEntry: false })?.size === file.size) continue;
    await writeWhole(path, (temporary) =>
      pipeline(
        Readable.from(bodyOf(store.content, file), { objectMode: false }),
        createWriteStream(temporary),
        { ...(options.signal && { signal: options.signal }) },
      ),
    );
  }
}

async function filesOf(
  store: Store,
  images: readonly ArchivedImage[],
  { format, platform = hostPlatform(), form = { compression: 'none' } }: SaveOptions,
): Promise<ArchiveFile[]> {
  const written: ArchivedImage[] = [];
  for (const { target, names } of images) {
    const graph = await formedGraph(store, imageGraph(store.content, target), form);
    written.push({ target: graph.target, names });
  }
  return archiveFiles(store.content, written, format, platform);
}
