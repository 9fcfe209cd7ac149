import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createSign } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const USER = 'somebody';
export const PASSWORD = 'a:pass word';
/** bcrypt of the password, as `htpasswd -Bbn` makes it. */
const HTPASSWD = `${USER}:$2y$05$3TAk2sHu1fv8nz7iPM4a0eeCmNQQTeooF.Ox07p2bNzqa78jxaTPy\n`;

export type Login = 'none' | 'htpasswd' | 'token';

/** The CNCF registry itself (`docker-registry`, started through the peers), in a folder, on a port of its own. */
export interface RealRegistry extends AsyncDisposable {
  /** `127.0.0.1:PORT`. */
  readonly host: string;
}

/** Starts it; it ends after ten minutes whatever happens. */
export async function startRealRegistry(peers: string, folder: string, login: Login): Promise<RealRegistry> {
  mkdirSync(folder, { recursive: true });
  const tokens = login === 'token' ? await startTokenServer(folder) : undefined;
  writeFileSync(join(folder, 'htpasswd'), HTPASSWD);
  const auth = {
    none: {},
    htpasswd: { auth: { htpasswd: { realm: 'tests', path: join(folder, 'htpasswd') } } },
    token: {
      auth: {
        token: {
          realm: `http://127.0.0.1:${(tokens?.address() as AddressInfo | undefined)?.port}/token`,
          service: 'tests',
          issuer: 'tests',
          rootcertbundle: join(folder, 'issuer.crt'),
        },
      },
    },
  }[login];
  const configuration = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: '127.0.0.1:0' },
    log: { level: 'info' },
    ...auth,
  };
  writeFileSync(join(folder, 'registry.yml'), JSON.stringify(configuration));
  // The shell's process becomes the registry's, so that it can be ended by its number.
  const script = `echo $$; exec timeout 600 docker-registry serve ${join(folder, 'registry.yml')} 2>&1`;
  const child = spawn(peers, ['exec', 'sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { pid, port } = await whereItListens(child);
  return {
    host: `127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      tokens?.closeAllConnections();
      tokens?.close();
      process.kill(pid);
      await new Promise((resolve) => child.once('close', resolve));
    },
  };
}

async function whereItListens(child: ChildProcess): Promise<{ readonly pid: number; readonly port: string }> {
  let pid = 0;
  const said: string[] = [];
  const lines = createInterface({ input: child.stdout! });
  for await (const line of lines) {
    said.push(line);
    if (pid === 0) pid = Number(line);
    const port = /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
    if (port === undefined) continue;
    child.stdout!.resume();
    return { pid, port };
  }
  throw new Error(`The registry did not start: ${said.join('\n')}`);
}

/** Gives everybody who knows the password what they ask for, and others nothing. */
async function startTokenServer(folder: string): Promise<Server> {
  const [key, certificate] = [join(folder, 'issuer.key'), join(folder, 'issuer.crt')];
  const subject = ['-subj', '/CN=tests', '-days', '2'];
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', certificate, ...subject],
    { stdio: 'pipe' },
  );
  const der = readFileSync(certificate, 'utf8').replace(/-----[^-]+-----|\s/g, '');
  const sign = (claims: object) => {
    const header = { typ: 'JWT', alg: 'RS256', x5c: [der] };
    const text = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = createSign('RSA-SHA256').update(text).sign(readFileSync(key));
    return `${text}.${signature.toString('base64url')}`;
  };
  const server = createServer((request, response) => {
    void readForm(request).then((form) => {
      if (!isKnown(request, form)) return void response.writeHead(401).end('{}');
      const now = Math.floor(Date.now() / 1000);
      const access = form.getAll('scope').flatMap((scope) => scope.split(' ').map(accessOf));
      const claims = {
        iss: 'tests',
        aud: 'tests',
        sub: USER,
        nbf: now - 60,
        iat: now,
        exp: now + 60,
        access,
      };
      const token = sign({ ...claims, jti: String(Math.random()) });
      response
        .writeHead(200, { 'content-type': 'application/json' })
        .end(JSON.stringify({ token, access_token: token, expires_in: 60 }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** GET has it in the query, POST (OAuth 2) in the body. */
async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const { searchParams } = new URL(request.url ?? '', 'http://tokens');
  let body = '';
  for await (const chunk of request) body += chunk;
  return request.method === 'POST' ? new URLSearchParams(body) : searchParams;
}

function isKnown({ headers }: IncomingMessage, form: URLSearchParams): boolean {
  const basic = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
  return (
    headers.authorization === basic || (form.get('username') === USER && form.get('password') === PASSWORD)
  );
}

/** `repository:NAME:pull,push`. */
function accessOf(scope: string): { type: string; name: string; actions: string[] } {
  const [type = '', ...rest] = scope.split(':');
  const actions = rest.pop() ?? '';
  return { type, name: rest.join(':'), actions: actions.split(',') };
}
