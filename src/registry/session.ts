import { AddressPolicy } from './address-policy.ts';
import { Authorizer } from './auth.ts';
import { findCredentials } from './docker-config.ts';
import { baseUrl, type Place } from './places.ts';
import type { Environment } from './proxy.ts';
import { RegistryError } from './registry.ts';
import { Transport } from './transport.ts';

export interface RegistryOptions {
  /** Talks to every registry as registries.conf's `insecure = true` has it: docs/distribution.md. */
  readonly insecure?: boolean;
  /** Proxies, DOCKER_CONFIG, REGISTRY_AUTH_FILE, SSL_CERT_FILE, XDG_CONFIG_HOME. Default: this process' environment. */
  readonly environment?: Environment;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; for tests. */
  readonly idleTimeout?: number;
  readonly retryDelay?: number;
}

/** A registry that is being talked to: where it is, by which rules, and as whom. */
export interface Session {
  /** `https://HOST/v2/`. */
  readonly base: URL;
  readonly transport: Transport;
  readonly authorizer: Authorizer;
}

/** Opens a session with the registry of a place; asks the network only where that is needed to know how to talk to it. */
export async function openSession(place: Place, options: RegistryOptions): Promise<Session> {
  if (place.security !== 'any') {
    const base = baseUrl(place, place.security === 'tls' ? 'https' : 'http');
    return sessionAt(base, place, options);
  }
  const secure = sessionAt(baseUrl(place, 'https'), place, options);
  try {
    const { signal } = options;
    const answer = await secure.transport.send({ method: 'GET', url: secure.base, signal }, { retries: 0 });
    answer.body.destroy();
    return secure;
  } catch (error) {
    secure.transport.close();
    if (!(error instanceof RegistryError) || error.code !== 'UNREACHABLE') throw error;
    return sessionAt(baseUrl(place, 'http'), place, options);
  }
}

/**
 * For a registry that answered HTTP 400 where plain HTTP was taken for granted: the session over TLS, unverified as on
 * any loopback address, if TLS is what it speaks.
 */
export async function openSecured(place: Place, options: RegistryOptions): Promise<Session | undefined> {
  if (place.security !== 'plain') return undefined;
  const session = await openSession({ ...place, security: 'any' }, options);
  if (session.base.protocol === 'https:') return session;
  session.transport.close();
  return undefined;
}

function sessionAt(base: URL, { domain, repository, security }: Place, options: RegistryOptions): Session {
  const { environment = process.env, signal } = options;
  const transport = new Transport({
    ...options,
    environment,
    policy: new AddressPolicy(base),
    ...(security === 'any' && { unverified: base.host }),
  });
  const credentials = () => findCredentials(domain, repository, environment, signal);
  return {
    base,
    transport,
    authorizer: new Authorizer({ registry: base, domain, transport, signal, credentials }),
  };
}
