import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { parseReference } from '../../../layers/index.ts';
import { openFetcher } from '../../../src/registry/open-fetcher.ts';
import { publish, type RegistryServer, startRegistry } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { tempFolder } from '../../support/temp-folder.ts';

let registry: RegistryServer;
let issuer: RegistryServer;
beforeEach(async () => {
  [registry, issuer] = await Promise.all([startRegistry(), startRegistry()]);
  publish(registry, 'a/b', 'latest', sampleImage());
});
afterEach(() => Promise.all([registry[Symbol.asyncDispose](), issuer[Symbol.asyncDispose]()]));

const basic = (pair: string) => `Basic ${Buffer.from(pair).toString('base64')}`;

/** Makes the registry want tokens of the issuer, which gives them to whoever `accepts` says. */
function wantTokens(
  accepts: (authorization: string | undefined) => boolean,
  answer: object = { token: 'good' },
): void {
  const challenge = `Bearer realm="http://${issuer.host}/token",service="reg",scope="repository:a/b:pull"`;
  registry.login = { challenge, accepts: (authorization) => authorization === 'Bearer good' };
  issuer.script = (request, response) => {
    if (accepts(request.headers.authorization)) response.end(JSON.stringify(answer));
    else response.writeHead(401).end();
    return true;
  };
}

/** A DOCKER_CONFIG folder with this config.json. */
function dockerConfig(config: object | string): Record<string, string> {
  const folder = tempFolder();
  writeFileSync(join(folder, 'config.json'), typeof config === 'string' ? config : JSON.stringify(config));
  return { DOCKER_CONFIG: folder };
}

async function resolve(environment: Record<string, string> = { HOME: '/nonexistent' }, name = 'a/b') {
  const reference = parseReference(`${registry.host}/${name}`);
  const fetcher = await openFetcher(reference, {
    environment: { PATH: process.env.PATH, ...environment },
    retryDelay: 1,
  });
  return fetcher.resolve(reference).finally(() => fetcher.close());
}

describe('a registry that wants a token', () => {
  test('gets one that was asked for with its service and scope, anonymously', async () => {
    wantTokens((authorization) => authorization === undefined);
    await resolve();
    expect(issuer.requests.map(({ path }) => path)).toEqual([
      '/token?service=reg&scope=repository%3Aa%2Fb%3Apull',
    ]);
    expect(registry.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, 'Bearer good']);
  });

  test('gets one that was asked for with the credentials of docker login, from any of its files', async () => {
    const auths = { [registry.host]: { auth: Buffer.from('me:se:cret').toString('base64') } };
    const folder = tempFolder();
    mkdirSync(join(folder, '.docker'));
    writeFileSync(join(folder, '.docker/config.json'), JSON.stringify({ auths }));
    const named = join(folder, 'auth.json');
    writeFileSync(named, JSON.stringify({ auths }));
    for (const environment of [
      dockerConfig({ auths }),
      { HOME: folder },
      { HOME: '/x', REGISTRY_AUTH_FILE: named },
    ]) {
      wantTokens((authorization) => authorization === basic('me:se:cret'));
      await expect(resolve(environment)).resolves.toBeDefined();
    }
  });

  test('is asked for one token by requests that run at once, and none while it lasts', async () => {
    wantTokens(() => true);
    const reference = parseReference(`${registry.host}/a/b`);
    const fetcher = await openFetcher(reference, { environment: { HOME: '/nonexistent' } });
    await Promise.all([1, 2, 3].map(() => fetcher.resolve(reference)));
    await fetcher.resolve(reference);
    fetcher.close();
    expect(issuer.requests).toHaveLength(1);
  });

  test('gets a new one when the old one is over', async () => {
    wantTokens(() => true, { access_token: 'good', expires_in: 3600 });
    vi.useFakeTimers({ toFake: ['Date'] });
    onTestFinished(() => void vi.useRealTimers());
    const reference = parseReference(`${registry.host}/a/b`);
    const fetcher = await openFetcher(reference, { environment: { HOME: '/nonexistent' } });
    await fetcher.resolve(reference);
    vi.setSystemTime(Date.now() + 3_600_000);
    await fetcher.resolve(reference);
    fetcher.close();
    expect(issuer.requests).toHaveLength(2);
  });

  test('gets one for the identity token of a login', async () => {
    let form = '';
    wantTokens(() => true);
    issuer.script = async (request, response) => {
      for await (const chunk of request) form += chunk;
      response.end('{"access_token":"good"}');
      return true;
    };
    await resolve(dockerConfig({ auths: { [registry.host]: { identitytoken: 'refresh me' } } }));
    expect(Object.fromEntries(new URLSearchParams(form))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'refresh me',
      service: 'reg',
      scope: 'repository:a/b:pull',
    });
  });

  test('is not led to give an identity token to another host', async () => {
    wantTokens(() => true);
    await using thief = await startRegistry();
    issuer.script = (_, response) => {
      response.writeHead(307, { location: `http://${thief.host}/token` }).end();
      return true;
    };
    const stolen = resolve(dockerConfig({ auths: { [registry.host]: { identitytoken: 'refresh me' } } }));
    await expect(stolen).rejects.toMatchObject({ code: 'INVALID_RESPONSE' });
    expect(thief.requests).toEqual([]);
  });

  test('that its issuer refuses is UNAUTHORIZED', async () => {
    wantTokens(() => false);
    await expect(resolve()).rejects.toMatchObject({
      code: 'UNAUTHORIZED',
      hint: `Check the name, or log in with "tsctr login ${registry.host}"`,
    });
  });

  test('is not given a token without end (N06)', async () => {
    wantTokens(() => true, { token: 'x'.repeat(100_000) });
    await expect(resolve()).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  test.each(['a\r\nx: y', '', 7])('is not given %j for a token', async (token) => {
    wantTokens(() => true, { token });
    await expect(resolve()).rejects.toMatchObject({ code: 'INVALID_RESPONSE' });
  });

  test.each(['file:///etc/passwd', 'nonsense', ''])('cannot name %j as the issuer (N04)', async (realm) => {
    registry.login = { challenge: `Bearer realm="${realm}"`, accepts: () => false };
    await expect(resolve()).rejects.toMatchObject({ code: 'INVALID_RESPONSE' });
  });
});

