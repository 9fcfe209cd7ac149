import { readdirSync, renameSync } from 'node:fs';
import type { ContentStore } from '../content/content-store.ts';
import type { Layout } from '../layout.ts';
import type { DiffId } from '../oci/digest.ts';
import { removeAbandonedLocks } from '../records/key-lock.ts';
import { type RecordFile, readRecords, readSpaces, recordPath } from '../records/record-file.ts';
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { GcOptions, GcReport, StoreRecord } from '../store.ts';
import type { FileLease } from './lease.ts';
import { partials, reclaimDeadLeases, reclaimOrphans } from './reclaim.ts';
import { Marker, type Marks } from './roots.ts';
import { emptyTrash } from './trash.ts';

/** The parts of a store that a collection works on. */
export interface Collected {
  readonly layout: Layout;
  readonly lease: FileLease;
  readonly content: ContentStore;
  readonly snapshots: Snapshotter;
}

type NamedRecord = RecordFile & { readonly space: string };

/** Removes what no lease, image or record leads to. docs/store-layout.md, "Collection". */
export async function collect(parts: Collected, options: GcOptions = {}): Promise<GcReport> {
  const { layout, lease } = parts;
  const marker = new Marker(layout);
  // Only to have read the documents, and the sizes, before everybody has to wait.
  marker.mark(readableOf(allRecords(layout)));
  const sizes = new Map(Array.from(parts.snapshots.list(), ({ diffId, disk }) => [diffId, disk]));
  const report = await lease.exclusive(() => {
    reclaimDeadLeases(layout);
    reclaimOrphans(layout);
    removeAbandonedLocks(layout);
    const records = allRecords(layout).map((file) => ({ ...file, stays: stays(file, options) }));
    const marks = marker.mark(readableOf(records.filter((file) => file.stays)), lease.unnoted);
    const dropped = records.filter((file) => !file.stays);
    return sweep(parts, { marks, dropped, sizes }, options.dryRun ?? false);
  });
  await emptyTrash(layout.trash);
  return report;
}

function allRecords(layout: Layout): NamedRecord[] {
  return readSpaces(layout).flatMap((space) =>
    Array.from(readRecords(layout, space), (file) => ({ ...file, space })),
  );
}

function readableOf(files: readonly NamedRecord[]): StoreRecord[] {
  return files.flatMap(({ record }) => record ?? []);
}

/** An unreadable record serves nobody. */
function stays({ space, key, record, usedAt }: NamedRecord, { dropRecords }: GcOptions): boolean {
  return record !== undefined && !dropRecords?.(space, key, usedAt);
}

interface Findings {
  readonly marks: Marks;
  readonly dropped: readonly NamedRecord[];
  /** Bytes of a layer's directory. */
  readonly sizes: ReadonlyMap<DiffId, number>;
}

function sweep({ layout, lease, content }: Collected, findings: Findings, dryRun: boolean): GcReport {
  const { marks, dropped, sizes } = findings;
  let reclaimed = 0;
  const discard = (path: string, size: number) => {
    reclaimed += size;
    if (!dryRun) renameSync(path, lease.trashPath());
  };
  for (const { path, size } of partials(layout)) discard(path, size);
  for (const { space, key, size } of dropped) discard(recordPath(layout, space, key), size);
  const blobs = [...content.list()].filter(({ digest }) => !marks.blobs.has(digest));
  for (const { digest, size } of blobs) discard(layout.blob(digest), size);
  const layers = layersIn(layout).filter((diffId) => !marks.layers.has(diffId));
  for (const diffId of layers) discard(layout.layer(diffId), sizes.get(diffId) ?? 0);
  return {
    blobs: blobs.map(({ digest }) => digest),
    layers,
    records: dropped.map(({ space, key }) => `${space}/${key}`),
    reclaimed,
  };
}

function layersIn(layout: Layout): DiffId[] {
  return readdirSync(`${layout.layers}/sha256`)
    .filter((name) => /^[0-9a-f]{64}$/.test(name))
    .map((hex) => `sha256:${hex}` as DiffId);
}
