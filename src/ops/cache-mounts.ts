import {
  chmodSync,
  chownSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  type ActiveSnapshot,
  createHash,
  diskUsage,
  isStillAt,
  lockFile,
  randomBytes,
  type Store,
  tryLockFile,
} from '../../layers/index.ts';
import type { ExecMount } from '../llb/op.ts';

/** RUN --mount=type=cache. */
export type CacheMount = Extract<ExecMount, { type: 'cache' }>;

/** Name space of the records that describe cache mounts. */
export const CACHE_MOUNT_SPACE = 'cachemount';

const FOLDER = 'cache-mounts';

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
  /** A snapshot without parents, which becomes the directory. */
  copy(): Promise<ActiveSnapshot>;
}

/** Another place that may have the content of cache mounts. */
export interface CacheMountOrigin {
  /** A snapshot without parents, which becomes the directory of a new cache mount; undefined when there is none. */
  restore(key: string, signal: AbortSignal | undefined): Promise<ActiveSnapshot | undefined>;
  /** A step is about to use it. */
  used(key: string, mount: CacheMount): void;
}

/**
 * What tells one cache from another. As in BuildKit one id stands for as many of them as it is given beginnings: by
 * `from` (`seed`), else by owner and mode, if any of them is given.
 */
export function cacheName(mount: CacheMount, seed?: CacheSeed): string {
  return JSON.stringify([mount.id, seed?.identity ?? attributesOf(mount)]);
}

export interface HoldOptions {
  readonly seed?: CacheSeed;
  /** Ends the waiting for one that is locked. */
  readonly signal?: AbortSignal;
  /** Whether what a directory holds is not wanted; asked of those only that are made with an owner or a mode. */
  readonly isStale?: (key: string) => boolean;
  readonly origin?: CacheMountOrigin;
}

/**
 * Directories that RUN --mount=type=cache persists between builds. Their names are hashes, so no id can name a path.
 */
export async function holdCacheMount(
  store: Store,
  mount: CacheMount,
  options: HoldOptions = {},
): Promise<HeldCacheMount> {
  const { seed, signal, isStale, origin } = options;
  const name = cacheName(mount, seed);
  for (let copy = 0; ; copy++) {
    // Private mounts that are in use get a copy of their own; shared and locked ones are one directory.
    const key = hashed(copy === 0 ? name : `${name}\0${copy}`);
    const held = await hold(store, key, mount.sharing, signal);
    if (held === undefined) continue;
    try {
      const isAnew = seed === undefined && attributesOf(mount) !== undefined && isStale?.(key) === true;
      if (isAnew) discard(store, key);
      const { directory, fd } = await prepare(store, key, mount, {
        ...(seed && { seed }),
        ...(signal && { signal }),
        ...(origin && !isAnew && { origin }),
      });
      if (copy === 0) origin?.used(key, mount);
      const release = () => {
        closeSync(fd);
        held.release();
      };
      return { directory, release };
    } catch (error) {
      held.release();
      throw error;
    }
  }
}

/** Name of the directory of a mount without `from`. */
export function cacheMountKey(mount: CacheMount): string {
  return hashed(cacheName(mount));
}

/** Has `body` read a cache mount, which is not pruned meanwhile; undefined when there is none. */
export async function readCacheMount<T>(
  store: Store,
  key: string,
  body: (directory: string) => Promise<T>,
): Promise<T | undefined> {
  const directory = join(store.root, FOLDER, key);
  const fd = openInUse(directory);
  if (fd === undefined) return undefined;
  try {
    return await body(directory);
  } finally {
    closeSync(fd);
  }
}

/** Undefined for a mount that asks for nothing. */
function attributesOf({ mode, uid, gid }: CacheMount): readonly number[] | undefined {
  return mode === undefined && uid === undefined && gid === undefined
    ? undefined
    : [mode ?? 0o755, uid ?? 0, gid ?? 0];
}

