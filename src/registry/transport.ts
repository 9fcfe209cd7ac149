import type { ClientRequest, IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { AddressPolicy } from './address-policy.ts';
import { Connections } from './connections.ts';
import { networkError } from './errors.ts';
import { paced } from './paced.ts';
import type { Environment } from './proxy.ts';
import { RegistryError } from './registry.ts';

/** A body that can be produced; `open` is called once per attempt. */
export interface BodySource {
  /** Bytes; undefined: known at the end only (RFC 9112 section 7.1, chunked). */
  readonly size?: number;
  open(): Readable;
}

export interface HttpRequest {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: URL;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | BodySource;
  /** The body is a secret: it goes to the origin of the URL, and nowhere else. */
  readonly isSecret?: boolean;
  readonly signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Where it came from after redirects. */
  readonly url: URL;
  /** Must be read or destroyed. */
  readonly body: Readable;
}

export interface TransportOptions {
  readonly policy: AddressPolicy;
  readonly environment: Environment;
  /** A host (with port) whose TLS certificate is not verified. */
  readonly unverified?: string;
  /** Milliseconds without a byte in either direction before a connection counts as dead. */
  readonly idleTimeout?: number;
  /** Milliseconds before the first retry; doubled at each further one. */
  readonly retryDelay?: number;
}

const MAX_REDIRECTS = 5;
const MAX_RETRIES = 4;
const MAX_RETRY_AFTER = 60_000;
const RETRIED_STATUS = new Set([408, 429, 500, 502, 503, 504]);
const RETRIED_ERRORS = new Set(['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'EAI_AGAIN', 'ECONNABORTED']);
/** An upload is looked at, and put away, before it is answered: that takes longer than to find what is asked for. */
const UPLOAD_PATIENCE = 5;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * HTTP with what a registry client needs of it: kept-alive connections, proxies, redirects that never carry
 * credentials to another origin, and patience with busy servers. Errors are {@link RegistryError}.
 */
export class Transport {
  private readonly connections: Connections;

  constructor(private readonly options: TransportOptions) {
    this.connections = new Connections(options.environment, options.unverified);
  }

  /** Any status is an answer; only a host that cannot be talked to is an error. */
  async send(request: HttpRequest, { retries = MAX_RETRIES } = {}): Promise<HttpResponse> {
    for (let attempt = 0; ; attempt++) {
      const last = attempt >= retries || isStreamed(request.body);
      const answer = await this.follow(request).catch((error: unknown) => {
        if (last || request.signal?.aborted === true || !isRetried(error))
          throw networkError(error, request.url.host);
        return undefined;
      });
      if (answer !== undefined && (last || !RETRIED_STATUS.has(answer.status))) return answer;
      answer?.body.destroy();
      const wait = (this.options.retryDelay ?? 250) * 2 ** attempt;
      await delay(
        retryAfter(answer?.headers['retry-after']) ?? wait * (0.75 + Math.random() / 2),
        undefined,
        {
          ...(request.signal && { signal: request.signal }),
        },
      );
    }
  }

  close(): void {
    this.connections.close();
  }

  private async follow(request: HttpRequest): Promise<HttpResponse> {
    let current = request;
    for (let hops = 0; ; hops++) {
      const answer = await this.exchange(current);
      const { location } = answer.headers;
      if (!REDIRECTS.has(answer.status) || location === undefined || isStreamed(request.body)) return answer;
      answer.body.destroy();
      if (hops >= MAX_REDIRECTS) {
        throw new RegistryError(
          'INVALID_RESPONSE',
          request.url.host,
          `${request.url.host} redirects in circles`,
        );
      }
      current = redirected(current, location);
    }
  }

  private async exchange(request: HttpRequest): Promise<HttpResponse> {
    const { url, method, body } = request;
    const lookup = await this.options.policy.lookupFor(url);
    const route = await this.connections.route(url, lookup);
    const headers = {
      'user-agent': 'tsbuild',
      ...route.options.headers,
      ...request.headers,
      ...lengthOf(body),
    };
    const { signal } = request;
    return new Promise((resolve, reject) => {
      const sent = route.request({ ...route.options, method, headers, ...(signal && { signal }) });
      this.limitWaiting(sent, body !== undefined);
      sent.once('error', reject);
      sent.once('response', (response: IncomingMessage) => {
        sent.on('error', (error) => response.destroy(error));
        resolve({ status: response.statusCode ?? 0, headers: response.headers, url, body: response });
      });
      if (!isStreamed(body)) sent.end(body);
      // A server that answers early (and closes) makes the upload fail; its answer is then the better news.
      else pipeline(body.open(), sent).catch((error: unknown) => setImmediate(reject, error));
    });
  }

  /** No byte for too long ends it, and an answer whose head drips in: that is never idle. */
  private limitWaiting(sent: ClientRequest, isUpload: boolean): void {
    const idle = this.options.idleTimeout ?? 60_000;
    const giveUp = () => {
      sent.destroy(Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' }));
    };
    sent.setTimeout(idle, giveUp);
    sent.once('finish', () => {
      const patience = isUpload ? UPLOAD_PATIENCE * idle : idle;
      if (isUpload) sent.setTimeout(patience);
      const timer = setTimeout(giveUp, 2 * patience);
      const clear = () => clearTimeout(timer);
      sent.once('response', clear).once('close', clear);
    });
  }
}

function isStreamed(body: HttpRequest['body']): body is BodySource {
  return body !== undefined && !(body instanceof Uint8Array);
}

function lengthOf(body: HttpRequest['body']): Record<string, string> {
  const size = isStreamed(body) ? body.size : body?.byteLength;
  return size === undefined ? {} : { 'content-length': String(size) };
}

/** Same request at another place. Credentials stay with the scheme, host and port they were meant for. */
function redirected(request: HttpRequest, location: string): HttpRequest {
  const { url } = request;
  if (!URL.canParse(location, url.href))
    throw new RegistryError('INVALID_RESPONSE', url.host, `${url.host} redirects to a broken address`);
  const target = new URL(location, url.href);
  if (target.protocol !== 'https:' && target.protocol !== url.protocol) {
    throw new RegistryError(
      'INVALID_RESPONSE',
      url.host,
      `${url.host} redirects to ${target.protocol}//${target.host}`,
    );
  }
  if (target.origin === url.origin) return { ...request, url: target };
  if (request.isSecret) {
    throw new RegistryError(
      'INVALID_RESPONSE',
      url.host,
      `${url.host} redirects a login to ${target.protocol}//${target.host}`,
    );
  }
  const { authorization: _, cookie: __, ...headers } = request.headers ?? {};
  return { ...request, url: target, headers };
}

function isRetried(error: unknown): boolean {
  return error instanceof Error && RETRIED_ERRORS.has((error as NodeJS.ErrnoException).code ?? '');
}

/** Milliseconds of a Retry-After header (RFC 9110 section 10.2.3): seconds or a date, at most a minute. */
function retryAfter(header: string | undefined): number | undefined {
  if (header === undefined) return undefined;
  const wait = /^\d{1,9}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(wait, 0), MAX_RETRY_AFTER);
}

/** A whole body in memory. Throws `LIMIT_EXCEEDED` past `limit` bytes. */
export async function readBounded(
  body: Readable,
  limit: number,
  subject: string,
  window?: number,
): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  // Leaving the loop, by throwing too, destroys the body.
  for await (const chunk of paced(body, window)) {
    size += chunk.length;
    if (size > limit)
      throw new RegistryError(
        'LIMIT_EXCEEDED',
        subject,
        `Answer for ${subject} is larger than ${limit} bytes`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
