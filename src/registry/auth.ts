import { type Challenge, parseChallenges } from './challenge.ts';
import type { Credentials } from './credential-helper.ts';
import { ERROR_BODY_LIMIT, statusError } from './errors.ts';
import { RegistryError } from './registry.ts';
import { type HttpRequest, readBounded, type Transport } from './transport.ts';

const TOKEN_LIMIT = 64 * 1024;
/** distribution's token specification: the life of a token that does not state its own. */
const DEFAULT_EXPIRY = 60;

export interface AuthorizerOptions {
  /** Base URL of the registry; what is learnt here is for its origin only. */
  readonly registry: URL;
  /** What `tsctr login` calls it. */
  readonly domain: string;
  readonly transport: Transport;
  /** Asked once, at the first challenge. */
  credentials(): Promise<Credentials | undefined>;
  readonly signal?: AbortSignal | undefined;
}

interface Grant {
  readonly header: string;
  /** Milliseconds since 1970. */
  readonly expires: number;
  /** What it was given for: asked again when it has run out. */
  readonly challenge?: Challenge;
}

/** Authorization for one registry: answers its challenges and keeps what they gave, by scope. */
export class Authorizer {
  private readonly grants = new Map<string, Grant>();
  private readonly pending = new Map<string, Promise<Grant>>();
  private known: Promise<Credentials | undefined> | undefined;

  /** Whether credentials were found when they were asked for. */
  isKnown = false;

  constructor(private readonly options: AuthorizerOptions) {}

  /**
   * The header for a request that needs `scopes` (`repository:a/b:pull`), as far as it is known by now. A token that has
   * run out is renewed first: an upload that streams cannot be sent again.
   */
  async header(scopes: readonly string[]): Promise<string | undefined> {
    const key = scopes.join(' ');
    const grant = this.grants.get(key) ?? this.grants.get('');
    if (grant === undefined || grant.expires > Date.now()) return grant?.header;
    const { challenge } = grant;
    if (challenge === undefined) return undefined;
    await this.single(key, () => this.bearer(challenge, scopes));
    return this.grants.get(key)?.header;
  }

  /**
   * Answers a 401 to a request that was sent with `sent` as its authorization. False: there is nothing to answer with
   * but what was refused.
   */
  async answer(
    header: string | undefined,
    scopes: readonly string[],
    sent: string | undefined,
  ): Promise<boolean> {
    const challenges = parseChallenges(header ?? '');
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer !== undefined) {
      const key = scopes.join(' ');
      const grant = this.grants.get(key);
      // Another request that ran at once may have got one meanwhile.
      if (grant !== undefined && grant.header !== sent && grant.expires > Date.now()) return true;
      await this.single(key, () => this.bearer(bearer, scopes));
      return true;
    }
    if (!challenges.some(({ scheme }) => scheme === 'basic')) return false;
    const credentials = await this.credentials();
    if (credentials === undefined || credentials.username === '') return false;
    const basic = { header: basicHeader(credentials), expires: Number.POSITIVE_INFINITY };
    this.grants.set('', basic);
    // Requests that run at once are all asked for it: what another one has learnt meanwhile was not refused.
    return sent !== basic.header;
  }

  /** Layers that are fetched at once share one token request. */
  private async single(key: string, ask: () => Promise<Grant>): Promise<void> {
    const pending = this.pending.get(key) ?? ask().finally(() => this.pending.delete(key));
    this.pending.set(key, pending);
    this.grants.set(key, await pending);
  }

  private credentials(): Promise<Credentials | undefined> {
    this.known ??= this.options.credentials().then((found) => {
      this.isKnown = found !== undefined;
      return found;
    });
    return this.known;
  }

  private async bearer(challenge: Challenge, scopes: readonly string[]): Promise<Grant> {
    const realm = this.realm(challenge);
    const credentials = await this.credentials();
    if (credentials?.registryToken !== undefined)
      return { header: `Bearer ${credentials.registryToken}`, expires: Number.POSITIVE_INFINITY };
    const service = challenge.parameters.get('service');
    const request = credentials?.identityToken
      ? refreshRequest(realm, service, scopes, credentials.identityToken)
      : tokenRequest(realm, service, scopes, credentials);
    const { transport, signal } = this.options;
    const answer = await transport.send({ ...request, signal });
    if (answer.status !== 200) {
      const body = await readBounded(answer.body, ERROR_BODY_LIMIT, realm.host).catch(() => Buffer.alloc(0));
      const { registry, domain } = this.options;
      const isPush = scopes.some((scope) => scope.endsWith('push'));
      const who = { domain, isLoggedIn: credentials !== undefined, isPush };
      throw statusError(`${registry.host} (login at ${realm.host})`, answer.status, body.toString(), who);
    }
    const token = parseToken(await readBounded(answer.body, TOKEN_LIMIT, realm.host), realm.host);
    return { ...token, challenge };
  }

  /** The token server of a challenge; a registry behind TLS may not send credentials out in the clear. */
  private realm(challenge: Challenge): URL {
    const { registry } = this.options;
    const text = challenge.parameters.get('realm') ?? '';
    const realm = URL.canParse(text) ? new URL(text) : undefined;
    if (realm?.protocol === 'https:' || (realm?.protocol === 'http:' && registry.protocol === 'http:'))
      return realm;
    const shown = JSON.stringify(text);
    throw new RegistryError(
      'INVALID_RESPONSE',
      registry.host,
      `${registry.host} names an unusable login server ${shown}`,
    );
  }
}

function basicHeader({ username, password }: Credentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}

/** distribution spec, "Token Authentication": GET of the realm. */
function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credentials: Credentials | undefined,
): HttpRequest {
  const url = new URL(realm);
  if (service !== undefined) url.searchParams.set('service', service);
  for (const scope of scopes) url.searchParams.append('scope', scope);
  if (credentials === undefined || credentials.username === '') return { method: 'GET', url };
  url.searchParams.set('account', credentials.username);
  return { method: 'GET', url, headers: { authorization: basicHeader(credentials) } };
}

/** distribution spec, "OAuth2 Token Authentication": POST with a refresh token. */
function refreshRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  identityToken: string,
): HttpRequest {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    service: service ?? '',
    client_id: 'tsbuild',
    scope: scopes.join(' '),
    refresh_token: identityToken,
  });
  return {
    method: 'POST',
    url: realm,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: Buffer.from(form.toString()),
    isSecret: true,
  };
}

function parseToken(body: Buffer, host: string): Grant {
  try {
    const json = JSON.parse(body.toString()) as Record<string, unknown>;
    const token = json.token || json.access_token;
    // A token is put in a header: nothing may end it early.
    if (typeof token === 'string' && /^[\x21-\x7e]+$/.test(token)) {
      const life =
        typeof json.expires_in === 'number' && json.expires_in > 0 ? json.expires_in : DEFAULT_EXPIRY;
      // Renewed a little early, so that it does not end under way.
      return { header: `Bearer ${token}`, expires: Date.now() + life * 900 };
    }
  } catch {
    // Reported below.
  }
  throw new RegistryError('INVALID_RESPONSE', host, `Login server ${host} gave no token`);
}
