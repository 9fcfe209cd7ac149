import type { Readable } from 'node:stream';
import { StoreError } from '../errors.ts';
import { createHash } from '../linux/hash.ts';
import type { DiffId } from '../oci/digest.ts';
import type { MarkSpace } from '../snapshots/overlay-marks.ts';
import { archiveError } from './archive-error.ts';
import { type ArchiveLimits, defaultLimits } from './archive-limits.ts';
import type { LayerInfo } from './hash-layer.ts';
import { LayerExtractor } from './layer-extractor.ts';
import { TarReader } from './tar-reader.ts';

/** See {@link ArchiveLimits}; what is not given is as `defaultLimits` has it. */
export type ApplyLimits = Partial<ArchiveLimits>;

export interface ApplyOptions {
  readonly limits?: ApplyLimits;
  /** Default `trusted.overlay.`. */
  readonly overlayXattrs?: MarkSpace;
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
      naming(reader, () => extract(reader, extractor));
    }
    reader.end();
    naming(reader, () => extractor.finish(options.overlayXattrs ?? 'trusted.overlay.'));
  } finally {
    extractor.close();
  }
  const diffId = `sha256:${hash.digest('hex')}` as DiffId;
  return { diffId, size, entries: reader.entries, disk: extractor.disk };
}

/** Uses up what was fed. */
function extract(reader: TarReader, extractor: LayerExtractor): void {
  for (let step = reader.next(); step !== undefined; step = reader.next()) {
    if (step === 'data') extractor.write(reader.data);
    else if (step === 'entry') extractor.begin(reader.entry);
    else extractor.end();
  }
}

/** Runs `body`; a system call that fails in it is told with the entry that it was for. */
function naming(reader: TarReader, body: () => void): void {
  try {
    body();
  } catch (error) {
    if (!(error instanceof Error) || error instanceof StoreError || !('syscall' in error)) throw error;
    const { path, type } = reader.entry;
    const isDevice = type === 'char' || type === 'block';
    if (isDevice && 'code' in error && error.code === 'EPERM')
      throw archiveError(
        'UNSUPPORTED',
        path,
        'Cannot unpack the layer: making its device nodes takes CAP_MKNOD',
        {
          cause: error,
        },
      );
    throw archiveError('SYSTEM', path, `Cannot unpack the layer: ${error.message}`, { cause: error });
  }
}
