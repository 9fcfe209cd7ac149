import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DiffId, MediaType, parseReference } from '../../../layers/index.ts';
import type { StatusEvent } from '../../../src/progress/events.ts';
import { pullImage } from '../../../src/registry/pull.ts';
import { publish, type RegistryServer, sha256, startRegistry } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { tempStore } from '../../support/temp-store.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const options = { environment: { HOME: '/nonexistent' }, retryDelay: 1, idleTimeout: 2000 };

let registry: RegistryServer;
beforeEach(async () => {
  registry = await startRegistry();
});
afterEach(() => registry[Symbol.asyncDispose]());

const pull = (name: string, store = tempStore().store, more = {}) =>
  pullImage(store, parseReference(`${registry.host}/${name}`), amd64, { ...options, ...more });
const pathsOf = (prefix: string) =>
  registry.requests
    .filter(({ path, method }) => method === 'GET' && path.includes(prefix))
    .map(({ path }) => path);

/** An index of the image as `a:index`, with so many bytes said of its manifest. */
function publishedIndexOf(image: ReturnType<typeof sampleImage>, size: number) {
  publish(registry, 'a', 'x', image);
  const manifests = [{ ...image.descriptor, size, platform: amd64 }];
  registry.addManifest('a', 'index', {
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests,
  } as never);
  return image;
}

