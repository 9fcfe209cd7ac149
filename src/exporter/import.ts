import type { Readable } from 'node:stream';
import {
  type ContainerConfig,
  digestOfDiff,
  hostPlatform,
  MediaType,
  type Platform,
  parseDiffId,
  plainTar,
  type Store,
} from '../../layers/index.ts';
import { normalised } from './archive-images.ts';
import { type CommittedImage, commitImage, nameImage } from './image.ts';

export interface ImportOptions {
  /** What the image runs: the outcome of `--change`. */
  readonly config?: ContainerConfig;
  readonly message?: string;
  readonly tag?: string;
  readonly platform?: Platform;
  /** RFC 3339. Default: now. */
  readonly created?: string;
}

/** Makes an image of one layer from a tar of a root filesystem, plain or compressed: `docker import`. */
export async function importRootfs(
  store: Store,
  tar: Readable,
  options: ImportOptions = {},
): Promise<CommittedImage> {
  const names = options.tag === undefined ? [] : [normalised(options.tag)];
  const diffId = await ingestPlain(store, plainTar(tar));
  const { size } = store.content.info(digestOfDiff(diffId))!;
  const blob = { mediaType: MediaType.ociLayer, digest: digestOfDiff(diffId), size };
  const layer = await store.unpack(blob, diffId);
  const { os, architecture, variant } = options.platform ?? hostPlatform();
  const created = options.created ?? new Date().toISOString();
  const image = await commitImage(
    store,
    {
      os,
      architecture,
      ...(variant !== undefined && { variant }),
      config: options.config ?? {},
      history: [{ created, comment: options.message ?? 'Imported' }],
    },
    [layer],
    { created },
  );
  nameImage(store, names, image.descriptor);
  return image;
}

/** Stores the tar as it is when decompressed: such a layer's digest is its diff ID. */
async function ingestPlain(store: Store, tar: AsyncIterable<Uint8Array>) {
  const ingest = store.content.ingest();
  try {
    for await (const chunk of tar) ingest.write(chunk);
    return parseDiffId(ingest.commit().digest);
  } catch (error) {
    ingest.abort();
    throw error;
  }
}
