import { existsSync, mkdirSync, renameSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { FileLease } from '../gc/lease.ts';
import type { Layout } from '../layout.ts';
import { ifWritable } from '../linux/cannot-write.ts';
import { ifPresent } from '../linux/if-present.ts';
import { algorithmOf, type DiffId, type Digest } from '../oci/digest.ts';
import type { Snapshotter } from '../snapshots/snapshotter.ts';
import type { RecordStore, StoreRecord } from '../store.ts';
import { tryHoldLockFile, withLockFile } from './key-lock.ts';
import { formatRecord, readRecord, readRecords, recordPath } from './record-file.ts';

/** How exactly the time of last use is kept. */
const USE_RESOLUTION_MS = 3_600_000;

/** Records as files of the store's directory: docs/store-layout.md, "records". */
export class LocalRecordStore implements RecordStore {
  readonly #layout: Layout;
  readonly #lease: FileLease;
  readonly #snapshots: Pick<Snapshotter, 'layer'>;

  constructor(layout: Layout, lease: FileLease, snapshots: Pick<Snapshotter, 'layer'>) {
    this.#layout = layout;
    this.#lease = lease;
    this.#snapshots = snapshots;
  }

  get(space: string, key: string): StoreRecord | undefined {
    const path = recordPath(this.#layout, space, key);
    const file = this.#lease.shared(() => {
      const found = readRecord(this.#layout, space, key);
      return found?.record !== undefined && this.#holdRoots(found.record) ? found : undefined;
    });
    if (file === undefined) return undefined;
    const now = new Date();
    if (now.getTime() - file.usedAt.getTime() > USE_RESOLUTION_MS)
      ifWritable(() => ifPresent(() => utimesSync(path, now, now)));
    return file.record;
  }

  set(space: string, key: string, record: StoreRecord): void {
    const path = recordPath(this.#layout, space, key);
    const text = formatRecord(record);
    const temporary = this.#lease.ingestPath();
    writeFileSync(temporary, text, { mode: 0o600, flag: 'wx' });
    this.#lease.shared(() => {
      const placed = ifPresent(() => {
        renameSync(temporary, path);
        return true;
      });
      if (placed) return;
      // The first one of its space.
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      renameSync(temporary, path);
    });
  }

  delete(space: string, key: string): boolean {
    const path = recordPath(this.#layout, space, key);
    return this.#lease.shared(() => {
      const removed = ifPresent(() => {
        unlinkSync(path);
        return true;
      });
      return removed ?? false;
    });
  }

  *list(space: string): ReturnType<RecordStore['list']> & Generator {
    for (const { key, record, usedAt, size } of readRecords(this.#layout, space)) {
      if (record !== undefined) yield { key, record, usedAt, size };
    }
  }

  exclusive<T>(space: string, key: string, body: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    recordPath(this.#layout, space, key);
    return withLockFile(`${this.#layout.locks}/${space}.${key}`, body, signal);
  }

  tryHold(space: string, key: string): (() => void) | undefined {
    recordPath(this.#layout, space, key);
    return tryHoldLockFile(`${this.#layout.locks}/${space}.${key}`);
  }

  /** Whether all that the record roots is there; it is leased then. */
  #holdRoots({ layers = [], blobs = [] }: StoreRecord): boolean {
    return (
      layers.every((diffId) => this.#holdLayer(diffId)) &&
      blobs.every((digest) => this.#holdBlob(digest as Digest))
    );
  }

  #holdLayer(diffId: DiffId): boolean {
    return this.#snapshots.layer(diffId) !== undefined;
  }

  /** A layer that was made here is its own blob. */
  #holdBlob(digest: Digest): boolean {
    const isStored = this.#lease.hold('blob', digest, () => existsSync(this.#layout.blob(digest)));
    return isStored || (algorithmOf(digest) === 'sha256' && this.#holdLayer(digest as string as DiffId));
  }
}
