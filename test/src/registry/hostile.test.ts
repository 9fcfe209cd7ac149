import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MediaType, parseReference } from '../../../layers/index.ts';
import { pullImage } from '../../../src/registry/pull.ts';
import { layerStore } from '../../support/layer-store.ts';
import { publish, type RegistryServer, sha256, startRegistry } from '../../support/registry-server.ts';
import { type SampleImage, sampleImage } from '../../support/sample-image.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const options = { environment: { HOME: '/nonexistent' }, retryDelay: 1, idleTimeout: 300 };

let registry: RegistryServer;
let image: SampleImage;
beforeEach(async () => {
  registry = await startRegistry();
  image = sampleImage({ layers: [{ big: randomBytes(100_000) }, { small: 'x' }] });
  publish(registry, 'a', '1', image);
});
afterEach(() => registry[Symbol.asyncDispose]());

/** Pulls from a registry that is up to no good; gives the error, and makes sure that nothing of it has stuck. */
async function failedPull(): Promise<Error & { readonly code?: string }> {
  const store = layerStore();
  const error = await pullImage(store, parseReference(`${registry.host}/a:1`), amd64, options).then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  expect(store.images.list()).toEqual([]);
  expect(await store.check()).toEqual([]);
  store.close();
  expect(readdirSync(join(store.root, 'active'))).toEqual([]);
  return error!;
}

const places = {
  'the manifest': () => `/manifests/${image.descriptor.digest}`,
  'the configuration': () => `/blobs/${image.manifest.config.digest}`,
  'a layer': () => `/blobs/${image.layers[0]!.descriptor.digest}`,
};
type Place = keyof typeof places;

/** Has something else done with every GET of a place. */
function at(place: Place, misdeed: (response: ServerResponse, request: IncomingMessage) => void): void {
  registry.script = (request, response) => {
    if (request.method !== 'GET' || !request.url?.endsWith(places[place]())) return false;
    misdeed(response, request);
    return true;
  };
}

const cuts: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'before its head': (response) => void response.socket?.destroy(),
  'within its head': (response) => void response.socket?.end('HTTP/1.1 200 OK\r\ncontent-le'),
  'behind its head': (response) => {
    response.writeHead(200, { 'content-length': 50_000 });
    response.flushHeaders();
    setImmediate(() => response.destroy());
  },
  'within its body': (response) => {
    response.writeHead(200, { 'content-length': 50_000 });
    response.write('{"schemaVersion":', () => response.destroy());
  },
  'within a chunk': (response) => {
    response.socket?.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nffff\r\nabc');
  },
  'between chunks': (response) => {
    response.socket?.end('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n');
  },
  'with an end of chunks too early': (response) => {
    response.writeHead(200).end('{"schemaVersion":');
  },
  'with garbage for HTTP': (response) => void response.socket?.end('SSH-2.0-OpenSSH\r\n'),
  'with two lengths': (response) => {
    response.socket?.end('HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\nabcd');
  },
};

describe('a registry that cuts an answer off', () => {
  const cases = (Object.keys(places) as Place[]).flatMap((place) =>
    Object.keys(cuts).map((cut): [string, Place] => [cut, place]),
  );
  test.each(cases)('%s, of %s, is an error that leaves nothing (N10)', async (cut, place) => {
    at(place, cuts[cut]!);
    const { name } = await failedPull();
    expect(['RegistryError', 'StoreError']).toContain(name);
  });
});

describe('a registry that sends slowly', () => {
  test.each(['the manifest', 'the configuration', 'a layer'] as const)(
    'is left when %s drips in (slow loris)',
    async (place) => {
      at(place, (response) => {
        response.writeHead(200, { 'content-length': 100_000 });
        const timer = setInterval(() => response.write(' '), 40);
        response.once('close', () => clearInterval(timer));
      });
      expect(await failedPull()).toMatchObject({ code: 'UNREACHABLE', message: /too slowly|in time/ });
    },
    20_000,
  );

  test('or not at all is left', async () => {
    at('a layer', (response) => {
      response.writeHead(200, { 'content-length': 100_000 });
      response.flushHeaders();
    });
    expect(await failedPull()).toMatchObject({ code: 'UNREACHABLE' });
  }, 20_000);
});

describe('a registry in a storm of', () => {
  test.each([429, 500, 502, 503, 504])('HTTP %i is asked a bounded number of times', async (status) => {
    registry.script = (_, response) => {
      response.writeHead(status, { 'retry-after': '0' }).end();
      return true;
    };
    expect(['RATE_LIMITED', 'UNREACHABLE']).toContain((await failedPull()).code);
    expect(registry.requests.length).toBeLessThan(20);
  });

  test('HTTP 503 that passes is waited out', async () => {
    let left = 4;
    registry.script = (_, response) => {
      if (left-- <= 0) return false;
      response.writeHead(left % 2 === 0 ? 503 : 429, { 'retry-after': '0' }).end();
      return true;
    };
    const store = layerStore();
    await pullImage(store, parseReference(`${registry.host}/a:1`), amd64, options);
    expect(await store.check()).toEqual([]);
  });
});