describe('pullImage()', () => {
  test('stores manifest, configuration, layers and the name', async () => {
    const image = sampleImage();
    publish(registry, 'a/b', 'one', image);
    const store = tempStore().store;
    const events: StatusEvent[] = [];
    const pulled = await pull('a/b:one', store, {
      vertex: 'v',
      report: (event: StatusEvent) => events.push(event),
    });
    expect(pulled.record.name).toBe(`${registry.host}/a/b:one`);
    expect(pulled.descriptor.digest).toBe(image.descriptor.digest);
    expect(pulled.config.config?.Cmd).toEqual(['/bin/tool']);
    for (const { tar, blob } of image.layers) {
      expect(store.snapshots.layer(sha256(tar) as string as DiffId)).toBeDefined();
      expect(store.content.readAll(sha256(blob))).toEqual(blob);
    }
    expect(store.content.readAll(image.descriptor.digest)).toEqual(image.manifestBytes);
    expect(store.images.get(pulled.record.name)?.target.digest).toBe(image.descriptor.digest);
    expect(events.filter(({ completed }) => completed !== undefined)).toHaveLength(image.layers.length);
  });

  test('takes the entry of its platform from an index, and keeps the whole index', async () => {
    const [one, other] = [sampleImage(), sampleImage({ architecture: 'arm64', layers: [{ arm: 'x' }] })];
    publish(registry, 'a', 'x', one);
    publish(registry, 'a', 'y', other);
    const index = {
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [
        { ...other.descriptor, platform: { os: 'unknown', architecture: 'unknown' } },
        other.descriptor,
        one.descriptor,
      ],
    };
    const target = registry.addManifest('a', 'latest', index);
    const store = tempStore().store;
    const pulled = await pull('a', store);
    expect(pulled.descriptor.digest).toBe(one.descriptor.digest);
    expect(pulled.record.target.digest).toBe(target.digest);
    expect(store.content.info(other.descriptor.digest)).toBeUndefined();
    await expect(
      pullImage(store, parseReference(`${registry.host}/a`), { os: 'linux', architecture: 's390x' }, options),
    ).rejects.toMatchObject({
      code: 'UNSUPPORTED',
      message: expect.stringContaining('linux/arm64, linux/amd64'),
    });
  });

  test('fetches nothing but the tag when the store has the rest', async () => {
    publish(registry, 'a', 'latest', sampleImage());
    const store = tempStore().store;
    await pull('a', store);
    registry.requests.length = 0;
    await pull('a', store);
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD']);
  });

  test('fetches a blob that the manifest names although a layer with its files is there', async () => {
    const [packed, plain] = [sampleImage(), sampleImage({ gzip: false })];
    publish(registry, 'a', 'packed', packed);
    publish(registry, 'a', 'plain', plain);
    const store = tempStore().store;
    await pull('a:plain', store);
    await pull('a:packed', store);
    for (const { blob } of packed.layers) expect(store.content.info(sha256(blob))).toBeDefined();
  });

  test('by digest finds the manifest by its digest and names the image so', async () => {
    const image = sampleImage();
    publish(registry, 'a', 'latest', image);
    const pulled = await pull(`a:ignored@${image.descriptor.digest}`);
    expect(pulled.record.name).toBe(`${registry.host}/a@${image.descriptor.digest}`);
  });

  test('by a sha512 digest stores manifest and configuration under such', async () => {
    const image = sampleImage();
    const of = (bytes: Buffer) => `sha512:${createHash('sha512').update(bytes).digest('hex')}`;
    const config = registry.addBlob(image.config);
    registry.blobs.set(of(image.config), image.config);
    publish(registry, 'a', 'x', image);
    const manifest = {
      ...image.manifest,
      config: { ...image.manifest.config, digest: of(image.config) },
    };
    const bytes = Buffer.from(JSON.stringify(manifest));
    registry.manifests.set(`a@${of(bytes)}`, { mediaType: MediaType.ociManifest, bytes });
    const store = tempStore().store;
    const { descriptor } = await pull(`a@${of(bytes)}`, store);
    expect(descriptor.digest).toBe(of(bytes));
    expect(store.content.readAll(descriptor.digest)).toEqual(bytes);
    expect(store.content.info(config.digest)).toBeUndefined();
  });

  test('says NOT_FOUND and whose, when there is no such tag', async () => {
    const name = `${registry.host}/none:1`;
    await expect(pull('none:1')).rejects.toMatchObject({ code: 'NOT_FOUND', subject: name });
  });

  test('goes on where a connection broke, and stores the right bytes', async () => {
    const body = Buffer.alloc(300_000, 'abcdefg');
    const image = sampleImage({ layers: [{ big: body }], gzip: false });
    publish(registry, 'a', 'latest', image);
    const digest = image.layers[0]!.descriptor.digest;
    const bytes = image.layers[0]!.blob;
    let broken = 0;
    registry.script = (request, response) => {
      if (!request.url?.endsWith(digest) || broken >= 2) return false;
      const start = Number(/(\d+)-/.exec(request.headers.range ?? '')?.[1] ?? 0);
      response.writeHead(broken++ === 0 ? 200 : 206, {
        'content-length': bytes.length - start,
        'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}`,
      });
      response.write(bytes.subarray(start, start + 100_000), () => response.destroy());
      return true;
    };
    const store = tempStore().store;
    await pull('a', store);
    expect(store.content.readAll(digest).equals(bytes)).toBe(true);
    expect(broken).toBe(2);
  });

  test('goes on also where the registry ignores the Range header', async () => {
    const image = sampleImage({ layers: [{ big: Buffer.alloc(200_000, 'xyz') }], gzip: false });
    publish(registry, 'a', 'latest', image);
    const { descriptor, blob } = image.layers[0]!;
    let asked = 0;
    registry.script = (request, response) => {
      if (!request.url?.endsWith(descriptor.digest)) return false;
      response.writeHead(200, { 'content-length': blob.length });
      if (asked++ > 0) response.end(blob);
      else response.write(blob.subarray(0, 70_000), () => response.destroy());
      return true;
    };
    const store = tempStore().store;
    await pull('a', store);
    expect(store.content.readAll(descriptor.digest).equals(blob)).toBe(true);
  });

  test('refuses a blob whose bytes were changed on the way, and stores no name', async () => {
    const image = sampleImage();
    publish(registry, 'a', 'latest', image);
    const { digest } = image.layers[1]!.descriptor;
    const bytes = Buffer.from(image.layers[1]!.blob);
    bytes[20]! ^= 1;
    registry.blobs.set(digest, bytes);
    const store = tempStore().store;
    await expect(pull('a', store)).rejects.toMatchObject({ code: 'DIGEST_MISMATCH' });
    expect(store.images.list()).toEqual([]);
  });

  test('refuses a blob that is longer or shorter than its descriptor', async () => {
    const image = sampleImage();
    publish(registry, 'a', 'latest', image);
    const { descriptor, blob } = image.layers[0]!;
    registry.blobs.set(descriptor.digest, Buffer.concat([blob, Buffer.alloc(10)]));
    await expect(pull('a')).rejects.toMatchObject({ code: 'INVALID_RESPONSE', message: /more than/ });
    registry.blobs.set(descriptor.digest, blob.subarray(0, 40));
    await expect(pull('a')).rejects.toMatchObject({ code: 'INVALID_RESPONSE', message: /only 40/ });
  });

  test('ends with AbortError when its signal fires', async () => {
    publish(registry, 'a', 'latest', sampleImage());
    const abort = new AbortController();
    registry.script = (request) => {
      if (!request.url?.includes('/blobs/')) return false;
      abort.abort();
      return true;
    };
    await expect(pull('a', tempStore().store, { signal: abort.signal })).rejects.toMatchObject({
      name: 'AbortError',
    });
  });
});

