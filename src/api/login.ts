import { parseReference } from '../../layers/index.ts';
import { ApiError } from './errors.ts';

export interface LoginRequest {
  /** Host and port of a registry; Docker Hub unless told. */
  readonly registry?: string;
  readonly username: string;
  readonly password: string;
}

/** Verifies credentials with the registry and keeps them where Docker does. */
export async function login({
  registry,
  username,
  password,
}: LoginRequest): Promise<{ readonly file: string; readonly plainText: boolean }> {
  const { keepCredentials, verifyCredentials } = await import('../registry/login.ts');
  const domain = registryDomain(registry);
  await verifyCredentials(domain, { username, password });
  return keepCredentials(domain, { username, password }, process.env);
}

/** Forgets the credentials for a registry; resolves with false when there were none. */
export async function logout(registry?: string): Promise<boolean> {
  const { forgetCredentials } = await import('../registry/login.ts');
  return forgetCredentials(registryDomain(registry), process.env);
}

/** The name that references have for a registry, from what people write: a host, or its URL. */
function registryDomain(text = 'docker.io'): string {
  const host = text.replace(/^https?:\/\//, '').replace(/\/(v[12]\/?)?$/, '');
  if (/^(index\.)?docker\.io$|^registry-1\.docker\.io$/.test(host)) return 'docker.io';
  try {
    const { domain } = parseReference(`${host}/repository`);
    if (domain === host) return host;
  } catch {
    // Said below.
  }
  throw new ApiError('BAD_REQUEST', text, `invalid registry "${text}": write HOST or HOST:PORT`);
}
