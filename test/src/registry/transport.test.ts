import { createServer, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { AddressPolicy } from '../../../src/registry/address-policy.ts';
import { readBounded, Transport } from '../../../src/registry/transport.ts';
import { type RegistryServer, startRegistry } from '../../support/registry-server.ts';

let server: RegistryServer;
let other: RegistryServer;
let transport: Transport;
beforeEach(async () => {
  [server, other] = await Promise.all([startRegistry(), startRegistry()]);
  transport = makeTransport();
});
afterEach(async () => {
  transport.close();
  await Promise.all([server[Symbol.asyncDispose](), other[Symbol.asyncDispose]()]);
});

function makeTransport(
  environment: Record<string, string> = {},
  registry = `http://${server.host}/v2/`,
): Transport {
  const policy = new AddressPolicy(new URL(registry));
  return new Transport({ policy, environment, retryDelay: 1, idleTimeout: 200 });
}

const urlOf = (target: RegistryServer, path = '/') => new URL(path, `http://${target.host}`);
const authorized = { authorization: 'Bearer secret', cookie: 'c=d', accept: 'x/y' };

describe('Transport.send()', () => {
  test('drops credentials when it is sent to another origin, and keeps the rest (N03)', async () => {
    server.script = (_, response) => {
      response.writeHead(307, { location: `http://${other.host}/there` }).end();
      return true;
    };
    other.script = (_, response) => {
      response.end('ok');
      return true;
    };
    const answer = await transport.send({ method: 'GET', url: urlOf(server, '/blob'), headers: authorized });
    expect((await readBounded(answer.body, 10, '')).toString()).toBe('ok');
    expect(server.requests[0]?.headers.authorization).toBe('Bearer secret');
    const { headers } = other.requests[0]!;
    expect(headers).toMatchObject({ accept: 'x/y' });
    expect(headers).not.toHaveProperty('authorization');
    expect(headers).not.toHaveProperty('cookie');
  });

  test('does not give credentials back after a detour over another origin (N03)', async () => {
    server.script = (request, response) => {
      if (request.url === '/back') response.end('ok');
      else response.writeHead(302, { location: `http://${other.host}/` }).end();
      return true;
    };
    other.script = (_, response) => {
      response.writeHead(302, { location: `http://${server.host}/back` }).end();
      return true;
    };
    const answer = await transport.send({ method: 'GET', url: urlOf(server), headers: authorized });
    answer.body.resume();
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer secret', undefined]);
  });

  test('keeps credentials on the same origin', async () => {
    server.script = (request, response) => {
      if (request.url === '/b') response.end();
      else response.writeHead(302, { location: '/b' }).end();
      return true;
    };
    const answer = await transport.send({ method: 'GET', url: urlOf(server, '/a'), headers: authorized });
    answer.body.resume();
    expect(server.requests[1]?.headers.authorization).toBe('Bearer secret');
    expect(answer.url.pathname).toBe('/b');
  });

  test.each(['file:///etc/passwd', 'ftp://x/', 'http://[', 'javascript:1'])(
    'does not go to %s',
    async (location) => {
      server.script = (_, response) => {
        response.writeHead(302, { location }).end();
        return true;
      };
      await expect(transport.send({ method: 'GET', url: urlOf(server) })).rejects.toMatchObject({
        code: 'INVALID_RESPONSE',
      });
    },
  );

  test('ends when redirects do not', async () => {
    server.script = (_, response) => {
      response.writeHead(302, { location: '/again' }).end();
      return true;
    };
    const sent = transport.send({ method: 'GET', url: urlOf(server) });
    await expect(sent).rejects.toMatchObject({ message: expect.stringContaining('in circles') });
    expect(server.requests).toHaveLength(6);
  });

  test('is not led into the private network by a public registry (N04)', async () => {
    const guarded = makeTransport({}, 'https://192.0.2.1/v2/');
    await expect(guarded.send({ method: 'GET', url: urlOf(server) })).rejects.toMatchObject({
      code: 'INVALID_RESPONSE',
      message: expect.stringContaining('private address'),
    });
    const named = urlOf(server);
    named.hostname = 'localhost';
    await expect(guarded.send({ method: 'GET', url: named })).rejects.toMatchObject({
      code: 'INVALID_RESPONSE',
    });
    expect(server.requests).toEqual([]);
    guarded.close();
  });

  test.each([408, 429, 500, 502, 503, 504])('asks again after HTTP %s', async (status) => {
    let asked = 0;
    server.script = (_, response) => {
      if (asked++ < 2) response.writeHead(status, { 'retry-after': '0' }).end();
      else response.end('ok');
      return true;
    };
    const answer = await transport.send({ method: 'GET', url: urlOf(server) });
    answer.body.resume();
    expect([answer.status, asked]).toEqual([200, 3]);
  });

  test('gives the answer after the last attempt, and that of other errors at once', async () => {
    server.script = (request, response) => {
      response.writeHead(request.url === '/busy' ? 503 : 501).end();
      return true;
    };
    for (const [path, attempts] of [['/busy', 5] as const, ['/broken', 1] as const]) {
      server.requests.length = 0;
      const answer = await transport.send({ method: 'GET', url: urlOf(server, path) });
      answer.body.resume();
      expect(server.requests).toHaveLength(attempts);
    }
  });

  test('asks again when the connection is reset, or nothing comes', async () => {
    let asked = 0;
    server.script = (request, response) => {
      asked++;
      if (asked === 1) request.socket.destroy();
      else if (asked > 2) response.end('ok');
      return true;
    };
    const answer = await transport.send({ method: 'GET', url: urlOf(server) });
    answer.body.resume();
    expect(asked).toBe(3);
  });

  test('gives up on an answer whose head drips in, which is never idle', async () => {
    server.script = ({ socket }) => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const drip = setInterval(() => socket.write('x'), 50);
      socket.once('close', () => clearInterval(drip));
      return true;
    };
    const sent = transport.send({ method: 'GET', url: urlOf(server) }, { retries: 0 });
    await expect(sent).rejects.toMatchObject({ message: expect.stringContaining('no answer in time') });
  });

  test('takes a secret body to its own origin alone', async () => {
    server.script = (_, response) => {
      response.writeHead(307, { location: `http://${other.host}/` }).end();
      return true;
    };
    const body = Buffer.from('refresh_token=x');
    const sent = transport.send({ method: 'POST', url: urlOf(server), body, isSecret: true });
    await expect(sent).rejects.toMatchObject({ code: 'INVALID_RESPONSE' });
    expect(other.requests).toEqual([]);
  });

  test('fails the body of an answer that stops coming', async () => {
    server.script = (_, response) => {
      response.writeHead(200, { 'content-length': 100 });
      response.write('half');
      return true;
    };
    const answer = await transport.send({ method: 'GET', url: urlOf(server) });
    await expect(readBounded(answer.body, 1000, 'x')).rejects.toThrow();
  });

  test('says UNREACHABLE and why, when nobody is there', async () => {
    const gone = await startRegistry();
    const url = urlOf(gone);
    await gone[Symbol.asyncDispose]();
    await expect(transport.send({ method: 'GET', url })).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: expect.stringContaining('connection refused'),
    });
  });

  test('stops when its signal fires, also between attempts', async () => {
    server.script = (_, response) => {
      response.writeHead(503, { 'retry-after': '50' }).end();
      return true;
    };
    const signal = AbortSignal.timeout(50);
    const sent = transport.send({ method: 'GET', url: urlOf(server), signal });
    await expect(sent).rejects.toMatchObject({ name: expect.stringMatching(/AbortError|TimeoutError/) });
  });

  test('uses one connection for requests after another', async () => {
    const sockets = new Set<Socket>();
    server.script = (request, response) => {
      sockets.add(request.socket);
      response.end('ok');
      return true;
    };
    for (let i = 0; i < 5; i++) {
      const answer = await transport.send({ method: 'GET', url: urlOf(server) });
      await readBounded(answer.body, 10, '');
    }
    expect(sockets.size).toBe(1);
  });
});

