import {
  closeSync,
  constants,
  fchmodSync,
  fchownSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  type Stats,
  statSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { bytePath, lockFile, SystemCallError, WholeFile } from '../../layers/index.ts';
import { Authorizer } from './auth.ts';
import { type Credentials, eraseWithHelper, storeWithHelper } from './credential-helper.ts';
import { ERROR_BODY_LIMIT, statusError } from './errors.ts';
import { credentialKey, placesOf, withInsecure } from './places.ts';
import type { Environment } from './proxy.ts';
import { readRegistryRules } from './registries-config.ts';
import { RegistryError } from './registry.ts';
import { openSecured, openSession, type RegistryOptions } from './session.ts';
import { readBounded } from './transport.ts';

/** Asks the registry whether it knows the credentials. Throws `UNAUTHORIZED` when it does not. */
export async function verifyCredentials(
  domain: string,
  credentials: Credentials,
  options: RegistryOptions = {},
): Promise<void> {
  const { signal, insecure, environment = process.env } = options;
  // Rules are about names in a registry; whoever logs in has none yet.
  const places = placesOf({ domain, path: 'any' }, await readRegistryRules(environment));
  const { primary } = withInsecure(places, insecure);
  let { base: registry, transport } = await openSession(primary, options);
  try {
    const send = (authorization: string | undefined) =>
      transport.send({
        method: 'GET',
        url: registry,
        headers: authorization === undefined ? {} : { authorization },
        signal,
      });
    let answer = await send(undefined);
    const secured = answer.status === 400 ? await openSecured(primary, options) : undefined;
    if (secured !== undefined) {
      answer.body.destroy();
      transport.close();
      ({ base: registry, transport } = secured);
      answer = await send(undefined);
    }
    const authorizer = new Authorizer({
      registry,
      domain,
      transport,
      signal,
      credentials: async () => credentials,
    });
    if (answer.status === 401) {
      answer.body.destroy();
      const challenge = answer.headers['www-authenticate'];
      if (await authorizer.answer(challenge, [], undefined)) answer = await send(await authorizer.header([]));
    }
    const body = await readBounded(answer.body, ERROR_BODY_LIMIT, domain).catch(() => Buffer.alloc(0));
    if (answer.status !== 200) throw statusError(domain, answer.status, body.toString());
  } catch (error) {
    if (!(error instanceof RegistryError) || error.code !== 'UNAUTHORIZED') throw error;
    throw new RegistryError('UNAUTHORIZED', domain, `${domain}: incorrect username or password`, {
      cause: error,
    });
  } finally {
    transport.close();
  }
}

/** Where `docker login` keeps credentials, config.json in DOCKER_CONFIG, else in ~/.docker; or the only file that is read. */
export function loginFile({ REGISTRY_AUTH_FILE, DOCKER_CONFIG, HOME }: Environment): string {
  return REGISTRY_AUTH_FILE || join(DOCKER_CONFIG || join(HOME || homedir(), '.docker'), 'config.json');
}

/** Keeps credentials where Docker does: with the helper that the file names, else in the file, in plain text. */
export async function keepCredentials(
  domain: string,
  credentials: Credentials,
  environment: Environment,
): Promise<{ readonly file: string; readonly plainText: boolean }> {
  const file = loginFile(environment);
  const server = credentialKey(domain);
  const helper = helperFor(readConfig(file), domain, server);
  if (helper !== undefined) await storeWithHelper(helper, server, credentials);
  const auth = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  changeConfig(file, (config) => ({
    ...config,
    auths: { ...config.auths, [server]: helper === undefined ? { auth } : {} },
  }));
  return { file, plainText: helper === undefined };
}

/** Forgets credentials; false when there were none. */
export async function forgetCredentials(domain: string, environment: Environment): Promise<boolean> {
  const file = loginFile(environment);
  const config = readConfig(file);
  const server = credentialKey(domain);
  const helper = helperFor(config, domain, server);
  if (helper !== undefined) await eraseWithHelper(helper, server);
  if (config.auths?.[server] === undefined) return helper !== undefined;
  changeConfig(file, (now) => {
    const { [server]: _, ...auths } = now.auths ?? {};
    return { ...now, auths };
  });
  return true;
}

interface LoginConfig {
  readonly auths?: Readonly<Record<string, object>>;
  readonly credsStore?: string;
  readonly credHelpers?: Readonly<Record<string, string>>;
}

function helperFor(config: LoginConfig, domain: string, server: string): string | undefined {
  const { credHelpers = {}, credsStore } = config;
  return credHelpers[domain] ?? credHelpers[server] ?? (credsStore || undefined);
}

function readConfig(file: string): LoginConfig {
  try {
    // An empty file is what mktemp(1) makes.
    const config: unknown = JSON.parse(readFileSync(file, 'utf8') || '{}');
    if (typeof config === 'object' && config !== null && !Array.isArray(config)) return config;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {};
    if (!(cause instanceof SyntaxError)) throw cause;
  }
  // Writing over it would lose what somebody meant to have in there.
  throw new RegistryError('UNAUTHORIZED', file, `Cannot read ${file}: it is not a JSON object`);
}

/**
 * Everything else in the file stays, logins that others make at the same time too; readers see all of it or none, and a
 * process that is killed leaves no copy. A link to a file elsewhere stays one.
 */
function changeConfig(file: string, change: (config: LoginConfig) => LoginConfig): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const before = statSync(file, { throwIfNoEntry: false });
  const path = before === undefined ? file : realpathSync(file);
  const folder = openSync(dirname(path), constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    lock(folder);
    const text = `${JSON.stringify(change(readConfig(path)), undefined, '\t')}\n`;
    const whole = new WholeFile(folder, 0o600);
    try {
      writeFileSync(whole.fd, text);
      if (before !== undefined) keepAccess(whole.fd, before);
      whole.appearAs(bytePath(basename(path)));
    } finally {
      whole.close();
    }
  } finally {
    closeSync(folder);
  }
}

/** Owner and mode of the file before. Where it was another's that cannot be, and then nobody else is let in. */
function keepAccess(fd: number, { uid, gid, mode }: Stats): void {
  try {
    fchownSync(fd, uid, gid);
    fchmodSync(fd, mode & 0o7777);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') throw error;
    fchmodSync(fd, mode & 0o700);
  }
}

function lock(folder: number): void {
  try {
    lockFile(folder, 'exclusive');
  } catch (error) {
    // Network filesystems lock no directories: then whoever writes last is right.
    if (!(error instanceof SystemCallError)) throw error;
  }
}
