import { RegistryError } from './registry.ts';

export interface Credentials {
  readonly username: string;
  readonly password: string;
  /** OAuth2 refresh token instead of a password. */
  readonly identityToken?: string;
  /** Bearer token to send as it is. */
  readonly registryToken?: string;
}

const HELPER_NAME = /^[a-z0-9-]+$/;
const HELPER_TIMEOUT = 30_000;
const OUTPUT_LIMIT = 64 * 1024;
/** docker-credential-helpers' protocol has no code for "none": helpers print this sentence. */
const NOT_FOUND = /credentials not found/i;

/**
 * Asks `docker-credential-NAME`, found on this process' PATH and started without a shell, for the credentials of a
 * server. Undefined when it has none.
 */
export async function askCredentialHelper(
  name: string,
  server: string,
  signal?: AbortSignal,
): Promise<Credentials | undefined> {
  if (typeof name !== 'string' || !HELPER_NAME.test(name)) {
    const shown = JSON.stringify(name);
    throw new RegistryError(
      'UNAUTHORIZED',
      server,
      `Invalid credential helper ${shown} in Docker's config.json`,
    );
  }
  const program = `docker-credential-${name}`;
  const { error, output } = await run(program, server, signal);
  if (error === undefined) return parseAnswer(output, program, server);
  if (NOT_FOUND.test(output)) return undefined;
  const reason = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not on the PATH' : error.message;
  throw new RegistryError('UNAUTHORIZED', server, `Cannot get credentials from ${program}: ${reason}`, {
    cause: error,
  });
}

async function run(program: string, input: string, signal: AbortSignal | undefined) {
  const { execFile } = await import('node:child_process');
  return new Promise<{ error?: Error; output: string }>((resolve) => {
    const options = { timeout: HELPER_TIMEOUT, maxBuffer: OUTPUT_LIMIT, ...(signal && { signal }) };
    const child = execFile(program, ['get'], options, (error, stdout, stderr) => {
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
  // docker-credential-helpers: this name marks the secret as an identity token.
  if (Username === '<token>') return { username: '', password: '', identityToken: Secret };
  return { username: Username, password: Secret };
}

function parseObject(text: string): { readonly Username?: unknown; readonly Secret?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}