describe('through a proxy', () => {
  let proxy: Server;
  let seen: string[];
  let authorization: (string | undefined)[];
  beforeEach(async () => {
    seen = [];
    authorization = [];
    proxy = createServer((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      authorization.push(request.headers['proxy-authorization']);
      response.end('from the proxy');
    });
    proxy.on('connect', (request, socket: Socket) => {
      seen.push(`CONNECT ${request.url}`);
      authorization.push(request.headers['proxy-authorization']);
      const { port } = new URL(`http://${server.host}`);
      const upstream = connect(Number(port), '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        upstream.pipe(socket).pipe(upstream);
      });
      upstream.on('error', () => socket.destroy());
      socket.on('error', () => upstream.destroy());
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  });
  afterEach(() => {
    proxy.closeAllConnections();
    return new Promise((resolve) => proxy.close(resolve));
  });
  const proxyUrl = () => `http://me:p%40w@127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const proxyLogin = `Basic ${Buffer.from('me:p@w').toString('base64')}`;

  test('plain requests go with their whole URL', async () => {
    const proxied = makeTransport({ HTTP_PROXY: proxyUrl() });
    const answer = await proxied.send({ method: 'GET', url: new URL('http://registry.test/v2/') });
    expect((await readBounded(answer.body, 100, '')).toString()).toBe('from the proxy');
    expect(seen).toEqual(['GET http://registry.test/v2/']);
    expect(authorization).toEqual([proxyLogin]);
    proxied.close();
  });

  test('TLS goes through a tunnel', async () => {
    const proxied = makeTransport({ HTTPS_PROXY: proxyUrl() });
    // The server behind the tunnel speaks no TLS: that it was reached is all there is to see.
    const sent = proxied.send({ method: 'GET', url: new URL('https://registry.test/v2/') });
    await expect(sent).rejects.toMatchObject({ code: 'UNREACHABLE' });
    expect(new Set(seen)).toEqual(new Set(['CONNECT registry.test:443']));
    expect(authorization[0]).toBe(proxyLogin);
    proxied.close();
  });
});
