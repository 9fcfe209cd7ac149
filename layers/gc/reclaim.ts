import { closeSync, lstatSync, openSync, readdirSync, renameSync, unlinkSync } from 'node:fs';
import { basename } from 'node:path';
import type { Layout } from '../layout.ts';
import { tryLockFile } from '../linux/flock.ts';
import { ifPresent } from '../linux/if-present.ts';
import type { Digest } from '../oci/digest.ts';
import { removeAbandonedLocks } from '../records/key-lock.ts';

/** How long the beginning of a blob waits for its transfer to go on, in milliseconds. */
const KEEP_PARTIAL = 24 * 3600 * 1000;

/** The lease that a private file or directory belongs to. */
const PRIVATE_NAME = /^([0-9a-f]{16})\./;
export const LEASE_ID = /^[0-9a-f]{16}$/;

/**
 * Takes back what processes that are gone have left: their private files go to the trash, their leases and lock files
 * are removed. Costs one readdir when there is nothing to do. Safe to run at any time by any number of processes. Who
 * gives up its own lease names it, since it has left no lock file.
 */
export function reclaimDeadLeases(layout: Layout, own?: string): void {
  const dead = new Map<string, number>();
  try {
    for (const id of readdirSync(layout.leases)) {
      const fd = LEASE_ID.test(id) ? lockDeadLease(`${layout.leases}/${id}`) : undefined;
      if (fd !== undefined) dead.set(id, fd);
    }
    if (dead.size === 0) return;
    discard(layout, (owner) => dead.has(owner));
    for (const { path } of partials(layout, Date.now() - KEEP_PARTIAL)) discardPartial(layout, path);
    if ([...dead.keys()].some((id) => id !== own)) removeAbandonedLocks(layout);
    // Last, so that whoever is killed on the way leaves the rest to be found.
    for (const id of dead.keys()) ifPresent(() => unlinkSync(`${layout.leases}/${id}`));
  } finally {
    for (const fd of dead.values()) closeSync(fd);
  }
}

/** Discards private files that no lease file answers for. */
export function reclaimOrphans(layout: Layout): void {
  const orphans = new Set<string>();
  for (const { owner } of privateFiles(layout)) orphans.add(owner);
  // In this order: a lease is made before its files, so one that is missing now has been given up.
  for (const id of readdirSync(layout.leases)) orphans.delete(id);
  if (orphans.size > 0) discard(layout, (owner) => orphans.has(owner));
}

/** The lock of a lease whose process is gone; undefined when it lives, or when somebody else is at it. */
function lockDeadLease(path: string): number | undefined {
  const fd = ifPresent(() => openSync(path, 'r'));
  if (fd === undefined) return undefined;
  if (tryLockFile(fd, 'exclusive')) return fd;
  closeSync(fd);
  return undefined;
}

function discard(layout: Layout, isDead: (owner: string) => boolean): void {
  for (const { area, name, owner } of privateFiles(layout)) {
    if (!isDead(owner)) continue;
    const path = `${layout[area]}/${name}`;
    const partial = area === 'ingest' ? partialOf(layout, name) : undefined;
    if (partial !== undefined && sizeOf(path) > sizeOf(partial)) ifPresent(() => renameSync(path, partial));
    else ifPresent(() => renameSync(path, `${layout.trash}/${area}.${name}`));
  }
}

/** Where the beginning of a blob is kept, so that its transfer can go on; undefined for other private files. */
function partialOf(layout: Layout, name: string): string | undefined {
  const digest = /^[0-9a-f]{16}\.\d+\.(sha256-[0-9a-f]{64}|sha512-[0-9a-f]{128})$/.exec(name)?.[1];
  return digest === undefined ? undefined : layout.partial(digest.replace('-', ':') as Digest);
}

function sizeOf(path: string): number {
  return lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
}

/** Beginnings of blobs that nobody goes on with at the moment; those last written before a time (milliseconds) only. */
export function* partials(layout: Layout, before = Infinity): Generator<{ path: string; size: number }> {
  for (const name of readdirSync(layout.ingest)) {
    if (!name.startsWith('partial.')) continue;
    const path = `${layout.ingest}/${name}`;
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat !== undefined && stat.mtimeMs < before) yield { path, size: stat.size };
  }
}

function discardPartial(layout: Layout, path: string): void {
  ifPresent(() => renameSync(path, `${layout.trash}/${basename(path)}`));
}

function* privateFiles(layout: Layout) {
  for (const area of ['active', 'ingest'] as const) {
    for (const name of readdirSync(layout[area])) {
      const owner = PRIVATE_NAME.exec(name)?.[1];
      if (owner !== undefined) yield { area, name, owner };
    }
  }
}
