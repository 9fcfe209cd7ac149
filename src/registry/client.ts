import { AddressPolicy } from './address-policy.ts';
import { Authorizer } from './auth.ts';
import { findCredentials } from './docker-config.ts';
import { endpointOf } from './endpoint.ts';
import { ERROR_BODY_LIMIT, networkError, statusError } from './errors.ts';
import type { Environment } from './proxy.ts';
import { type HttpRequest, type HttpResponse, readBounded, Transport } from './transport.ts';

export interface RegistryOptions {
  /** Registries (domains as in references) that are spoken to in plain HTTP besides loopback ones. */
  readonly insecure?: readonly string[];
  /** Proxies, DOCKER_CONFIG, REGISTRY_AUTH_FILE, SSL_CERT_FILE. Default: this process' environment. */
  readonly environment?: Environment;
  readonly signal?: AbortSignal | undefined;
  /** Milliseconds; for tests. */
  readonly idleTimeout?: number;
  readonly retryDelay?: number;
}

export interface RepositoryRequest extends Omit<HttpRequest, 'url'> {
  /** Below `/v2/REPOSITORY/`, or a whole URL that the registry gave. */
  readonly path: string | URL;
  /** What it is about, in messages: `registry/repository:tag`. */
  readonly subject: string;
  /** Statuses that are answers; any other one is thrown as an error. */
  readonly expect: readonly number[];
  readonly action?: 'pull' | 'pull,push';
  /** A further repository to read from: cross-repository mounts. */
  readonly alsoPull?: string;
}

/** One repository of a registry: requests with the right authorization, answers or {@link RegistryError}s. */
export class RepositoryClient {
  private readonly base: URL;
  private readonly transport: Transport;
  private readonly authorizer: Authorizer;

  constructor(
    domain: string,
    readonly repository: string,
    private readonly options: RegistryOptions = {},
  ) {
    const environment = options.environment ?? process.env;
    this.base = endpointOf(domain, options.insecure);
    this.transport = new Transport({ ...options, environment, policy: new AddressPolicy(this.base) });
    this.authorizer = new Authorizer({
      registry: this.base,
      transport: this.transport,
      signal: options.signal,
      credentials: () => findCredentials(domain, repository, environment, options.signal),
    });
  }

  /** Sends it, logging in when the registry asks for that. The body of the answer must be read or destroyed. */
  async request(request: RepositoryRequest): Promise<HttpResponse> {
    const url = new URL(request.path, new URL(`${this.repository}/`, this.base));
    const scopes = this.scopes(request);
    let answer = await this.attempt(request, url, scopes);
    if (answer.status === 401 && url.origin === this.base.origin) {
      const challenge = answer.headers['www-authenticate'];
      const body = await this.errorBody(answer);
      if (!(await this.authorizer.answer(challenge, scopes))) throw statusError(request.subject, 401, body);
      answer = await this.attempt(request, url, scopes);
    }
    if (request.expect.includes(answer.status)) return answer;
    throw statusError(request.subject, answer.status, await this.errorBody(answer));
  }

  /** Like `request`, with the whole body. */
  async requestBody(
    request: RepositoryRequest,
    limit: number,
  ): Promise<HttpResponse & { readonly bytes: Buffer }> {
    const answer = await this.request(request);
    const bytes = await readBounded(answer.body, limit, request.subject).catch((error: unknown) => {
      throw networkError(error, answer.url.host);
    });
    return { ...answer, bytes };
  }

  /** Drops kept-alive connections. */
  close(): void {
    this.transport.close();
  }

  private attempt(request: RepositoryRequest, url: URL, scopes: readonly string[]): Promise<HttpResponse> {
    // Credentials belong to the registry's origin; an upload may go on elsewhere.
    const authorization = url.origin === this.base.origin ? this.authorizer.header(scopes) : undefined;
    return this.transport.send({
      method: request.method,
      url,
      headers: { ...request.headers, ...(authorization !== undefined && { authorization }) },
      ...(request.body !== undefined && { body: request.body }),
      signal: request.signal ?? this.options.signal,
    });
  }

  private scopes({ action = 'pull', alsoPull }: RepositoryRequest): string[] {
    const own = `repository:${this.repository}:${action}`;
    return alsoPull === undefined ? [own] : [own, `repository:${alsoPull}:pull`];
  }

  private async errorBody(answer: HttpResponse): Promise<string> {
    const body = await readBounded(answer.body, ERROR_BODY_LIMIT, answer.url.host).catch(() =>
      Buffer.alloc(0),
    );
    return body.toString();
  }
}
