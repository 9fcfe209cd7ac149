import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from './proxy.ts';
import { RegistryError } from './registry.ts';

/** A place to read from or write to, as containers-registries.conf(5) has it: `host[:port][/path]`. */
export interface Location {
  readonly location: string;
  /** TLS is not verified, and plain HTTP will do. Undefined: loopback hosts speak HTTP, every other one verified TLS. */
  readonly insecure?: boolean;
}

export interface Mirror extends Location {
  /** Which references are looked up there. */
  readonly pulls: 'all' | 'digest-only' | 'tag-only';
}

/** A `[[registry]]` table: what is said about every name that begins with `prefix`. */
export interface RegistryRule extends Location {
  readonly prefix: string;
  readonly blocked: boolean;
  readonly mirrors: readonly Mirror[];
}

/** Where the rules are, in order; the first file that is there is the only one. */
export function registriesFiles(environment: Environment): string[] {
  const { CONTAINERS_REGISTRIES_CONF, XDG_CONFIG_HOME, HOME } = environment;
  if (CONTAINERS_REGISTRIES_CONF) return [CONTAINERS_REGISTRIES_CONF];
  const own = XDG_CONFIG_HOME || join(HOME || homedir(), '.config');
  return [
    join(own, 'tsbuild/registries.conf'),
    join(own, 'containers/registries.conf'),
    '/etc/containers/registries.conf',
  ];
}

/** The rules of this machine: docs/distribution.md, "Mirrors and insecure registries". Throws `BAD_CONFIG`. */
export async function readRegistryRules(environment: Environment): Promise<readonly RegistryRule[]> {
  for (const file of registriesFiles(environment)) {
    const text = readIfPresent(file, Boolean(environment.CONTAINERS_REGISTRIES_CONF));
    if (text === undefined) continue;
    // The distributions' own file says nothing but comments and short names: the parser is not worth loading for it.
    return RULES.test(text) ? parseRules(text, file) : [];
  }
  return [];
}

const RULES = /^[ \t]*(?:\[\[?)?[ \t]*["']?registry\b/m;

async function parseRules(text: string, file: string): Promise<readonly RegistryRule[]> {
  const { parse } = await import('smol-toml');
  let document: Table;
  try {
    document = parse(text);
  } catch (cause) {
    throw badConfig(file, (cause as Error).message.split('\n')[0] ?? 'it is not TOML', cause);
  }
  return tables(document, 'registry', file).map((table) => readRule(table, file));
}

type Table = Readonly<Record<string, unknown>>;

function readRule(table: Table, file: string): RegistryRule {
  const named = text(table, 'prefix', file);
  const location = text(table, 'location', file) ?? named;
  const prefix = named ?? location;
  if (prefix === undefined || location === undefined)
    throw badConfig(file, 'a [[registry]] has neither prefix nor location');
  if (prefix.startsWith('*.') && named === location) {
    throw badConfig(file, `prefix "${prefix}" needs a location of its own, since it has a wildcard`);
  }
  return {
    prefix,
    ...locationOf(location, table, file),
    blocked: flag(table, 'blocked', file) ?? false,
    mirrors: tables(table, 'mirror', file).map((mirror) => readMirror(mirror, table, file)),
  };
}

function readMirror(mirror: Table, registry: Table, file: string): Mirror {
  const location = text(mirror, 'location', file);
  if (location === undefined) throw badConfig(file, 'a [[registry.mirror]] has no location');
  const digestsOnly = flag(registry, 'mirror-by-digest-only', file) ?? false;
  const pulls = text(mirror, 'pull-from-mirror', file) ?? (digestsOnly ? 'digest-only' : 'all');
  if (pulls !== 'all' && pulls !== 'digest-only' && pulls !== 'tag-only')
    throw badConfig(file, `pull-from-mirror is "${pulls}": use all, digest-only or tag-only`);
  return { ...locationOf(location, mirror, file), pulls };
}

/** A host with an optional port and path; a URL's scheme would be taken for part of the name. */
const LOCATION = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?(?:\/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*$/;

function locationOf(location: string, table: Table, file: string): Location {
  const isWildcard = location.startsWith('*.');
  if (!LOCATION.test(isWildcard ? location.slice(2) : location))
    throw badConfig(file, `"${location}" is no location: write HOST[:PORT][/PATH], without a scheme`);
  const insecure = flag(table, 'insecure', file);
  return { location, ...(insecure !== undefined && { insecure }) };
}

function tables(table: Table, name: string, file: string): readonly Table[] {
  const value = table[name] ?? [];
  if (Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null)) return value;
  throw badConfig(file, `"${name}" is no list of tables: write [[${name}]]`);
}

function text(table: Table, name: string, file: string): string | undefined {
  const value = table[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value === 'string') return value;
  throw badConfig(file, `"${name}" is not a string`);
}

function flag(table: Table, name: string, file: string): boolean | undefined {
  const value = table[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw badConfig(file, `"${name}" is neither true nor false`);
}

function readIfPresent(file: string, isRequired: boolean): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    const { code = '' } = cause as NodeJS.ErrnoException;
    if (!isRequired && ['ENOENT', 'ENOTDIR', 'EACCES'].includes(code)) return undefined;
    throw badConfig(file, (cause as Error).message, cause);
  }
}

function badConfig(file: string, why: string, cause?: unknown): RegistryError {
  return new RegistryError('BAD_CONFIG', file, `Cannot use ${file}: ${why}`, { cause });
}
