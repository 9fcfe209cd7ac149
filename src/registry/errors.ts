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

/** Turns a failure to talk to a host, or to get `subject`, into a {@link RegistryError}; aborts and registry errors pass through. */
export function networkError(error: unknown, subject: string): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  if (error instanceof RegistryError || error.name === 'AbortError') return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'EPRIVATE') {
    return new RegistryError('INVALID_RESPONSE', subject, `Refused to follow the registry: ${error.message}`);
  }
  // An unwilling host with several addresses gives an AggregateError with an empty message.
  const reason = NETWORK_REASONS[code ?? ''] ?? (error.message || code || 'failed');
  return new RegistryError('UNREACHABLE', subject, `Cannot reach ${subject}: ${reason}`, { cause: error });
}

/** What a status other than the one asked for means. `body` is the start of the answer's body. */
export function statusError(subject: string, status: number, body: string): RegistryError {
  const detail = errorDetail(body);
  const says = detail === undefined ? '' : `: ${detail}`;
  const known = statusMeaning(status);
  if (known === undefined)
    return new RegistryError(
      'INVALID_RESPONSE',
      subject,
      `Registry answered HTTP ${status} for ${subject}${says}`,
    );
  return new RegistryError(known.code, subject, `${known.text(subject)}${says}`);
}

interface Meaning {
  readonly code: RegistryErrorCode;
  text(subject: string): string;
}

function statusMeaning(status: number): Meaning | undefined {
  if (status === 401)
    return {
      code: 'UNAUTHORIZED',
      text: (subject) => `Access to ${subject} needs a login, or it does not exist`,
    };
  if (status === 403) return { code: 'DENIED', text: (subject) => `Registry denies access to ${subject}` };
  if (status === 404) return { code: 'NOT_FOUND', text: (subject) => `${subject} is not in the registry` };
  if (status === 429)
    return {
      code: 'RATE_LIMITED',
      text: (subject) => `Registry limits requests, try ${subject} again later`,
    };
  if (status >= 500)
    return { code: 'UNREACHABLE', text: (subject) => `Registry failed with HTTP ${status} for ${subject}` };
  return undefined;
}

/** The first `errors[].message` of a distribution-spec error body, on one line and without control characters. */
function errorDetail(body: string): string | undefined {
  try {
    const { errors } = JSON.parse(body) as { errors?: readonly { message?: unknown; code?: unknown }[] };
    const text = errors?.[0]?.message || errors?.[0]?.code;
    return typeof text === 'string' ? text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, 300) : undefined;
  } catch {
    return undefined;
  }
}
