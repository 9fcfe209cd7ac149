import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  type Descriptor,
  type Manifest,
  MediaType,
  parseManifest,
  type Store,
} from '../../../layers/index.ts';
import { formedGraph } from '../../../src/exporter/compressed.ts';
import { commitImage, nameImage } from '../../../src/exporter/image.ts';
import { imageGraph } from '../../../src/exporter/image-graph.ts';
import { type PushOptions, pushName } from '../../../src/exporter/push.ts';
import type { StatusEvent } from '../../../src/progress/events.ts';
import { layerStore, sketchLayer } from '../../support/layer-store.ts';
import { type RegistryServer, startRegistry } from '../../support/registry-server.ts';

const big = randomBytes(6 << 20);
const options = { environment: { HOME: '/nonexistent' }, retryDelay: 1, idleTimeout: 2000 };

let registry: RegistryServer;
beforeEach(async () => {
  registry = await startRegistry();
});
afterEach(() => registry[Symbol.asyncDispose]());

/** A store with an image of a large and a small layer, under the name. */
async function storeWith(name: string, files: Readonly<Record<string, Buffer>> = { big }): Promise<Store> {
  const store = layerStore();
  const layers = Object.entries(files).map(([path, bytes]) =>
    sketchLayer(store, { [`/${path}`]: { type: 'file', content: bytes, mtime: 1 } }),
  );
  const image = await commitImage(
    store,
    { os: 'linux', architecture: 'amd64', config: {}, history: [] },
    [...layers, sketchLayer(store, { '/small': { type: 'file', content: Buffer.from('small'), mtime: 1 } })],
    { created: '2026-01-01T00:00:00Z' },
  );
  nameImage(store, [name], image.descriptor);
  return store;
}

const push = (store: Store, name: string, more: PushOptions = {}) =>
  pushName(store, name, { ...options, ...more });

function pushedManifest({ digest }: Descriptor, repository = 'a'): Manifest {
  const { bytes, mediaType } = registry.manifests.get(`${repository}@${digest}`)!;
  return parseManifest(bytes, mediaType);
}

const methods = () => registry.requests.map(({ method }) => method);

