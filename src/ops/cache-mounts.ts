import { createHash } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync } from 'node:fs';
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

/** What a new cache mount holds. */
export interface CacheSeed {
  /** Names the files, so that others do not get this directory. */
  readonly identity: string;
  fill(directory: string): Promise<void>;
}

/**
 * What tells one cache from another. As in BuildKit one id stands for as many of them as it is given beginnings: by
 * `from` (`seed`), else by owner and mode, if any of them is given.
 */
export function cacheName(mount: CacheMount, seed?: CacheSeed): string {
  return JSON.stringify([mount.id, seed?.identity ?? attributesOf(mount)]);
}

/** Directories that RUN --mount=type=cache persists between builds. Their names are hashes, so no id can name a path. */
export async function holdCacheMount(
  store: Store,
  mount: CacheMount,
  seed?: CacheSeed,
): Promise<HeldCacheMount> {
  const name = cacheName(mount, seed);
  for (let copy = 0; ; copy++) {
    // Private mounts that are in use get a copy of their own; shared and locked ones are one directory.
    const key = hashed(copy === 0 ? name : `${name}\0${copy}`);
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

/** Undefined for a mount that asks for nothing. */
function attributesOf({ mode, uid, gid }: CacheMount): readonly number[] | undefined {
  return mode === undefined && uid === undefined && gid === undefined
    ? undefined
    : [mode ?? 0o755, uid ?? 0, gid ?? 0];
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
  seed: CacheSeed | undefined,
): Promise<string> {
  const directory = join(store.root, 'cache-mounts', key);
  if (store.records.get(CACHE_MOUNT_SPACE, key) !== undefined) return directory;
  const fresh = `${directory}.${process.pid}.new`;
  try {
    mkdirSync(fresh, { recursive: true });
    chmodSync(fresh, mount.mode ?? 0o755);
    chownSync(fresh, mount.uid ?? 0, mount.gid ?? 0);
    await seed?.fill(fresh);
    renameSync(fresh, directory);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // Another step was first: its directory is as good.
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  store.records.set(CACHE_MOUNT_SPACE, key, {
    value: { id: mount.id, createdAt: new Date().toISOString() },
  });
  return directory;
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
