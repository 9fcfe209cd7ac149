/** Nanoseconds of each unit. */
const units: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  μs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const longest = 2 ** 63;

/**
 * Nanoseconds of a duration in Go's notation: `1h30m`, `1.5s`, `300ms`, `0`, with an optional sign.
 * Throws Error saying what is wrong with it.
 */
export function parseDuration(text: string): number {
  const signed = text.startsWith('-') || text.startsWith('+');
  const body = signed ? text.slice(1) : text;
  if (body === '0') return 0;
  if (body === '') throw invalid(text);
  let total = 0;
  const part = /(\d*)(\.?)(\d*)([^\d.]*)/y;
  while (part.lastIndex < body.length) {
    const [, whole = '', , fraction = '', unit = ''] = part.exec(body)!;
    if (whole === '' && fraction === '') throw invalid(text);
    if (unit === '') throw new Error(`missing unit in duration "${text}"`);
    if (!Object.hasOwn(units, unit)) throw new Error(`unknown unit "${unit}" in duration "${text}"`);
    total += Number(`${whole || '0'}.${fraction || '0'}`) * units[unit]!;
  }
  if (total >= longest) throw invalid(text);
  return text.startsWith('-') ? -Math.trunc(total) : Math.trunc(total);
}

function invalid(text: string): Error {
  return new Error(`invalid duration "${text}"`);
}
