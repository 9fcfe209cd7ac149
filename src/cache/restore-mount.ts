import { type ActiveSnapshot, applyLayer, decompress, StoreError } from '../../layers/index.ts';
import type { KeptMount } from './contents.ts';
import type { ImportedBlob } from './fetch-layers.ts';
import { type ImportContext, warn } from './import-source.ts';
import { InternalStep, TransferProgress } from './progress.ts';

/** Bytes that one cache mount may have, unpacked. */
const MAX_MOUNT_BYTES = 16 * 2 ** 30;

/** The content of a cache mount, in a snapshot of its own; undefined when it cannot be had. */
export async function restoreMount(
  mount: KeptMount,
  source: ImportedBlob,
  context: ImportContext,
  signal: AbortSignal | undefined,
): Promise<ActiveSnapshot | undefined> {
  const snapshot = context.store.snapshots.prepare([]);
  const progress = new InternalStep(context.report, `[internal] importing cache mount ${mount.id}`);
  try {
    await unpackMount(source, mount, snapshot, context, progress);
    progress.done();
    return snapshot;
  } catch (error) {
    snapshot.abort();
    signal?.throwIfAborted();
    progress.done(error);
    warn(context, source.reader, `Cannot import the cache mount "${mount.id}"`, error);
    return undefined;
  }
}

async function unpackMount(
  { blob, reader }: ImportedBlob,
  { diffId, mode, uid, gid }: KeptMount,
  snapshot: ActiveSnapshot,
  { store, report }: ImportContext,
  step: InternalStep,
): Promise<void> {
  const progress = new TransferProgress(report, step.digest, blob);
  if (blob.size > MAX_MOUNT_BYTES)
    throw new StoreError('LIMIT_EXCEEDED', blob.digest, `It has more than ${MAX_MOUNT_BYTES} bytes`);
  if (store.content.info(blob.digest) === undefined)
    await store.content.put(progress.counted(reader.open(blob, 0), 0), blob);
  const directory = snapshot.root().upper!;
  const tar = decompress(store.content.read(blob.digest), blob.mediaType);
  const unpacked = await applyLayer(tar, directory, { limits: { bytes: MAX_MOUNT_BYTES } });
  if (unpacked.diffId !== diffId)
    throw new StoreError('DIGEST_MISMATCH', diffId, `Its files have the diff ID ${unpacked.diffId}`);
  const { chmodSync, chownSync } = await import('node:fs');
  chownSync(directory, uid, gid);
  chmodSync(directory, mode);
}
