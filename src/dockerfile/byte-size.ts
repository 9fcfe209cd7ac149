const POWERS = 'kmgtp';

/** Bytes of `64`, `64m`, `1.5GiB`: units are powers of 1024, in any case. Undefined when it is no size. */
export function parseByteSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp]?)(?:i?b)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const power = match[2] === '' ? 0 : POWERS.indexOf(match[2]!.toLowerCase()) + 1;
  return Math.trunc(Number(match[1]) * 1024 ** power);
}
