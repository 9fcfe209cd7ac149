import type { Agent as HttpAgent, RequestOptions } from 'node:http';
import type { LookupFunction, Socket } from 'node:net';
import { type Environment, proxyFor, unbracketed } from './proxy.ts';

/** Sockets to one host at once: three layers, and the small requests beside them. */
const MAX_SOCKETS = 8;

/** A way to a host: which module asks, and with which options. */
export interface Route {
  readonly request: typeof import('node:http').request;
  readonly options: RequestOptions;
}

/** Kept-alive connections of one client, by scheme, host and proxy. Node's HTTP and TLS are loaded at first use. */
export class Connections {
  private readonly agents = new Map<string, HttpAgent>();

  constructor(
    private readonly environment: Environment,
    /** The host (with port) whose certificate is not verified. */
    private readonly unverified?: string,
  ) {}

  /** The route to a URL: direct, or through the proxy the environment names. `lookup` guards direct connections. */
  async route(url: URL, lookup?: LookupFunction): Promise<Route> {
    const proxy = proxyFor(url, this.environment);
    const path = `${url.pathname}${url.search}`;
    const target = { hostname: unbracketed(url.hostname), port: url.port, path, ...(lookup && { lookup }) };
    if (url.protocol === 'http:') {
      const { request } = await import('node:http');
      const agent = await this.agent('http:', makeHttpAgent);
      if (proxy === undefined) return { request, options: { ...target, agent } };
      return { request: await requestOf(proxy), options: await this.throughHttpProxy(url, proxy) };
    }
    const { request } = await import('node:https');
    const agent = await this.agent(`https:${url.host} ${proxy?.href ?? ''}`, () =>
      this.makeTlsAgent(url, proxy),
    );
    return { request, options: { ...target, agent } };
  }

  close(): void {
    for (const agent of this.agents.values()) agent.destroy();
    this.agents.clear();
  }

  private async agent(key: string, make: () => Promise<HttpAgent>): Promise<HttpAgent> {
    const known = this.agents.get(key);
    if (known !== undefined) return known;
    const made = await make();
    const raced = this.agents.get(key);
    if (raced !== undefined) return raced;
    this.agents.set(key, made);
    return made;
  }

  /** RFC 9112 section 3.2.2: a proxy gets the whole URL as the target. */
  private async throughHttpProxy(url: URL, proxy: URL): Promise<RequestOptions> {
    const agent =
      proxy.protocol === 'https:'
        ? await this.agent(`https:${proxy.host} `, () => this.makeTlsAgent(proxy, undefined))
        : await this.agent('http:', makeHttpAgent);
    return {
      hostname: unbracketed(proxy.hostname),
      port: proxy.port,
      path: url.href,
      agent,
      headers: { host: url.host, ...proxyAuthorization(proxy) },
    };
  }

  private async makeTlsAgent(url: URL, proxy: URL | undefined): Promise<HttpAgent> {
    const [{ Agent }, tls, { trustFor }] = await Promise.all([
      import('node:https'),
      import('node:tls'),
      import('./trust.ts'),
    ]);
    const { ca, cert, key } = trustFor(url.host, this.environment);
    const secureContext = tls.createSecureContext({
      minVersion: 'TLSv1.2',
      ...(ca !== undefined && { ca: [...ca] }),
      ...(cert !== undefined && key !== undefined && { cert, key }),
    });
    const rejectUnauthorized = url.host !== this.unverified;
    const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS, secureContext, rejectUnauthorized });
    if (proxy !== undefined) {
      // Agent's documented hook: it may return nothing and hand the socket to the callback later.
      agent.createConnection = (options, callback) => {
        const host = unbracketed(url.hostname);
        const servername = 'servername' in options && options.servername ? String(options.servername) : host;
        openTunnel(url, proxy).then(
          (socket) =>
            callback?.(null, tls.connect({ socket, servername, secureContext, rejectUnauthorized })),
          (error: Error) => callback?.(error, undefined as never),
        );
        return undefined;
      };
    }
    return agent;
  }
}

async function makeHttpAgent(): Promise<HttpAgent> {
  const { Agent } = await import('node:http');
  return new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS });
}

async function requestOf(url: URL): Promise<Route['request']> {
  const { request } = url.protocol === 'https:' ? await import('node:https') : await import('node:http');
  return request;
}

/** RFC 9110 section 9.3.6, CONNECT. */
async function openTunnel(url: URL, proxy: URL): Promise<Socket> {
  const request = await requestOf(proxy);
  const authority = `${url.hostname}:${url.port || '443'}`;
  return new Promise((resolve, reject) => {
    const connect = request({
      hostname: unbracketed(proxy.hostname),
      port: proxy.port,
      method: 'CONNECT',
      path: authority,
      agent: false,
      timeout: 30_000,
      headers: { host: authority, ...proxyAuthorization(proxy) },
    });
    connect.once('connect', (response, socket: Socket) => {
      if (response.statusCode === 200) return resolve(socket);
      socket.destroy();
      reject(new Error(`The proxy ${proxy.host} refused the connection: HTTP ${response.statusCode}`));
    });
    connect.once('timeout', () => connect.destroy(new Error('it does not answer')));
    connect.once('error', ({ message }) => {
      reject(new Error(`the proxy ${proxy.host} cannot be reached: ${message}`));
    });
    connect.end();
  });
}

function proxyAuthorization(proxy: URL): Record<string, string> {
  if (proxy.username === '') return {};
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  return { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` };
}
