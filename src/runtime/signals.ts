import { constants } from 'node:os';
import { RuntimeError } from './errors.ts';

/** signal(7): the first real-time signal as glibc counts, and the last one there is. */
const RTMIN = 34;
const RTMAX = 64;

/** The number of `SIGTERM`, `TERM`, `15` or `RTMIN+3`. Throws `BAD_OPTION`. */
export function signalNumber(text: string): number {
  const number = /^\d{1,2}$/.test(text) ? Number(text) : named(text.toUpperCase().replace(/^SIG/, ''));
  if (number !== undefined && number >= 1 && number <= RTMAX) return number;
  throw new RuntimeError('BAD_OPTION', text, `invalid signal: ${text}`);
}

function named(name: string): number | undefined {
  const realTime = /^RT(MIN|MAX)(?:([+-])(\d{1,2}))?$/.exec(name);
  if (realTime === null) return (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`];
  const [, base, sign, offset = '0'] = realTime;
  const number = (base === 'MIN' ? RTMIN : RTMAX) + Number(`${sign ?? '+'}${offset}`);
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}