describe('a registry that wants a password', () => {
  beforeEach(() => {
    registry.login = {
      challenge: 'Basic realm="x"',
      accepts: (authorization) => authorization === basic('me:pw'),
    };
  });

  test('gets that of the longest matching entry', async () => {
    const auths = {
      [registry.host]: { auth: Buffer.from('other:pw').toString('base64') },
      [`${registry.host}/a`]: { username: 'me', password: 'pw' },
    };
    await expect(resolve(dockerConfig({ auths }))).resolves.toBeDefined();
    delete (auths as Record<string, unknown>)[`${registry.host}/a`];
    await expect(resolve(dockerConfig({ auths }))).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });

  test('gives it to requests that run at once and are all asked for it', async () => {
    const reference = parseReference(`${registry.host}/a/b`);
    const auths = { [registry.host]: { username: 'me', password: 'pw' } };
    const fetcher = await openFetcher(reference, { environment: dockerConfig({ auths }) });
    const found = await Promise.all([1, 2, 3].map(() => fetcher.resolve(reference)));
    expect(found).toHaveLength(3);
    fetcher.close();
  });

  test('finds it under the URLs that old clients wrote', async () => {
    const auths = { [`https://${registry.host}/v1/`]: { username: 'me', password: 'pw' } };
    await expect(resolve(dockerConfig({ auths }))).resolves.toBeDefined();
  });

  test('is UNAUTHORIZED without one, and says so once', async () => {
    await expect(resolve()).rejects.toMatchObject({ code: 'UNAUTHORIZED', message: /needs a login/ });
    expect(registry.requests).toHaveLength(1);
  });

  test.each(['[]', '{', 'null'])('does not take %s for a config.json', async (text) => {
    await expect(resolve(dockerConfig(text))).rejects.toMatchObject({ code: 'UNAUTHORIZED' });
  });
});

describe('a credential helper', () => {
  /** A helper in a folder of its own on the PATH. */
  function helper(name: string, script: string): Record<string, string> {
    const folder = tempFolder();
    const path = join(folder, `docker-credential-${name}`);
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return { PATH: `${folder}:${process.env.PATH}` };
  }
  const withPath = async (path: Record<string, string>, body: () => Promise<void>) => {
    const before = process.env.PATH;
    process.env.PATH = path.PATH;
    await body().finally(() => {
      process.env.PATH = before;
    });
  };

  beforeEach(() => {
    registry.login = { challenge: 'Basic', accepts: (authorization) => authorization === basic('me:pw') };
  });

  test.each(['credsStore', 'credHelpers'])('named in %s is asked for the registry', async (field) => {
    const answer = `read server; [ "$server" = "${registry.host}" ] && echo '{"Username":"me","Secret":"pw"}'`;
    const config =
      field === 'credsStore' ? { credsStore: 'x-y1.exe' } : { credHelpers: { [registry.host]: 'x-y1.exe' } };
    await withPath(helper('x-y1.exe', answer), async () => {
      await expect(resolve(dockerConfig(config))).resolves.toBeDefined();
    });
  });

  test('that has nothing leaves the entries of the file', async () => {
    const path = helper('none', 'echo "credentials not found in native keychain"; exit 1');
    const auths = { [registry.host]: { username: 'me', password: 'pw' } };
    await withPath(path, async () => {
      await expect(resolve(dockerConfig({ credsStore: 'none', auths }))).resolves.toBeDefined();
    });
  });

  test('that fails or is missing is told', async () => {
    await withPath(helper('broken', 'exit 3'), async () => {
      await expect(resolve(dockerConfig({ credsStore: 'broken' }))).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
      });
      await expect(resolve(dockerConfig({ credsStore: 'missing' }))).rejects.toMatchObject({
        message: expect.stringContaining('docker-credential-missing: it is not on the PATH'),
      });
    });
  });

  test.each(['x;touch canary', '../x', 'x y', '$(touch canary)', '', 'X'])(
    'named %j is not run (N09)',
    async (name) => {
      const canary = join(process.cwd(), 'canary');
      await expect(resolve(dockerConfig({ credHelpers: { [registry.host]: name } }))).rejects.toMatchObject({
        code: 'UNAUTHORIZED',
        message: expect.stringContaining('Invalid credential helper'),
      });
      expect(existsSync(canary)).toBe(false);
    },
  );
});