describe('a registry with documents made to harm', () => {
  const serve = (bytes: Buffer, mediaType: string = MediaType.ociManifest) => {
    registry.manifests.set('a:1', { mediaType, bytes });
    registry.manifests.set(`a@${sha256(bytes)}`, { mediaType, bytes });
  };
  const deep = (depth: number) => Buffer.from(`${'['.repeat(depth)}${']'.repeat(depth)}`);

  test.each<[string, () => Buffer, string?]>([
    ['a manifest of nothing but brackets', () => deep(1_000_000)],
    [
      'a million layers',
      () => {
        const layer = JSON.stringify(image.manifest.layers[0]);
        return Buffer.from(
          JSON.stringify({ ...image.manifest, layers: [] }).replace(
            '[]',
            `[${Array(20_000).fill(layer).join(',')}]`,
          ),
        );
      },
    ],
    [
      'an index of very many manifests',
      () =>
        Buffer.from(
          JSON.stringify({
            schemaVersion: 2,
            mediaType: MediaType.ociIndex,
            manifests: Array(10_000).fill(image.descriptor),
          }),
        ),
      MediaType.ociIndex,
    ],
    [
      'a size beyond any disk',
      () =>
        Buffer.from(
          JSON.stringify({ ...image.manifest, config: { ...image.manifest.config, size: 2 ** 60 } }),
        ),
    ],
    [
      'a negative size',
      () =>
        Buffer.from(JSON.stringify({ ...image.manifest, config: { ...image.manifest.config, size: -1 } })),
    ],
    ['fields that differ in case', () => Buffer.from(JSON.stringify({ ...image.manifest, Layers: [] }))],
    ['more than a manifest may have', () => Buffer.alloc(5 << 20, ' ')],
    ['a text that is not UTF-8', () => Buffer.from([0x7b, 0xff, 0xfe, 0x7d])],
    ['nothing', () => Buffer.alloc(0)],
  ])('is refused: %s (N02, N06)', async (_, make, mediaType) => {
    serve(make(), mediaType);
    const error = await failedPull();
    expect(['INVALID_MANIFEST', 'LIMIT_EXCEEDED', 'INVALID_RESPONSE']).toContain(error.code);
    expect(registry.requests.some(({ path }) => path.includes('/blobs/'))).toBe(false);
  });

  test('is refused: an index that holds itself, as far as that goes', async () => {
    const inner = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [] }),
    );
    registry.manifests.set(`a@${sha256(inner)}`, { mediaType: MediaType.ociIndex, bytes: inner });
    const entry = {
      mediaType: MediaType.ociIndex,
      digest: sha256(inner),
      size: inner.length,
      platform: amd64,
    };
    serve(
      Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests: [entry] })),
      MediaType.ociIndex,
    );
    expect(await failedPull()).toMatchObject({ code: 'INVALID_RESPONSE' });
  });

  test('is refused: a digest in the header that is no digest (N01)', async () => {
    registry.script = (request, response) => {
      if (request.method !== 'HEAD') return false;
      const headers = { 'content-type': MediaType.ociManifest, 'content-length': 100 };
      response.writeHead(200, { ...headers, 'docker-content-digest': 'sha256:../../etc/passwd' }).end();
      return true;
    };
    expect((await failedPull()).code).toMatch(/INVALID/);
  });
});

test.each([
  '../a',
  'a/../../b',
  'a%2f..%2fb',
  'a?x=y',
  'a#b',
  'a//b',
  'a/./b',
  'a\\b',
  'a b',
  'a\u0000b',
  'a:..',
  'a:../x',
  'a@sha256:../../x',
])('a name such as %j reaches no registry (N01)', (name) => {
  expect(() => parseReference(`${registry.host}/${name}`)).toThrow(/Invalid image reference/);
});

test('a page that is no registry is told as such', async () => {
  registry.script = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>');
    return true;
  };
  const error = await failedPull();
  expect(error).toMatchObject({ code: 'INVALID_RESPONSE', message: expect.stringContaining('no manifest') });
});

test('a registry that wants another login at every step is asked a bounded number of times', async () => {
  registry.script = (_, response) => {
    const challenge = `Bearer realm="http://${registry.host}/token",service="${Math.random()}"`;
    response.writeHead(401, { 'www-authenticate': challenge }).end();
    return true;
  };
  expect((await failedPull()).code).toBe('UNAUTHORIZED');
  expect(registry.requests.length).toBeLessThan(10);
});
