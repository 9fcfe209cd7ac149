import { RegistryError, type RegistryErrorCode } from './registry.ts';

/** Bytes of an error body worth reading. */
export const ERROR_BODY_LIMIT = 64 * 1024;

const NETWORK_REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name server does not answer',
  ETIMEDOUT: 'no answer in time',
  EHOSTUNREACH: 'no route to the host',
  ENETUNREACH: 'network unreachable',
};

const UNTRUSTED = 'its certificate is signed by an authority that is not trusted here';

/** Node's codes for certificates that do not hold: https://nodejs.org/docs/latest-v20.x/api/tls.html#x509-certificate-error-codes. */
const CERTIFICATE_REASONS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock of this machine is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

const NOT_TLS = new Set(['ERR_SSL_WRONG_VERSION_NUMBER', 'ERR_SSL_PACKET_LENGTH_TOO_LONG', 'EPROTO']);

/** Turns a failure to talk to a host, or to get `subject`, into a {@link RegistryError}; aborts and registry errors pass through. */
export function networkError(error: unknown, subject: string): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof RegistryError || error.name === 'AbortError') return error;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (code === 'EPRIVATE') {
    return new RegistryError('INVALID_RESPONSE', subject, `Refused to follow the registry: ${error.message}`);
  }
  // An unwilling host with several addresses gives an AggregateError with an empty message.
  const reason = CERTIFICATE_REASONS[code] ?? NETWORK_REASONS[code] ?? plainReason(code, error);
  const hint = hintFor(code, subject);
  return new RegistryError('UNREACHABLE', subject, `Cannot reach ${subject}: ${reason}`, {
    cause: error,
    ...(hint !== undefined && { hint }),
  });
}

function plainReason(code: string, error: Error): string {
  return NOT_TLS.has(code) ? 'it does not speak TLS' : error.message || code || 'failed';
}

function hintFor(code: string, host: string): string | undefined {
  if (CERTIFICATE_REASONS[code] === UNTRUSTED || code === 'DEPTH_ZERO_SELF_SIGNED_CERT')
    return `Put the authority's certificate into /etc/docker/certs.d/${host}/ca.crt, or name one in SSL_CERT_FILE`;
  if (NOT_TLS.has(code))
    return `If ${host} is to be used over plain HTTP, say so in registries.conf: [[registry]] location = "${host}" insecure = true`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return 'Check the name, the name servers of this machine, and HTTPS_PROXY if it is behind a proxy';
  return undefined;
}

/** What is known about who asks, for the advice. */
export interface Circumstances {
  /** As `tsctr login` takes it. */
  readonly domain: string;
  readonly isLoggedIn: boolean;
  readonly isPush: boolean;
}

/** What a status other than the one asked for means. `body` is the start of the answer's body. */
export function statusError(
  subject: string,
  status: number,
  body: string,
  circumstances?: Circumstances,
): RegistryError {
  const detail = errorDetail(body);
  const { code, text, hint } = statusMeaning(subject, status, circumstances);
  return new RegistryError(code, subject, detail === undefined ? text : `${text}: ${detail}`, {
    ...(hint !== undefined && { hint }),
  });
}

interface Meaning {
  readonly code: RegistryErrorCode;
  readonly text: string;
  readonly hint?: string | undefined;
}

function statusMeaning(subject: string, status: number, who: Circumstances | undefined): Meaning {
  switch (status) {
    case 401:
      return {
        code: 'UNAUTHORIZED',
        text: `Access to ${subject} needs a login, or it does not exist`,
        hint: who && loginHint(who),
      };
    case 403:
      return {
        code: 'DENIED',
        text: `Registry denies access to ${subject}`,
        hint: who && deniedHint(who),
      };
    case 405:
      if (!who?.isPush) break;
      return {
        code: 'DENIED',
        text: `Registry takes no pushes of ${subject}`,
        hint: 'It is read-only, or keeps copies of another registry: push to that one',
      };
    case 404:
      return { code: 'NOT_FOUND', text: `${subject} is not in the registry` };
    case 429:
      return {
        code: 'RATE_LIMITED',
        text: `Registry limits requests, try ${subject} again later`,
        hint: who && limitHint(who),
      };
  }
  if (status >= 500)
    return { code: 'UNREACHABLE', text: `Registry failed with HTTP ${status} for ${subject}` };
  return { code: 'INVALID_RESPONSE', text: `Registry answered HTTP ${status} for ${subject}` };
}

function loginCommand(domain: string): string {
  return domain === 'docker.io' ? 'tsctr login' : `tsctr login ${domain}`;
}

function loginHint({ domain, isLoggedIn }: Circumstances): string {
  return isLoggedIn
    ? `The login for ${domain} is not enough, or not valid any more: check the name, or log in again with "${loginCommand(domain)}"`
    : `Check the name, or log in with "${loginCommand(domain)}"`;
}

function deniedHint({ domain, isLoggedIn, isPush }: Circumstances): string {
  if (!isLoggedIn) return `Log in with "${loginCommand(domain)}"`;
  return `The account that is logged in at ${domain} may not ${isPush ? 'push' : 'pull'} there: check the name, and its rights`;
}

function limitHint({ domain, isLoggedIn }: Circumstances): string {
  const login = isLoggedIn ? '' : `, log in with "${loginCommand(domain)}" for a higher limit`;
  return `Wait${login}, or name a mirror in registries.conf`;
}

/** The first `errors[].message` of a distribution-spec error body, on one line and without control characters. */
function errorDetail(body: string): string | undefined {
  try {
    const { errors } = JSON.parse(body) as { errors?: readonly { message?: unknown; code?: unknown }[] };
    const text = errors?.[0]?.message || errors?.[0]?.code;
    return typeof text === 'string' ? text.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ').slice(0, 300) : undefined;
  } catch {
    return undefined;
  }
}