describe('a hostile registry', () => {
  test.each([
    'sha256:../../../etc/passwd',
    'sha256:ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789',
    'sha256:abc',
    'md5:d41d8cd98f00b204e9800998ecf8427e',
  ])('gets nowhere with the layer digest %s (N01)', async (digest) => {
    const image = sampleImage();
    publish(registry, 'a', 'latest', image);
    const layers = [{ ...image.manifest.layers[0], digest }];
    registry.addManifest('a', 'latest', { ...image.manifest, layers } as never);
    const store = tempStore().store;
    await expect(pull('a', store)).rejects.toMatchObject({ code: 'INVALID_MANIFEST' });
    expect(pathsOf('/blobs/')).toEqual([]);
  });

  test('gets nowhere with a document that is index and manifest at once (N02)', async () => {
    const image = sampleImage();
    publish(registry, 'a', 'x', image);
    registry.addManifest('a', 'both', { ...image.manifest, manifests: [image.descriptor] } as never);
    await expect(pull('a:both')).rejects.toMatchObject({ code: 'INVALID_MANIFEST' });
    const { digest } = image.descriptor;
    registry.manifests.set('a:header', { mediaType: MediaType.ociIndex, bytes: image.manifestBytes });
    registry.manifests.set(`a@${digest}`, { mediaType: MediaType.ociIndex, bytes: image.manifestBytes });
    await expect(pull('a:header')).rejects.toMatchObject({ code: 'INVALID_MANIFEST' });
  });

  test('gets nowhere with a manifest of another digest than asked for (N08)', async () => {
    const [asked, given] = [sampleImage(), sampleImage({ layers: [{ evil: 'x' }] })];
    publish(registry, 'a', 'latest', given);
    registry.manifests.set(`a@${asked.descriptor.digest}`, {
      mediaType: MediaType.ociManifest,
      bytes: given.manifestBytes,
    });
    const store = tempStore().store;
    await expect(pull(`a@${asked.descriptor.digest}`, store)).rejects.toMatchObject({
      code: 'INVALID_RESPONSE',
    });
    expect([...store.content.list()]).toEqual([]);
  });

  test('gets nowhere with an index that lies about the size of a manifest (N10)', async () => {
    const { descriptor, manifest } = publishedIndexOf(sampleImage(), 1);
    expect(descriptor.size).toBeGreaterThan(1);
    await expect(pull('a:index')).rejects.toMatchObject({ code: 'INVALID_RESPONSE' });
    expect(pathsOf(manifest.config.digest)).toEqual([]);
  });

  test('gets nowhere with a manifest, configuration or token without end (N06)', async () => {
    publish(registry, 'a', 'latest', sampleImage());
    registry.script = (request, response) => {
      if (request.method === 'HEAD') return false;
      response.writeHead(200, { 'content-type': MediaType.ociManifest });
      const more = () => response.write(Buffer.alloc(65_536, '{')) || response.once('drain', more);
      const timer = setInterval(more, 1);
      response.once('close', () => clearInterval(timer));
      return true;
    };
    await expect(pull('a')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    registry.script = undefined;
    const image = sampleImage();
    const config = { ...image.manifest.config, size: 2 ** 40 };
    registry.addManifest('a', 'config', { ...image.manifest, config } as never);
    await expect(pull('a:config')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  test('cannot have the client fetch the urls of a layer (N04)', async () => {
    await using other = await startRegistry();
    const image = sampleImage();
    publish(registry, 'a', 'latest', image);
    const { descriptor, blob } = image.layers[0]!;
    other.addBlob(blob);
    registry.blobs.delete(descriptor.digest);
    const urls = [`http://${other.host}/v2/a/blobs/${descriptor.digest}`];
    const layers = [{ ...descriptor, urls }, image.manifest.layers[1]];
    registry.addManifest('a', 'latest', { ...image.manifest, layers } as never);
    await expect(pull('a')).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(other.requests).toEqual([]);
  });

  test('pollutes nothing with __proto__ among labels and annotations (N11)', async () => {
    const labels = JSON.parse('{"__proto__":"x","constructor":"y","ok":"z"}') as object;
    const image = sampleImage({ config: { Labels: labels } });
    publish(registry, 'a', 'latest', image);
    const { config } = await pull('a');
    expect(Object.keys(config.config?.Labels ?? {})).toEqual(['__proto__', 'constructor', 'ok']);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  });

  test.each([
    ['an artifact', { config: { mediaType: 'application/vnd.example.chart' } }, 'UNSUPPORTED'],
    [
      'a foreign layer type',
      { layers: [{ mediaType: 'application/vnd.example.layer' }] },
      'INVALID_RESPONSE',
    ],
  ])(
    'is told that %s is no container image',
    async (_, change: { config?: object; layers?: object[] }, code) => {
      const image = sampleImage({ layers: [{ a: 'b' }] });
      publish(registry, 'a', 'latest', image);
      registry.addManifest('a', 'latest', {
        ...image.manifest,
        config: { ...image.manifest.config, ...change.config },
        layers: [{ ...image.manifest.layers[0], ...change.layers?.[0] }],
      } as never);
      await expect(pull('a')).rejects.toMatchObject({ code });
    },
  );

  test('is refused when configuration and manifest have different numbers of layers', async () => {
    const image = sampleImage();
    publish(registry, 'a', 'latest', image);
    const layers = image.manifest.layers.slice(1);
    registry.addManifest('a', 'latest', { ...image.manifest, layers } as never);
    await expect(pull('a')).rejects.toMatchObject({ code: 'INVALID_MANIFEST' });
  });
});