describe('pushName()', () => {
  test('sends a large layer while it is compressed, and names all at the end', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    const target = await push(store, name);
    const manifest = pushedManifest(target);
    expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual(Array(2).fill(MediaType.ociLayerGzip));
    expect(gunzipSync(registry.blobs.get(manifest.layers[0]!.digest)!).includes(big)).toBe(true);
    expect(methods().filter((method) => method === 'PATCH')).toHaveLength(1);
    expect(methods().at(-1)).toBe('PUT');
    expect(registry.requests.at(-1)?.path).toBe('/v2/a/manifests/1');
    expect(registry.uploads.size).toBe(0);
  });

  test('sends what is ready while a layer is compressed', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    const { config } = parseManifest(
      store.content.readAll(store.images.get(name)!.target.digest),
      MediaType.ociManifest,
    );
    let isThere = false;
    registry.script = async ({ method }) => {
      if (method !== 'PATCH') return false;
      for (let look = 0; look < 200 && !isThere; look++) {
        await delay(10);
        isThere = registry.blobs.has(config.digest);
      }
      return false;
    };
    await push(store, name);
    expect(isThere).toBe(true);
  });

  test('sends no blob again: to the same tag, another tag, or from another store', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    const target = await push(store, name);
    const { received } = registry.traffic;
    await push(store, name);
    store.images.set(`${registry.host}/a:2`, store.images.get(name)!.target);
    await push(store, `${registry.host}/a:2`);
    const rebuilt = await storeWith(name, { big });
    expect((await push(rebuilt, name)).digest).toBe(target.digest);
    expect(registry.traffic.received).toBe(received);
  });

  test('has a layer mounted that another repository of the registry has', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    const target = await push(store, name);
    const { received } = registry.traffic;
    // As a pull would name it.
    store.images.set(name, target);
    store.images.set(`${registry.host}/b:1`, target);
    const events: StatusEvent[] = [];
    registry.script = (request, response) => {
      // Repositories of this registry share their blobs: deny it.
      if (request.method !== 'HEAD' || !request.url?.startsWith('/v2/b/blobs/')) return false;
      response.writeHead(404).end();
      return true;
    };
    await push(store, `${registry.host}/b:1`, { report: (event) => events.push(event as StatusEvent) });
    expect(registry.traffic.received).toBe(received);
    expect(events.filter(({ outcome }) => outcome === 'Mounted from a')).toHaveLength(2);
  });

  test('has a layer mounted that it was pushed as under another name, and neither makes nor sends it again', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    await push(store, name);
    const { received } = registry.traffic;
    store.images.set(`${registry.host}/b:1`, store.images.get(name)!.target);
    const mounted = new Set<string>();
    registry.script = (request, response) => {
      const { method, url = '' } = request;
      const digest = new URL(url, 'http://x').searchParams.get('mount');
      if (method === 'POST' && digest !== null) mounted.add(digest);
      const head = /^\/v2\/b\/blobs\/(.*)$/.exec(url)?.[1];
      if (method !== 'HEAD' || head === undefined || mounted.has(head)) return false;
      response.writeHead(404).end();
      return true;
    };
    const events: StatusEvent[] = [];
    await push(store, `${registry.host}/b:1`, { report: (event) => events.push(event as StatusEvent) });
    expect(registry.traffic.received).toBe(received);
    expect(events.filter(({ outcome }) => outcome === 'Mounted from a')).toHaveLength(2);
    const { layers } = parseManifest(
      store.content.readAll(store.images.get(name)!.target.digest),
      store.images.get(name)!.target.mediaType,
    );
    expect(new Set(events.map(({ id }) => id))).toEqual(
      new Set(layers.map(({ digest }) => `pushing ${digest}`)),
    );
  });

  test('compresses once more, and uploads in pieces, when the stream breaks', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    registry.script = (request) => {
      if (request.method !== 'PATCH') return false;
      request.once('data', () => request.socket.destroy());
      return true;
    };
    const manifest = pushedManifest(await push(store, name));
    expect(registry.blobs.has(manifest.layers[0]!.digest)).toBe(true);
    expect(methods().filter((method) => method === 'PATCH')).toHaveLength(1);
  });

  test('keeps no copy of what it streamed, and makes it again for another registry', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    const [layer, small] = pushedManifest(await push(store, name)).layers;
    expect(store.content.info(layer!.digest)).toBeUndefined();
    expect(store.content.info(small!.digest)).toBeDefined();
    // Known by its digest: neither made nor sent again.
    const { received } = registry.traffic;
    await push(store, name);
    expect(registry.traffic.received).toBe(received);
    expect(methods().filter((method) => method === 'PATCH')).toHaveLength(1);
    await using other = await startRegistry();
    store.images.set(`${other.host}/a:1`, store.images.get(name)!.target);
    await push(store, `${other.host}/a:1`);
    expect(other.blobs.get(layer!.digest)?.equals(registry.blobs.get(layer!.digest)!)).toBe(true);
  });

  test('stops compressing when the registry refuses', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    registry.script = (request, response) => {
      if (request.method !== 'POST') return false;
      response.writeHead(403).end();
      return true;
    };
    await expect(push(store, name)).rejects.toMatchObject({ code: 'DENIED' });
    expect(registry.manifests.size).toBe(0);
  });

  test('ends when its signal fires, and leaves no half of anything', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    const abort = new AbortController();
    registry.script = (request) => {
      if (request.method !== 'PATCH') return false;
      request.once('data', () => abort.abort());
      return true;
    };
    await expect(push(store, name, { signal: abort.signal })).rejects.toMatchObject({ name: 'AbortError' });
    expect(await store.check()).toEqual([]);
  });

  test('puts no tag when it is to be had by its digest alone', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    const { digest } = await push(store, name, { byDigest: true });
    expect([...registry.manifests.keys()]).toEqual([`a@${digest}`]);
  });

  test.each([
    [{ compression: 'none' }, MediaType.ociLayer, MediaType.ociManifest],
    [{ compression: 'gzip', level: 1 }, MediaType.ociLayerGzip, MediaType.ociManifest],
    [{ compression: 'zstd' }, MediaType.ociLayerZstd, MediaType.ociManifest],
    [{ compression: 'gzip', mediaTypes: 'docker' }, MediaType.dockerLayerGzip, MediaType.dockerManifest],
    [{ compression: 'none', mediaTypes: 'docker' }, MediaType.dockerLayer, MediaType.dockerManifest],
  ] as const)('makes the image %j', async (form, layerType, manifestType) => {
    const name = `${registry.host}/a:1`;
    const target = await push(await storeWith(name), name, { form });
    expect(target.mediaType).toBe(manifestType);
    const manifest = pushedManifest(target);
    expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual([layerType, layerType]);
    for (const { digest, size } of manifest.layers) expect(registry.blobs.get(digest)?.length).toBe(size);
  });

  test('encodes layers anew that have another form when that is forced', async () => {
    const name = `${registry.host}/a:1`;
    const store = await storeWith(name);
    const plain = imageGraph(store.content, store.images.get(name)!.target);
    const { target: zstd } = await formedGraph(store, plain, { compression: 'zstd' });
    store.images.set(name, zstd);
    const kept = await push(store, name, { form: { compression: 'gzip' } });
    expect(kept.digest).toBe(zstd.digest);
    const forced = await push(store, name, { form: { compression: 'gzip', force: true } });
    expect(pushedManifest(forced).layers.map(({ mediaType }) => mediaType)).toEqual(
      Array(2).fill(MediaType.ociLayerGzip),
    );
    expect(pushedManifest(forced).config.digest).toBe(pushedManifest(kept).config.digest);
  });

  test('says that Docker has no name for zstd', async () => {
    const name = `${registry.host}/a:1`;
    const pushed = push(await storeWith(name), name, { form: { compression: 'zstd', mediaTypes: 'docker' } });
    await expect(pushed).rejects.toMatchObject({ code: 'UNSUPPORTED' });
  });
});
