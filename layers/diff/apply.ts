import { createHash } from 'node:crypto';
import type { Readable } from 'node:stream';
import type { StoreError } from '../errors.ts';
import { SystemCallError } from '../linux/errno.ts';
import type { DiffId } from '../oci/digest.ts';
import { archiveError } from './archive-error.ts';
import { type ArchiveLimits, defaultLimits } from './archive-limits.ts';
import type { LayerInfo } from './hash-layer.ts';
import { LayerExtractor } from './layer-extractor.ts';
import { TarReader } from './tar-reader.ts';
import type { OverlayXattrs } from './whiteout.ts';

/** See {@link ArchiveLimits}; what is not given is as `defaultLimits` has it. */
export type ApplyLimits = Partial<ArchiveLimits>;

export interface ApplyOptions {
  readonly limits?: ApplyLimits;
  /** Default `trusted.overlay.`. */
  readonly overlayXattrs?: OverlayXattrs;
}

/**
 * Unpacks a layer tar into an empty directory that nobody else uses yet, in the form of an overlayfs upper directory,
 * and hashes every byte of the tar on the way, padding too.
 *
 * Entries are applied strictly in their order, each replacing what it finds (a directory keeps its content). Parents
 * that are symlinks of this layer are followed inside the directory; missing ones are made, mode 0755 and owner 0.
 *
 * Throws `INVALID_ARCHIVE`, `PATH_ESCAPES_ROOT`, `LIMIT_EXCEEDED`, `UNSUPPORTED` (a device node that this process may
 * not make, capabilities that the filesystem does not hold) and `SYSTEM`; the directory is then to be thrown away.
 */
export async function applyLayer(
  tar: Readable,
  directory: string,
  options: ApplyOptions = {},
): Promise<LayerInfo> {
  const reader = new TarReader(options.limits === undefined ? {} : { limits: options.limits });
  const limits = { ...defaultLimits, ...options.limits };
  const extractor = new LayerExtractor(directory, limits.entries);
  const hash = createHash('sha256');
  let size = 0;
  try {
    for await (const chunk of tar as AsyncIterable<Buffer>) {
      hash.update(chunk);
      size += chunk.length;
      reader.feed(chunk);
      extract(reader, extractor);
    }
    reader.end();
    extractor.finish(options.overlayXattrs ?? 'trusted.overlay.');
  } finally {
    extractor.close();
  }
  const diffId = `sha256:${hash.digest('hex')}` as DiffId;
  return { diffId, size, entries: reader.entries, disk: extractor.disk };
}

/** Uses up what was fed. */
function extract(reader: TarReader, extractor: LayerExtractor): void {
  try {
    for (let step = reader.next(); step !== undefined; step = reader.next()) {
      if (step === 'data') extractor.write(reader.data);
      else if (step === 'entry') extractor.begin(reader.entry);
      else extractor.end();
    }
  } catch (error) {
    throw error instanceof SystemCallError ? failure(error, reader) : error;
  }
}

function failure(error: SystemCallError, { entry }: TarReader): StoreError {
  const isDevice = entry.type === 'char' || entry.type === 'block';
  if (isDevice && error.code === 'EPERM')
    return archiveError(
      'UNSUPPORTED',
      entry.path,
      'Cannot unpack the layer: it has a device node, which takes CAP_MKNOD',
      {
        cause: error,
      },
    );
  return archiveError('SYSTEM', entry.path, `Cannot unpack the layer: ${error.message}`, { cause: error });
}
