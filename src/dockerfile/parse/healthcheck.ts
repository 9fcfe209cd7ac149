import { suggestInCase } from '../../text/suggest.ts';
import { blankFrom, wordFrom } from '../blank.ts';
import { readFlags } from '../flags.ts';
import type { HealthcheckInstruction } from '../instructions.ts';
import { readCommandLine } from './command-line.ts';
import { parseDuration } from './duration.ts';
import type { Statement } from './statement.ts';

const flagTable = {
  interval: 'string',
  timeout: 'string',
  'start-period': 'string',
  'start-interval': 'string',
  retries: 'string',
} as const;

const shortest = 1_000_000;
const mostRetries = 2 ** 31 - 1;

/** `HEALTHCHECK [flags] CMD command` or `HEALTHCHECK NONE`. */
export function readHealthcheck(statement: Statement): HealthcheckInstruction {
  const flags = readFlags(statement, flagTable);
  const text = statement.requireArgument('HEALTHCHECK CMD curl -f http://localhost/');
  const end = blankFrom(text);
  const type = text.slice(0, end);
  const rest = text.slice(wordFrom(text, end));
  const base = { ...statement.base, keyword: 'HEALTHCHECK' } as const;
  if (type.toUpperCase() === 'NONE') {
    if (rest === '') return base;
    throw statement.error('BAD_ARGUMENT', 'HEALTHCHECK NONE takes no arguments', {
      hint: 'Write HEALTHCHECK NONE, or HEALTHCHECK CMD with a command',
      subject: rest,
    });
  }
  if (type.toUpperCase() !== 'CMD') throw unknownType(statement, type);
  const command = readCommandLine(statement, rest);
  if (command.form === 'shell' ? command.text === '' : command.args.length === 0)
    throw statement.error('BAD_ARGUMENT', 'Missing command after HEALTHCHECK CMD', {
      hint: 'For example: HEALTHCHECK CMD curl -f http://localhost/',
    });
  const check = {
    command,
    interval: interval(statement, 'interval', flags.interval),
    timeout: interval(statement, 'timeout', flags.timeout),
    startPeriod: interval(statement, 'start-period', flags['start-period']),
    startInterval: interval(statement, 'start-interval', flags['start-interval']),
    retries: retries(statement, flags.retries),
  };
  return { ...base, check };
}

function unknownType(statement: Statement, type: string): Error {
  return statement.error('BAD_ARGUMENT', `Unknown type "${type.toUpperCase()}" in HEALTHCHECK (try CMD)`, {
    hint:
      suggestInCase(type, ['CMD', 'NONE']) === undefined
        ? `Write HEALTHCHECK CMD ${statement.rest}`
        : 'Write HEALTHCHECK CMD or HEALTHCHECK NONE',
    subject: type,
  });
}

/** Nanoseconds; 0 when nothing is given. */
function interval(statement: Statement, flag: string, text = ''): number {
  if (text === '') return 0;
  const advice = { hint: `Write a number with its unit: --${flag}=30s, 1m30s, 500ms`, subject: `--${flag}` };
  let nanoseconds: number;
  try {
    nanoseconds = parseDuration(text);
  } catch (cause) {
    throw statement.error('BAD_FLAG', `--${flag}: ${(cause as Error).message}`, advice);
  }
  if (nanoseconds === 0 || nanoseconds >= shortest) return nanoseconds;
  throw statement.error('BAD_FLAG', `Interval "${flag}" cannot be less than 1ms`, advice);
}

function retries(statement: Statement, text = ''): number {
  if (text === '') return 0;
  const count = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  const advice = { hint: 'Write a whole number: --retries=3', subject: '--retries' };
  if (count < 0) throw statement.error('BAD_FLAG', `--retries cannot be negative (${text})`, advice);
  if (count <= mostRetries) return count + 0;
  throw statement.error('BAD_FLAG', `invalid value "${text}" for --retries`, advice);
}
