import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { type AddressInfo, connect, createServer as createSocketServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { parseReference } from '../../../layers/index.ts';
import { openFetcher } from '../../../src/registry/open-fetcher.ts';
import { publish, type RegistryServer, startRegistry } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { tempFolder } from '../../support/temp-folder.ts';

let registry: RegistryServer;
let mirror: RegistryServer;
beforeEach(async () => {
  [registry, mirror] = await Promise.all([startRegistry(), startRegistry()]);
});
afterEach(() => Promise.all([registry[Symbol.asyncDispose](), mirror[Symbol.asyncDispose]()]));

/** A fetcher of `name` by the rules given. */
async function fetcherOf(name: string, rules: string, more: Record<string, string> = {}) {
  const file = join(tempFolder(), 'registries.conf');
  writeFileSync(file, rules);
  const environment = { HOME: '/nonexistent', CONTAINERS_REGISTRIES_CONF: file, ...more };
  const reference = parseReference(name);
  const fetcher = await openFetcher(reference, { environment, retryDelay: 1, idleTimeout: 1000 });
  onTestFinished(() => fetcher.close());
  return { fetcher, reference };
}

describe('a registry with a mirror', () => {
  const image = sampleImage();
  const layer = image.layers[0]!.descriptor;
  const rules = () =>
    `[[registry]]\nlocation = "${registry.host}"\ninsecure = true\n[[registry.mirror]]\nlocation = "${mirror.host}/copy"\ninsecure = true\n`;
  const pullAll = async () => {
    const { fetcher, reference } = await fetcherOf(`${registry.host}/a:1`, rules());
    const { digest } = await fetcher.resolve(reference);
    await fetcher.manifest(digest);
    (await fetcher.blob(layer)).destroy();
  };

  test('is not asked for what the mirror has', async () => {
    publish(mirror, 'copy/a', '1', image);
    await pullAll();
    expect(registry.requests).toEqual([]);
  });

  test('is asked for what the mirror has not', async () => {
    publish(registry, 'a', '1', image);
    await pullAll();
    publish(mirror, 'copy/a', '1', image);
    mirror.blobs.clear();
    registry.requests.length = 0;
    await pullAll();
    expect(registry.requests.filter(({ path }) => !path.endsWith('/v2/')).map(({ path }) => path)).toEqual([
      `/v2/a/blobs/${layer.digest}`,
    ]);
  });

  test('is asked when the mirror fails or lies, and its own error is told', async () => {
    publish(registry, 'a', '1', image);
    mirror.script = (_, response) => {
      response.writeHead(500).end();
      return true;
    };
    await pullAll();
    registry.manifests.clear();
    await expect(pullAll()).rejects.toMatchObject({ code: 'NOT_FOUND', subject: `${registry.host}/a:1` });
  });
});

/** The same registry behind TLS with a certificate of its own. */
async function behindTls(): Promise<{ readonly host: string; readonly certificate: string }> {
  const folder = tempFolder();
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const made = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  execFileSync('openssl', [...made, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, (request, response) => {
    registry.server.emit('request', request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, certificate: cert };
}

describe('a registry whose certificate is its own', () => {
  beforeEach(() => void publish(registry, 'a', '1', sampleImage()));

  test('is refused with advice, unless the certificate is named or the registry is insecure', async () => {
    const { host, certificate } = await behindTls();
    const secure = `[[registry]]\nlocation = "${host}"\ninsecure = false\n`;
    const refused = await fetcherOf(`${host}/a:1`, secure);
    await expect(refused.fetcher.resolve(refused.reference)).rejects.toMatchObject({
      code: 'UNREACHABLE',
      message: `Cannot reach ${host}: its certificate is self-signed`,
      hint: expect.stringContaining(`/etc/docker/certs.d/${host}/ca.crt`),
    });
    const trusted = await fetcherOf(`${host}/a:1`, secure, { SSL_CERT_FILE: certificate });
    await trusted.fetcher.resolve(trusted.reference);
    const insecure = await fetcherOf(`${host}/a:1`, secure.replace('false', 'true'));
    await insecure.fetcher.resolve(insecure.reference);
  });

  test('is reached on a loopback address all the same, as by Docker', async () => {
    const { host } = await behindTls();
    // What most servers say to plain HTTP; Node's hang up.
    const port = createSocketServer((socket) => {
      socket.once('data', (first: Buffer) => {
        if (first[0] !== 0x16) socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
        else {
          const onward = connect(Number(host.split(':')[1]), '127.0.0.1');
          onward.write(first);
          socket.pipe(onward).pipe(socket);
        }
      });
    });
    await new Promise<void>((resolve) => port.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void port.close());
    const at = `127.0.0.1:${(port.address() as AddressInfo).port}`;
    const { fetcher, reference } = await fetcherOf(`${at}/a:1`, '');
    await expect(fetcher.resolve(reference)).resolves.toBeDefined();
  });

  test('is refused with advice when it speaks no TLS at all, and reached when it is insecure', async () => {
    const { host } = registry;
    const secure = `[[registry]]\nlocation = "${host}"\ninsecure = false\n`;
    const refused = await fetcherOf(`${host}/a:1`, secure);
    await expect(refused.fetcher.resolve(refused.reference)).rejects.toMatchObject({
      message: `Cannot reach ${host}: it does not speak TLS`,
      hint: expect.stringContaining('registries.conf'),
    });
    const insecure = await fetcherOf(`${host}/a:1`, secure.replace('false', 'true'));
    await insecure.fetcher.resolve(insecure.reference);
  });
});

test.each([
  [401, 'UNAUTHORIZED', /tsctr login 127\.0\.0\.1/],
  [403, 'DENIED', /Log in with/],
  [429, 'RATE_LIMITED', /mirror/],
])('HTTP %i is told with what to do', async (status, code, hint) => {
  registry.script = (_, response) => {
    response.writeHead(status, { 'retry-after': '0' }).end();
    return true;
  };
  const { fetcher, reference } = await fetcherOf(`${registry.host}/a:1`, '');
  await expect(fetcher.resolve(reference)).rejects.toMatchObject({ code, hint: expect.stringMatching(hint) });
});
