import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  createHash,
  type DiffId,
  hexOf,
  parseDigest,
  type Store,
  type StoreRecord,
} from '../../layers/index.ts';
import { CACHE_MOUNT_SPACE, cacheMountUse } from '../ops/cache-mounts.ts';
import { CACHE_SPACE } from '../solver/cache-store.ts';
import { type StoreLocation, withStore } from './with-store.ts';

/** BuildKit's names of what a build cache holds. */
export type CacheKind = 'regular' | 'exec.cachemount' | 'source.git.checkout' | 'source.http' | 'internal';

/** One thing that builds would make or fetch again if it were gone. */
export interface CacheEntry {
  /** 25 characters, as BuildKit's. */
  readonly id: string;
  /** Its record in the store. */
  readonly space: string;
  readonly key: string;
  readonly kind: CacheKind;
  readonly description: string;
  /** Bytes on disk, as if nothing else had a part in them. */
  readonly size: number;
  readonly layers: readonly DiffId[];
  readonly createdAt: Date;
  readonly usedAt: Date;
  /** A build uses it right now. */
  readonly inUse: boolean;
}

/** Name spaces of records, and what they are. */
export const CACHE_SPACES: Readonly<Record<string, CacheKind>> = {
  [CACHE_SPACE]: 'regular',
  [CACHE_MOUNT_SPACE]: 'exec.cachemount',
  git: 'source.git.checkout',
  http: 'source.http',
  compressed: 'internal',
  digest: 'internal',
};

/** The build cache, least recently used first. */
export function buildCache(location: StoreLocation = {}): Promise<readonly CacheEntry[]> {
  return withStore(location, (store) => cacheEntries(store));
}

export function cacheEntries(store: Store): readonly CacheEntry[] {
  const disk = new Map([...store.snapshots.list()].map((layer) => [layer.diffId, layer] as const));
  const entries: CacheEntry[] = [];
  for (const [space, kind] of Object.entries(CACHE_SPACES)) {
    for (const { key, record, usedAt, size } of store.records.list(space)) {
      const { layers = [], blobs = [] } = record;
      const mount = kind === 'exec.cachemount' ? cacheMountUse(store, key) : undefined;
      const content = layers.reduce((sum, diffId) => sum + (disk.get(diffId)?.disk ?? 0), 0);
      const created = createdAt(record) ?? disk.get(layers.at(-1) ?? ('' as DiffId))?.createdAt;
      entries.push({
        id: createHash('sha256').update(`${space}/${key}`).digest('hex').slice(0, 25),
        space,
        key,
        kind,
        description: describe(kind, record),
        size: (mount?.size ?? content) + blobs.reduce((sum, digest) => sum + blobSize(store, digest), size),
        layers,
        createdAt: created === undefined ? usedAt : new Date(created),
        usedAt,
        inUse: mount?.inUse ?? false,
      });
    }
  }
  return entries.sort((a, b) => a.usedAt.getTime() - b.usedAt.getTime());
}

/** Of the file that holds a blob; a layer that was made here has none. */
export function blobSize(store: Store, digest: string): number {
  const path = join(store.root, 'blobs/sha256', hexOf(parseDigest(digest)));
  return existsSync(path) ? statSync(path).blocks * 512 : 0;
}

function createdAt({ value }: StoreRecord): string | undefined {
  const found = (value as { readonly createdAt?: unknown } | null)?.createdAt;
  return typeof found === 'string' ? found : undefined;
}

function describe(kind: CacheKind, { value }: StoreRecord): string {
  const fields = (typeof value === 'object' ? value : null) as Readonly<Record<string, unknown>> | null;
  const text = (name: string) => (typeof fields?.[name] === 'string' ? fields[name] : '');
  switch (kind) {
    case 'regular':
      return text('name');
    case 'exec.cachemount':
      return `cached mount ${text('id')}`;
    case 'source.git.checkout':
      return `git snapshot for commit ${text('commit')}`;
    case 'source.http':
      return 'http download';
    default:
      return '';
  }
}
