import { closeSync, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { StoreError } from '../errors.ts';
import type { Layout } from '../layout.ts';
import { ifPresent } from '../linux/if-present.ts';
import { type DiffId, parseDiffId, parseDigest } from '../oci/digest.ts';
import type { StoreRecord } from '../store.ts';

/** A record as its file has it: docs/store-layout.md, "records". */
export interface RecordFile {
  readonly key: string;
  /** Undefined when the file holds no record. */
  readonly record: StoreRecord | undefined;
  readonly usedAt: Date;
  /** Bytes. */
  readonly size: number;
}

const SPACE = /^[a-z]{1,64}$/;
const KEY = /^[a-z0-9._-]{1,200}$/;
const SUFFIX = '.json';

export function recordPath(layout: Layout, space: string, key: string): string {
  if (!SPACE.test(space) || !KEY.test(key))
    throw new StoreError('SYSTEM', `${space}/${key}`, `Invalid record name "${space}/${key}"`);
  return `${layout.records}/${space}/${key}${SUFFIX}`;
}

export function readSpaces(layout: Layout): string[] {
  return readdirSync(layout.records).filter((space) => SPACE.test(space));
}

/** Every record of a space, also the unreadable ones. */
export function* readRecords(layout: Layout, space: string): Generator<RecordFile> {
  const names = ifPresent(() => readdirSync(`${layout.records}/${space}`)) ?? [];
  for (const name of names) {
    const key = name.slice(0, -SUFFIX.length);
    if (!name.endsWith(SUFFIX) || !KEY.test(key)) continue;
    const file = readRecord(layout, space, key);
    if (file !== undefined) yield file;
  }
}

/** Undefined when there is no such file. */
export function readRecord(layout: Layout, space: string, key: string): RecordFile | undefined {
  const path = recordPath(layout, space, key);
  const fd = ifPresent(() => openSync(path, 'r'));
  if (fd === undefined) return undefined;
  try {
    const { mtime, size } = fstatSync(fd);
    return { key, record: parseRecord(readFileSync(fd, 'utf8')), usedAt: mtime, size };
  } finally {
    closeSync(fd);
  }
}

export function formatRecord({ layers = [], blobs = [], value }: StoreRecord): string {
  return JSON.stringify({ layers: layers.map(parseDiffId), blobs: blobs.map(parseDigest), value });
}

function parseRecord(text: string): StoreRecord | undefined {
  try {
    const { layers, blobs, value } = JSON.parse(text) as Record<string, unknown>;
    return {
      layers: asList(layers).map(parseDiffId) as DiffId[],
      blobs: asList(blobs).map(parseDigest),
      value,
    };
  } catch {
    return undefined;
  }
}

function asList(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw new TypeError('not a list');
  return value;
}
