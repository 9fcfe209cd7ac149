import { ERROR_BODY_LIMIT, networkError, statusError } from './errors.ts';
import type { Place } from './places.ts';
import { openSecured, openSession, type RegistryOptions, type Session } from './session.ts';
import { type HttpRequest, type HttpResponse, readBounded } from './transport.ts';

export type { RegistryOptions } from './session.ts';

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
  private opened: Promise<Session> | undefined;
  private secured: Promise<Session | undefined> | undefined;

  constructor(
    readonly place: Place,
    private readonly options: RegistryOptions = {},
  ) {}

  /** Sends it, logging in when the registry asks for that. The body of the answer must be read or destroyed. */
  async request(request: RepositoryRequest): Promise<HttpResponse> {
    const session = await this.session();
    const { answer, isKnown } = await this.ask(session, request);
    if (answer.status === 400 && session.base.protocol === 'http:') {
      this.secured ??= openSecured(this.place, this.options);
      const secured = await this.secured;
      if (secured !== undefined) {
        answer.body.destroy();
        this.opened = Promise.resolve(secured);
        return this.request(request);
      }
    }
    if (request.expect.includes(answer.status)) return answer;
    throw this.failure(request, answer.status, await errorBody(answer), isKnown);
  }

  /** The answer that a login gets, where one is needed. */
  private async ask(session: Session, request: RepositoryRequest) {
    const { base, authorizer } = session;
    const url = new URL(request.path, new URL(`${this.place.repository}/`, base));
    const scopes = this.scopes(request);
    // Credentials belong to the registry's origin; an upload may go on elsewhere.
    const isHome = url.origin === base.origin;
    const authorization = isHome ? await authorizer.header(scopes) : undefined;
    let answer = await this.attempt(session, request, url, authorization);
    if (answer.status === 401 && isHome) {
      const challenge = answer.headers['www-authenticate'];
      const body = await errorBody(answer);
      if (!(await authorizer.answer(challenge, scopes, authorization)))
        throw this.failure(request, 401, body, authorizer.isKnown);
      answer = await this.attempt(session, request, url, await authorizer.header(scopes));
    }
    return { answer, isKnown: authorizer.isKnown };
  }

  /** Like `request`, with the whole body. */
  async requestBody(
    request: RepositoryRequest,
    limit: number,
  ): Promise<HttpResponse & { readonly bytes: Buffer }> {
    const answer = await this.request(request);
    const bytes = await readBounded(answer.body, limit, request.subject, this.options.idleTimeout).catch(
      (error: unknown) => {
        throw networkError(error, answer.url.host);
      },
    );
    return { ...answer, bytes };
  }

  /** Drops kept-alive connections. */
  close(): void {
    this.opened?.then(
      ({ transport }) => transport.close(),
      () => {},
    );
  }

  private session(): Promise<Session> {
    this.opened ??= openSession(this.place, this.options);
    return this.opened;
  }

  private async attempt(
    { transport }: Session,
    request: RepositoryRequest,
    url: URL,
    authorization: string | undefined,
  ): Promise<HttpResponse> {
    return transport.send({
      method: request.method,
      url,
      headers: { ...request.headers, ...(authorization !== undefined && { authorization }) },
      ...(request.body !== undefined && { body: request.body }),
      signal: request.signal ?? this.options.signal,
    });
  }

  private scopes({ action = 'pull', alsoPull }: RepositoryRequest): string[] {
    const own = `repository:${this.place.repository}:${action}`;
    return alsoPull === undefined ? [own] : [own, `repository:${alsoPull}:pull`];
  }

  private failure({ subject, action }: RepositoryRequest, status: number, body: string, isKnown: boolean) {
    return statusError(subject, status, body, {
      domain: this.place.domain,
      isLoggedIn: isKnown,
      isPush: action === 'pull,push',
    });
  }
}

async function errorBody(answer: HttpResponse): Promise<string> {
  const body = await readBounded(answer.body, ERROR_BODY_LIMIT, answer.url.host).catch(() => Buffer.alloc(0));
  return body.toString();
}
