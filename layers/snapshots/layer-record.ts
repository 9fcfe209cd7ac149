import { readFileSync, writeFileSync } from 'node:fs';
import type { LayerInfo } from '../diff/hash-layer.ts';
import { type DiffId, parseDiffId } from '../oci/digest.ts';
import { isoTime } from '../oci/iso-time.ts';

const VERSION = 1;

/** Writes `layer.json` beside a layer's directory; docs/store-layout.md. */
export function writeLayerRecord(file: string, { diffId, size, entries, disk }: LayerInfo): void {
  const record = { version: VERSION, diffId, size, disk, entries, createdAt: isoTime() };
  writeFileSync(file, `${JSON.stringify(record)}\n`, { mode: 0o600 });
}

/** Undefined unless the file is there and describes the layer named. */
export function readLayerRecord(file: string, diffId: DiffId): LayerInfo | undefined {
  let record: Partial<Record<string, unknown>>;
  try {
    record = JSON.parse(readFileSync(file, 'utf8'));
    if (record === null || record.version !== VERSION || parseDiffId(record.diffId) !== diffId)
      return undefined;
  } catch {
    return undefined;
  }
  const { size, entries, disk, createdAt } = record;
  if (!isCount(size) || !isCount(entries) || !isCount(disk) || typeof createdAt !== 'string')
    return undefined;
  return { diffId, size, entries, disk, createdAt };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