/** Keeps the key until released. A private mount does not wait: undefined when another step, of any build, has it. */
async function hold(
  store: Store,
  key: string,
  sharing: CacheMount['sharing'],
  signal: AbortSignal | undefined,
): Promise<{ release(): void } | undefined> {
  const { records } = store;
  if (sharing === 'shared') return { release() {} };
  if (sharing === 'private') {
    const release = records.tryHold(CACHE_MOUNT_SPACE, key);
    return release && { release };
  }
  return new Promise((resolve, reject) => {
    const body = () => new Promise<void>((release) => resolve({ release }));
    records.exclusive(CACHE_MOUNT_SPACE, key, body, signal).catch(reject);
  });
}

/** The directory, made when missing, and the lock that keeps it from being pruned while it is in use. */
async function prepare(
  store: Store,
  key: string,
  mount: CacheMount,
  options: HoldOptions,
): Promise<{ readonly directory: string; readonly fd: number }> {
  const directory = join(store.root, FOLDER, key);
  for (;;) {
    if (!existsSync(directory)) await make(store, directory, mount, { ...options, key });
    const fd = openInUse(directory);
    if (fd === undefined) continue; // Pruned at this moment.
    if (store.records.get(CACHE_MOUNT_SPACE, key) === undefined) {
      const value = { id: mount.id, createdAt: new Date().toISOString() };
      store.records.set(CACHE_MOUNT_SPACE, key, { value });
    }
    return { directory, fd };
  }
}

/** It is made as a snapshot, which goes with this process, and appears under its name whole. */
async function make(
  store: Store,
  directory: string,
  mount: CacheMount,
  { seed, signal, origin, key }: HoldOptions & { readonly key: string },
): Promise<void> {
  mkdirSync(join(store.root, FOLDER), { recursive: true, mode: 0o700 });
  const restored = await origin?.restore(key, signal);
  const snapshot = restored ?? (await seed?.copy()) ?? store.snapshots.prepare([]);
  try {
    const fresh = snapshot.root().upper!;
    if (restored === undefined && seed === undefined) {
      chmodSync(fresh, mount.mode ?? 0o755);
      chownSync(fresh, mount.uid ?? 0, mount.gid ?? 0);
    }
    renameSync(fresh, directory);
  } catch (error) {
    // Another step was first: its directory is as good.
    if (!['ENOTEMPTY', 'EEXIST'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  } finally {
    snapshot.abort();
  }
}

/** A descriptor that holds the directory against pruning until it is closed; undefined when it is gone. */
function openInUse(directory: string): number | undefined {
  const fd = openDirectory(directory);
  if (fd === undefined) return undefined;
  lockFile(fd, 'shared');
  if (isStillAt(fd, directory)) return fd;
  closeSync(fd);
  return undefined;
}

function openDirectory(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** What a cache mount takes on disk, and whether a step has it; undefined when it is gone. */
export function cacheMountUse(
  store: Store,
  key: string,
): { readonly size: number; readonly inUse: boolean } | undefined {
  const directory = join(store.root, FOLDER, key);
  const fd = openDirectory(directory);
  if (fd === undefined) return undefined;
  const inUse = !tryLockFile(fd, 'exclusive');
  closeSync(fd);
  return { size: diskUsage(directory), inUse };
}

/** Throws away the directories that have no record any more and that no step uses. */
export function pruneCacheMounts(store: Store): void {
  const folder = join(store.root, FOLDER);
  for (const key of existsSync(folder) ? readdirSync(folder) : []) {
    if (store.records.get(CACHE_MOUNT_SPACE, key) !== undefined) continue;
    const fd = openDirectory(join(folder, key));
    if (fd === undefined) continue;
    if (tryLockFile(fd, 'exclusive') && isStillAt(fd, join(folder, key))) moveToTrash(store, key);
    closeSync(fd);
  }
}

/** A step that uses it keeps it until its end. */
function discard(store: Store, key: string): void {
  store.records.delete(CACHE_MOUNT_SPACE, key);
  if (existsSync(join(store.root, FOLDER, key))) moveToTrash(store, key);
}

function moveToTrash(store: Store, key: string): void {
  const trash = join(store.root, 'trash', `cache-mount.${randomBytes(8).toString('hex')}`);
  renameSync(join(store.root, FOLDER, key), trash);
}

function hashed(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
