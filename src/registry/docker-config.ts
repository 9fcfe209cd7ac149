import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { askCredentialHelper, type Credentials } from './credential-helper.ts';
import { credentialKey } from './places.ts';
import type { Environment } from './proxy.ts';
import { RegistryError } from './registry.ts';

interface AuthEntry {
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}

interface DockerConfig {
  readonly path: string;
  readonly auths: ReadonlyMap<string, AuthEntry>;
  readonly credsStore?: string;
  readonly credHelpers: ReadonlyMap<string, string>;
}

/**
 * Credentials for a repository as `docker login` and `podman login` leave them: the helper named for the registry, the
 * general helper, then the file's own entries, the longest matching `HOST/PATH` first (containers-auth.json(5)).
 * Undefined: anonymous. Throws `UNAUTHORIZED` for a helper that cannot be asked.
 */
export async function findCredentials(
  domain: string,
  repository: string,
  environment: Environment,
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  for (const path of configPaths(environment)) {
    const config = readConfig(path);
    const found = config && (await credentialsFrom(config, domain, repository, signal));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Where to look, in order. A file that is named explicitly is the only one. */
export function configPaths(environment: Environment): string[] {
  const { REGISTRY_AUTH_FILE, DOCKER_CONFIG, XDG_RUNTIME_DIR } = environment;
  if (REGISTRY_AUTH_FILE) return [REGISTRY_AUTH_FILE];
  if (DOCKER_CONFIG) return [join(DOCKER_CONFIG, 'config.json')];
  const own = join(environment.HOME || homedir(), '.docker', 'config.json');
  return XDG_RUNTIME_DIR ? [own, join(XDG_RUNTIME_DIR, 'containers', 'auth.json')] : [own];
}

async function credentialsFrom(
  config: DockerConfig,
  domain: string,
  repository: string,
  signal: AbortSignal | undefined,
): Promise<Credentials | undefined> {
  const server = credentialKey(domain);
  const helper = config.credHelpers.get(domain) ?? config.credHelpers.get(server) ?? config.credsStore;
  const asked = helper === undefined ? undefined : await askCredentialHelper(helper, server, signal);
  if (asked !== undefined) return asked;
  for (const key of entryKeys(domain, repository)) {
    const entry = config.auths.get(key);
    const credentials = entry && fromEntry(entry, key, config.path);
    if (credentials !== undefined) return credentials;
  }
  return undefined;
}

/** `host/a/b`, `host/a`, `host`; Docker Hub's historic URL counts as its host. */
function entryKeys(domain: string, repository: string): string[] {
  const parts = [domain, ...repository.split('/')];
  const keys = parts.map((_, index) => parts.slice(0, parts.length - index).join('/'));
  return domain === 'docker.io' ? [...keys, 'index.docker.io', 'registry-1.docker.io'] : keys;
}

function fromEntry(entry: AuthEntry, key: string, path: string): Credentials | undefined {
  const tokens = {
    ...(entry.identitytoken && { identityToken: entry.identitytoken }),
    ...(entry.registrytoken && { registryToken: entry.registrytoken }),
  };
  if (entry.auth) {
    const pair = Buffer.from(entry.auth, 'base64').toString('utf8').replace(/\0+$/, '');
    const colon = pair.indexOf(':');
    if (colon < 0) throw new RegistryError('UNAUTHORIZED', key, `Invalid "auth" for ${key} in ${path}`);
    return { username: pair.slice(0, colon), password: pair.slice(colon + 1), ...tokens };
  }
  if (entry.username) return { username: entry.username, password: entry.password ?? '', ...tokens };
  return Object.keys(tokens).length > 0 ? { username: '', password: '', ...tokens } : undefined;
}

/** Undefined when there is no such file. */
function readConfig(path: string): DockerConfig | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
  const json = parseJson(text || '{}', path);
  const helpers = entriesOf(json.credHelpers).filter(([, name]) => typeof name === 'string');
  const auths = entriesOf(json.auths).filter(([, entry]) => typeof entry === 'object' && entry !== null);
  return {
    path,
    auths: new Map(auths.map(([key, entry]) => [normalisedKey(key), entry as AuthEntry])),
    credHelpers: new Map(helpers as [string, string][]),
    ...(typeof json.credsStore === 'string' && json.credsStore !== '' && { credsStore: json.credsStore }),
  };
}

function parseJson(text: string, path: string): Record<string, unknown> {
  try {
    const json: unknown = JSON.parse(text);
    if (typeof json === 'object' && json !== null) return json as Record<string, unknown>;
  } catch (error) {
    throw new RegistryError('UNAUTHORIZED', path, `Cannot read ${path}: it is not JSON`, { cause: error });
  }
  throw new RegistryError('UNAUTHORIZED', path, `Cannot read ${path}: it is not a JSON object`);
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeof value === 'object' && value !== null ? Object.entries(value) : [];
}

/** Old clients wrote whole URLs: `https://host/v1/` means `host`. */
function normalisedKey(key: string): string {
  return key.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
}
