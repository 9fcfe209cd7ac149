/** What can be encoded: data without behaviour. Properties that are undefined count as absent. */
export type Plain =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly Plain[]
  | { readonly [key: string]: Plain | undefined };

/**
 * The canonical bytes of a value: equal values give equal bytes, and different ones different bytes, since every part
 * stands behind its own type and length and object keys are in order. See docs/cache-key.md.
 */
export function encodeCanonical(value: Plain): Uint8Array {
  const parts: Uint8Array[] = [];
  append(parts, value);
  return Buffer.concat(parts);
}

function append(parts: Uint8Array[], value: Plain): void {
  if (value === null) frame(parts, 'n', EMPTY);
  else if (typeof value === 'string') frame(parts, 's', Buffer.from(value));
  else if (typeof value === 'boolean') frame(parts, 'b', Buffer.from(value ? '1' : '0'));
  else if (typeof value === 'number') frame(parts, 'd', Buffer.from(numeral(value)));
  else if (typeof value === 'bigint') frame(parts, 'i', Buffer.from(String(value)));
  else if (value instanceof Uint8Array) frame(parts, 'y', value);
  else if (isList(value)) {
    parts.push(Buffer.from(`l${value.length}:`));
    for (const item of value) append(parts, item);
  } else {
    const entries = Object.entries(value).filter(([, item]) => item !== undefined);
    entries.sort(([one], [other]) => (one < other ? -1 : 1));
    parts.push(Buffer.from(`o${entries.length}:`));
    for (const [key, item] of entries) {
      frame(parts, 's', Buffer.from(key));
      append(parts, item!);
    }
  }
}

const EMPTY = new Uint8Array(0);

function frame(parts: Uint8Array[], type: string, bytes: Uint8Array): void {
  parts.push(Buffer.from(`${type}${bytes.length}:`), bytes);
}

function isList(value: object): value is readonly Plain[] {
  return Array.isArray(value);
}

function numeral(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`Cannot encode ${value}: not a finite number`);
  return Object.is(value, -0) ? '0' : String(value);
}
