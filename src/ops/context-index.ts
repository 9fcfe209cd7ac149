import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { createHash, type FileNode } from '../../layers/index.ts';
import { ContextRecords, type StatKey } from './context-records.ts';
import type { DigestIndex, FileDigest } from './file-digest.ts';

/** A record that so many saves did not use is dropped. */
const OLDEST = 20;

/** Contexts that are remembered: those saved last. */
const MOST_CONTEXTS = 64;
/** Writing one takes less. */
const ABANDONED_MS = 600_000;

/**
 * A file that was changed less than this long before it was read may change again without its times telling, since
 * the kernel's clock for them ticks every 1 to 10 ms. Whole seconds are what old or foreign filesystems keep.
 */
const TICK_NS = 100_000_000n;
const SECOND_NS = 1_000_000_000n;

/**
 * Digests of the files of one directory on the host, kept from build to build in
 * `<store>/context-index/<sha256 of its path>`, so that an unchanged file costs a stat and no read.
 *
 * It is only a memory: a file of it that is missing or damaged is as good as an empty one, and when two processes save
 * at once the later one wins. A digest counts only for a file whose inode, size and both times are the same.
 */
export class ContextIndex implements DigestIndex {
  readonly #path: string;
  #records = new ContextRecords(0);
  /** Record of each inode. */
  readonly #byInode = new Map<number, number>();
  /** By record: whether it was of use. */
  #used = new Uint8Array(0);
  readonly #added = new Map<number, { readonly stat: StatKey; readonly found: FileDigest }>();
  #isLoaded = false;

  constructor(storeRoot: string, directory: string) {
    const name = createHash('sha256').update(directory).digest('hex');
    this.#path = join(storeRoot, 'context-index', name);
  }

  now(): bigint {
    return BigInt(Date.now()) * 1_000_000n;
  }

  get({ stat }: FileNode): FileDigest | undefined {
    this.#load();
    const inode = Number(stat.ino);
    if (this.#added.size > 0) {
      const added = this.#added.get(inode);
      if (added !== undefined) return isSame(added.stat, stat) ? added.found : undefined;
    }
    const record = this.#byInode.get(inode);
    if (record === undefined || !this.#records.matches(record, stat)) return undefined;
    this.#used[record] = 1;
    return this.#records.digest(record);
  }

  set({ stat }: FileNode, found: FileDigest, readFrom: bigint): void {
    if (!isSettled(stat, readFrom)) return;
    this.#load();
    const { dev, ino, size, mtimeNs, ctimeNs } = stat;
    this.#added.set(Number(ino), { stat: { dev, ino, size, mtimeNs, ctimeNs }, found });
  }

  /** Writes the index out if it has learnt anything. Never throws: the build does not depend on it. */
  save(): void {
    if (this.#added.size === 0) return;
    const records = this.#merged();
    const temporary = `${this.#path}.${process.pid}.${Math.random().toString(36).slice(2)}`;
    const directory = dirname(this.#path);
    try {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      writeFileSync(temporary, records.toFile(), { mode: 0o600, flag: 'wx' });
      renameSync(temporary, this.#path);
      forgetOldest(directory);
    } catch {
      discard(temporary);
    }
    this.#use(records);
  }

  /** What was loaded, but for what is outdated or too old, and what was added. */
  #merged(): ContextRecords {
    const kept = [...this.#byInode].filter(
      ([inode, record]) =>
        !this.#added.has(inode) && (this.#used[record] === 1 || this.#records.age(record) < OLDEST),
    );
    const merged = new ContextRecords(kept.length + this.#added.size);
    let next = 0;
    for (const [, record] of kept) {
      const age = this.#used[record] === 1 ? 0 : this.#records.age(record) + 1;
      merged.copy(next++, this.#records, record, age);
    }
    for (const { stat, found } of this.#added.values()) merged.write(next++, stat, found);
    return merged;
  }

  #load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    this.#use(readRecords(this.#path));
  }

  #use(records: ContextRecords): void {
    this.#records = records;
    this.#used = new Uint8Array(records.count);
    this.#added.clear();
    this.#byInode.clear();
    for (let record = 0; record < records.count; record++) this.#byInode.set(records.inode(record), record);
  }
}

/** Whether a later change of the file must show in its times. */
function isSettled({ mtimeNs, ctimeNs }: StatKey, readFrom: bigint): boolean {
  const hasFractions = ctimeNs % SECOND_NS !== 0n;
  const latest = mtimeNs > ctimeNs ? mtimeNs : ctimeNs;
  return latest + (hasFractions ? TICK_NS : 2n * SECOND_NS) < readFrom;
}

function isSame(a: StatKey, b: StatKey): boolean {
  return (
    a.ino === b.ino &&
    a.size === b.size &&
    a.mtimeNs === b.mtimeNs &&
    a.ctimeNs === b.ctimeNs &&
    a.dev === b.dev
  );
}

function readRecords(path: string): ContextRecords {
  try {
    return ContextRecords.parse(readFileSync(path)) ?? new ContextRecords(0);
  } catch {
    return new ContextRecords(0);
  }
}

/** Removes the files that nobody saved for longest, and what a process that was killed did not finish. */
function forgetOldest(directory: string): void {
  const paths = readdirSync(directory).map((name) => join(directory, name));
  const unfinished = paths.filter((path) => basename(path).includes('.'));
  const now = Date.now();
  for (const path of unfinished) if (now - timeOf(path) > ABANDONED_MS) discard(path);
  if (paths.length - unfinished.length <= MOST_CONTEXTS) return;
  const files = paths
    .filter((path) => !unfinished.includes(path))
    .map((path) => ({ path, time: timeOf(path) }));
  files.sort((a, b) => b.time - a.time);
  for (const { path } of files.slice(MOST_CONTEXTS)) discard(path);
}

/** Now, for a file that has just got its name, or is gone. */
function timeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now();
}

function discard(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Its directory is not there either.
  }
}
