import { OptionError, UsageError } from './usage-error.ts';

/** Readers of option values in Docker's notations. Each takes the whole text or throws {@link UsageError}. */

const UNITS: Readonly<Record<string, number>> = { '': 0, b: 0, k: 1, m: 2, g: 3, t: 4, p: 5 };

/** `512m`, `1.5g`, `100`: bytes. go-units `RAMInBytes`. */
export function parseBytes(text: string, option: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([bkmgtp]?)(?:i?b)?$/i.exec(text);
  const power = UNITS[(match?.[2] ?? '').toLowerCase()];
  if (match === null || power === undefined) {
    throw new OptionError(`invalid argument "${text}" for "${option}": write a size such as 512m or 2g`);
  }
  return Math.floor(Number(match[1]) * 1024 ** power);
}

/** Like {@link parseBytes}; `-1` is unlimited. */
export function parseBytesOrUnlimited(text: string, option: string): number {
  return text === '-1' ? -1 : parseBytes(text, option);
}

export function parseInteger(text: string, option: string): number {
  if (!/^-?\d{1,15}$/.test(text))
    throw new OptionError(`invalid argument "${text}" for "${option}": write a whole number`);
  return Number(text);
}

export function parseIntegerIn(text: string, option: string, least: number, most: number): number {
  const number = parseInteger(text, option);
  if (number >= least && number <= most) return number;
  throw new OptionError(
    `invalid argument "${text}" for "${option}": write a whole number from ${least} to ${most}`,
  );
}

/** `1.5` CPUs. */
export function parseCpus(text: string, option: string): number {
  if (/^\d{0,9}(\.\d{1,9})?$/.test(text) && text !== '') return Number(text);
  throw new OptionError(
    `invalid argument "${text}" for "${option}": write a number of CPUs such as 0.5 or 2`,
  );
}

/** `nofile=1024[:2048]`. */
export function parseUlimit(text: string): {
  readonly name: string;
  readonly soft: number;
  readonly hard: number;
} {
  const match = /^([a-z]+)=(-?\d+)(?::(-?\d+))?$/.exec(text);
  if (match === null || !ULIMITS.includes(match[1]!)) {
    throw new OptionError(
      `invalid ulimit argument: ${text}: write NAME=SOFT[:HARD] with NAME one of ${ULIMITS.join(', ')}`,
    );
  }
  const soft = Number(match[2]);
  const hard = match[3] === undefined ? soft : Number(match[3]);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw new OptionError(
      `invalid ulimit argument: ${text}: the soft limit must not be above the hard limit`,
    );
  }
  return { name: match[1]!, soft, hard };
}

const ULIMITS = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
];

/** `name:ip` or `name=ip`, where the address may be in brackets or be `host-gateway`. */
export function parseExtraHost(text: string): { readonly host: string; readonly ip: string } {
  const match = /^([^:=\s]+)[:=](\S+)$/.exec(text);
  if (match === null) throw new UsageError(`bad format for add-host: ${JSON.stringify(text)}: write HOST:IP`);
  const ip = match[2]!.replace(/^\[(.*)\]$/, '$1');
  if (ip !== 'host-gateway' && !isAddress(ip)) {
    throw new UsageError(`invalid IP address in add-host: ${JSON.stringify(ip)}: write HOST:IP`);
  }
  return { host: match[1]!, ip };
}

export function parseAddress(text: string, option: string): string {
  if (isAddress(text)) return text;
  throw new OptionError(`invalid argument "${text}" for "${option}": IP address is not correctly formatted`);
}

/** Without node:net, which takes longer to load than a container to start. */
export function isAddress(text: string): boolean {
  const isVersion4 =
    /^\d{1,3}(\.\d{1,3}){3}$/.test(text) && text.split('.').every((part) => Number(part) <= 255);
  return isVersion4 || (/^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text) && URL.canParse(`http://[${text}]/`));
}

/** `KEY=VALUE`; a bare key is an empty value. */
export function parseKeyValue(text: string): readonly [key: string, value: string] {
  const split = text.indexOf('=');
  return split < 0 ? [text, ''] : [text.slice(0, split), text.slice(split + 1)];
}

/**
 * `-e` and `--env-file`: `NAME=VALUE`, or a bare `NAME` that takes the caller's value. Where the caller has none, an
 * `--env-file` leaves it out, and `-e` takes away what the image sets.
 */
export function resolveEnvironment(
  entries: readonly string[],
  own: NodeJS.ProcessEnv,
  unset: 'left out' | 'taken away',
): readonly string[] {
  return entries.flatMap((entry) => {
    if (entry.startsWith('=') || entry === '')
      throw new UsageError(`invalid environment variable: "${entry}"`);
    if (entry.includes('=')) return [entry];
    const value = own[entry];
    if (value !== undefined) return [`${entry}=${value}`];
    return unset === 'left out' ? [] : [entry];
  });
}

/** Lines of an `--env-file` or a `--label-file`: comments and blank lines left out. */
export function parseLineFile(text: string, file: string): readonly string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line, index) => ({ line: line.trimStart(), number: index + 1 }))
    .filter(({ line }) => line !== '' && !line.startsWith('#'))
    .map(({ line, number }) => {
      const name = line.split('=', 1)[0]!;
      if (name === '') throw new UsageError(`${file}:${number}: no name before "=": write NAME=VALUE`);
      if (!/\s/.test(name.trim()) && (line.includes('=') ? !/\s/.test(name) : true))
        return line.includes('=') ? line : name.trim();
      throw new UsageError(`${file}:${number}: '${name}' contains whitespace: write NAME=VALUE`);
    });
}

/** One line of comma-separated fields in which a field may be quoted. RFC 4180. */
export function parseCsv(text: string): readonly string[] {
  const fields: string[] = [];
  let rest = text;
  for (;;) {
    const match = /^(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/.exec(rest);
    if (match === null)
      throw new UsageError(`cannot read "${text}": a quoted field must begin and end with "`);
    fields.push(match[1] === undefined ? match[2]! : match[1].replaceAll('""', '"'));
    if (match[3] === '') return fields;
    rest = rest.slice(match[0].length);
  }
}

/** `a=b,c=d` as a map with lower-case keys; a bare key is `true`. */
export function parseOptionList(text: string): ReadonlyMap<string, string> {
  return new Map(
    parseCsv(text).map((field) => {
      const split = field.indexOf('=');
      return split < 0
        ? [field.toLowerCase(), 'true']
        : [field.slice(0, split).toLowerCase(), field.slice(split + 1)];
    }),
  );
}

export function parseBoolean(text: string, option: string): boolean {
  if (/^(1|t|true|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|false|FALSE|False)$/.test(text)) return false;
  throw new OptionError(`invalid argument "${text}" for "${option}": write true or false`);
}
