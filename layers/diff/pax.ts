import { invalidArchive } from './archive-error.ts';

/**
 * A PAX extended header record: `LENGTH KEY=VALUE\n`, LENGTH counting the whole record. A char stands for a byte.
 * pax(1), "pax Extended Header".
 */
export function paxRecord(key: string, value: string): string {
  const rest = key.length + value.length + 3;
  // The length counts its own digits.
  let length = rest + String(rest).length;
  length = rest + String(length).length;
  return `${length} ${key}=${value}\n`;
}

export type PaxRecord = readonly [key: string, value: Buffer];

const NEWLINE = 0x0a;

/** Reads records in their order. Throws `INVALID_ARCHIVE` unless they fill the body exactly. */
export function decodePaxRecords(body: Buffer): PaxRecord[] {
  const records: PaxRecord[] = [];
  for (let offset = 0; offset < body.length; ) {
    const space = body.indexOf(0x20, offset);
    const digits = space < 0 ? '' : body.toString('latin1', offset, Math.min(space, offset + 16));
    const end = /^[1-9][0-9]*$/.test(digits) ? offset + Number(digits) : 0;
    const equals = body.indexOf(0x3d, space);
    if (end <= space || end > body.length || body[end - 1] !== NEWLINE || equals < 0 || equals > end - 2)
      throw invalidArchive('', 'Cannot read the archive: an extended header is malformed');
    const key = body.toString('latin1', space + 1, equals);
    if (key === '' || key.includes('\0'))
      throw invalidArchive('', 'Cannot read the archive: an extended header has an empty or binary key');
    records.push([key, body.subarray(equals + 1, end - 1)]);
    offset = end;
  }
  return records;
}
