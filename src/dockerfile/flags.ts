import { didYouMean, suggest } from '../text/suggest.ts';
import { splitBlanks } from './blank.ts';
import type { Statement } from './parse/statement.ts';

/** `list`: may be given several times. */
export type FlagKind = 'boolean' | 'string' | 'list';

export type FlagTable = Readonly<Record<string, FlagKind>>;

/** What was given, by name; lists are empty when nothing was. */
export type FlagValues<Table extends FlagTable> = {
  readonly [Name in keyof Table]: Table[Name] extends 'list'
    ? readonly string[]
    : (Table[Name] extends 'boolean' ? boolean : string) | undefined;
};

/** Reads the flags of a statement against the table of its instruction. Throws DockerfileError for every misuse. */
export function readFlags<Table extends FlagTable>(statement: Statement, table: Table): FlagValues<Table> {
  const values = new Map<string, string | boolean | string[]>();
  for (const [name, kind] of Object.entries(table)) if (kind === 'list') values.set(name, []);
  for (const flag of statement.flags) {
    const equals = flag.indexOf('=');
    const name = flag.slice(2, equals < 0 ? undefined : equals);
    const value = equals < 0 ? undefined : flag.slice(equals + 1);
    const kind = Object.hasOwn(table, name) ? table[name] : undefined;
    if (kind === undefined) throw unknownFlag(statement, name, table);
    const earlier = values.get(name);
    if (kind !== 'list' && earlier !== undefined)
      throw statement.error('BAD_FLAG', `duplicate flag specified: --${name}`, {
        hint: `Give --${name} once`,
        subject: `--${name}`,
      });
    if (kind === 'boolean') values.set(name, readBoolean(statement, name, value));
    else if (value === undefined) throw missingValue(statement, name);
    else if (Array.isArray(earlier)) earlier.push(value);
    else values.set(name, value);
  }
  return Object.fromEntries(values) as FlagValues<Table>;
}

function readBoolean(statement: Statement, name: string, value: string | undefined): boolean {
  const lower = value?.toLowerCase();
  if (lower === undefined || lower === 'true') return true;
  if (lower === 'false') return false;
  const advice = { hint: `Write --${name}, --${name}=true or --${name}=false`, subject: `--${name}` };
  throw statement.error(
    'BAD_FLAG',
    lower === ''
      ? `missing a value on flag: --${name}`
      : `expecting boolean value for flag --${name}, not: ${value}`,
    advice,
  );
}

function missingValue(statement: Statement, name: string): Error {
  const next = splitBlanks(statement.rest)[0] ?? 'VALUE';
  return statement.error('BAD_FLAG', `missing a value on flag: --${name}`, {
    hint: `Write --${name}=${next}, with = and without blanks`,
    subject: `--${name}`,
  });
}

function unknownFlag(statement: Statement, name: string, table: FlagTable): Error {
  const names = Object.keys(table);
  const { keyword } = statement;
  const hint =
    names.length > 0
      ? `${keyword} knows ${names.map((known) => `--${known}`).join(' ')}`
      : `${keyword} has no flags; for text that begins with -- write: ${keyword} -- --${name}`;
  return statement.error('UNKNOWN_FLAG', `unknown flag: --${name}${didYouMean(suggest(name, names))}`, {
    hint,
    subject: `--${name}`,
  });
}
