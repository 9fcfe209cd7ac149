import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { Store } from '../../layers/index.ts';
import type { ExecMount } from '../llb/op.ts';

type CacheMount = Extract<ExecMount, { type: 'cache' }>;

/** Name space of the records that describe cache mounts. */
export const CACHE_MOUNT_SPACE = 'cachemount';

/** A cache mount's directory, held for one step. */
export interface HeldCacheMount {
  /** Absolute. */
  readonly directory: string;
  release(): void;
}

/**
 * Directories that RUN --mount=type=cache persists between builds. Their names are hashes, so no id can name a path.
 * `seed` fills a new one (from= and source=).
 */
export async function holdCacheMount(
  store: Store,
  mount: CacheMount,
  seed: (directory: string) => Promise<void>,
): Promise<HeldCacheMount> {
  for (let copy = 0; ; copy++) {
    // Private mounts that are in use get a copy of their own; shared and locked ones are one directory.
    const key = hashed(mount.sharing === 'private' ? `${mount.id}\0${copy}` : mount.id);
    const held =
      mount.sharing === 'shared' ? { release() {} } : await hold(store, key, mount.sharing === 'locked');
    if (held === undefined) continue;
    try {
      return { directory: await prepare(store, key, mount, seed), release: held.release };
    } catch (error) {
      held.release();
      throw error;
    }
  }
}

/** Keeps the key for this process until released. Without `wait`: undefined when another has it. */
function hold(store: Store, key: string, wait: boolean): Promise<{ release(): void } | undefined> {
  return new Promise((resolve, reject) => {
    if (!wait && busy.has(key)) {
      resolve(undefined);
      return;
    }
    busy.add(key);
    store.records
      .exclusive(CACHE_MOUNT_SPACE, key, () => new Promise<void>((release) => resolve({ release })))
      .finally(() => busy.delete(key))
      .catch(reject);
  });
}

/** Keys of private mounts that steps of this process hold. */
const busy = new Set<string>();

async function prepare(
  store: Store,
  key: string,
  mount: CacheMount,
  seed: (directory: string) => Promise<void>,
): Promise<string> {
  const directory = join(store.root, 'cache-mounts', key);
  if (store.records.get(CACHE_MOUNT_SPACE, key) === undefined) {
    const fresh = `${directory}.${process.pid}.new`;
    mkdirSync(fresh, { recursive: true });
    chmodSync(fresh, mount.mode ?? 0o755);
    chownSync(fresh, mount.uid ?? 0, mount.gid ?? 0);
    await seed(fresh);
    try {
      renameSync(fresh, directory);
    } catch (error) {
      // Another step was first: its directory is as good.
      if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    }
    store.records.set(CACHE_MOUNT_SPACE, key, {
      value: { id: mount.id, createdAt: new Date().toISOString() },
    });
  }
  return directory;
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
