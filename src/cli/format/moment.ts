import { UsageError } from '../usage-error.ts';

const UNITS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1e3,
  m: 6e4,
  h: 3.6e6,
};

/**
 * What `--since` and `--until` take, in milliseconds since 1970: seconds since then (`1136073600.5`), a duration before
 * now (`1h30m`), or a time as in RFC 3339, of which the end may be missing and which without a zone is a local one.
 */
export function parseMoment(text: string, option: string, now = Date.now()): number {
  if (/^-?\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const duration = parseDuration(text);
  if (duration !== undefined) return now - duration;
  const time = /^\d{4}-\d{2}-\d{2}(T\d{2}(:\d{2}(:\d{2}(\.\d+)?)?)?)?(Z|[+-]\d{2}:\d{2})?$/.exec(text);
  const parsed = time === null ? Number.NaN : Date.parse(complete(text));
  if (!Number.isNaN(parsed)) return parsed;
  throw new UsageError(
    `invalid argument "${text}" for "${option}": write a time such as 2026-01-02T15:04:05Z, or a duration such as 10m`,
  );
}

/** Go's notation, in milliseconds: `1h30m`, `1.5s`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const [, sign, body = ''] = /^([-+]?)((?:\d+(?:\.\d*)?(?:ns|us|µs|ms|s|m|h))+)$/.exec(text) ?? [];
  if (sign === undefined) return text === '0' ? 0 : undefined;
  const parts = body.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g);
  const total = [...parts].reduce((sum, [, number, unit]) => sum + Number(number) * UNITS[unit!]!, 0);
  return sign === '-' ? -total : total;
}

/** Minutes and seconds that are missing are 0; a date alone is its first moment, here. */
function complete(text: string): string {
  const [, date = '', clock = '', zone = ''] =
    /^([^T]+)(?:T([\d:.]+))?(Z|[+-]\d{2}:\d{2})?$/.exec(text) ?? [];
  const [hours = '00', minutes = '00', seconds = '00'] = clock === '' ? [] : clock.split(':');
  return `${date}T${hours}:${minutes}:${seconds}${zone}`;
}
