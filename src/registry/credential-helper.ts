import { RegistryError } from './registry.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** OAuth2 refresh token instead of a password. */
  readonly identityToken?: string;
  /** Bearer token to send as it is. */
  readonly registryToken?: string;
}

/** What can be part of a file's name: `ecr-login`, `desktop.exe`. */
const HELPER_NAME = /^[a-z0-9._-]+$/;
const HELPER_TIMEOUT = 30_000;
const OUTPUT_LIMIT = 64 * 1024;
/** docker-credential-helpers' protocol has no code for "none": helpers print this sentence. */
const NOT_FOUND = /credentials not found/i;

/** docker-credential-helpers: this name marks the secret as an identity token. */
const TOKEN_USER = '<token>';

/**
 * Asks `docker-credential-NAME`, found on this process' PATH and started without a shell, for the credentials of a
 * server. Undefined when it has none.
 */
export async function askCredentialHelper(
  name: string,
  server: string,
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  const program = helperProgram(name, server);
  const { error, output } = await runHelper(program, 'get', server, signal);
  if (error === undefined) return parseAnswer(output, program, server);
  if (NOT_FOUND.test(output)) return undefined;
  throw helperFailed(`get credentials from ${program}`, server, error);
}

/** Has a helper keep the credentials of a server. */
export async function storeWithHelper(
  name: string,
  server: string,
  { username, password, identityToken }: Credentials,
): Promise<void> {
  const program = helperProgram(name, server);
  const entry = {
    ServerURL: server,
    Username: identityToken === undefined ? username : TOKEN_USER,
    Secret: identityToken ?? password,
  };
  const { error } = await runHelper(program, 'store', JSON.stringify(entry));
  if (error !== undefined) throw helperFailed(`keep credentials with ${program}`, server, error);
}

/** Has a helper forget the credentials of a server, if it has any. */
export async function eraseWithHelper(name: string, server: string): Promise<void> {
  const program = helperProgram(name, server);
  const { error, output } = await runHelper(program, 'erase', server);
  if (error !== undefined && !NOT_FOUND.test(output))
    throw helperFailed(`erase credentials with ${program}`, server, error);
}

function helperProgram(name: string, server: string): string {
  if (typeof name === 'string' && HELPER_NAME.test(name)) return `docker-credential-${name}`;
  const shown = JSON.stringify(name);
  throw new RegistryError(
    'UNAUTHORIZED',
    server,
    `Invalid credential helper ${shown} in Docker's config.json`,
  );
}

function helperFailed(what: string, server: string, error: Error): RegistryError {
  const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not on the PATH' : error.message;
  return new RegistryError('UNAUTHORIZED', server, `Cannot ${what}: ${reason}`, { cause: error });
}

async function runHelper(program: string, verb: string, input: string, signal?: AbortSignal) {
  const { execFile } = await import('node:child_process');
  return new Promise<{ error?: Error; output: string }>((resolve) => {
    const options = { timeout: HELPER_TIMEOUT, maxBuffer: OUTPUT_LIMIT, ...(signal && { signal }) };
    const child = execFile(program, [verb], options, (error, stdout, stderr) => {
      if (error === null) resolve({ output: stdout });
      else resolve({ error, output: `${stdout}${stderr}` });
    });
    child.stdin?.on('error', () => {}); // A helper that does not read its input is not an error by itself.
    child.stdin?.end(input);
  });
}

function parseAnswer(output: string, program: string, server: string): Credentials {
  const { Username, Secret } = parseObject(output);
  if (typeof Username !== 'string' || typeof Secret !== 'string')
    throw new RegistryError('UNAUTHORIZED', server, `${program} gave no username and secret for ${server}`);
  if (Username === TOKEN_USER) return { username: '', password: '', identityToken: Secret };
  return { username: Username, password: Secret };
}

function parseObject(text: string): { readonly Username?: unknown; readonly Secret?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}
