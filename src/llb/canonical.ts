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
 * stands behind its own type and length and object keys are in order.
 */
export function encodeCanonical(value: Plain): Uint8Array {
  return Buffer.from(encoded(value));
}

function encoded(value: Plain): string {
  if (value === null) return framed('n', '');
  if (typeof value === 'string') return framed('s', value);
  if (typeof value === 'boolean') return framed('b', value ? '1' : '0');
  if (typeof value === 'number') return framed('d', numeral(value));
  if (typeof value === 'bigint') return framed('i', String(value));
  if (value instanceof Uint8Array) return framed('y', Buffer.from(value).toString('hex'));
  if (isList(value)) return `l${value.length}:${value.map(encoded).join('')}`;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([one], [other]) => (one < other ? -1 : 1));
  return `o${entries.length}:${entries.map(([key, item]) => framed('s', key) + encoded(item!)).join('')}`;
}

/** The length is in UTF-16 units: it only has to tell where the next part begins. */
function framed(type: string, text: string): string {
  return `${type}${text.length}:${text}`;
}

function isList(value: object): value is readonly Plain[] {
  return Array.isArray(value);
}

function numeral(value: number): string {
  if (!Number.isFinite(value)) throw new TypeError(`Cannot encode ${value}: not a finite number`);
  return Object.is(value, -0) ? '0' : String(value);
}
