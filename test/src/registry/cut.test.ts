import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore, parseReference, type Store } from '../../../layers/index.ts';
import { commitImage, nameImage } from '../../../src/exporter/image.ts';
import { pushName } from '../../../src/exporter/push.ts';
import { pullImage } from '../../../src/registry/pull.ts';
import { bundleSource, killHard, nextMessage, start } from '../../support/child-process.ts';
import { layerStore, sketchLayer } from '../../support/layer-store.ts';
import { publish, type RegistryServer, startRegistry } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { seededRandom } from '../../support/seeded-random.ts';
import { tempFolder } from '../../support/temp-folder.ts';

/** SEED repeats a run; SOAK (`npm run soak`) cuts at more points. */
const seed = Number(process.env.SEED ?? Date.now() % 1e9);
const points = process.env.SOAK === undefined ? 12 : 50;
const amd64 = { os: 'linux', architecture: 'amd64' };
const options = { environment: { HOME: '/nonexistent' }, retryDelay: 1, idleTimeout: 3000 };
/** Bytes that may be on the way, in the buffers of both sides, when a connection is cut. */
const ON_THE_WAY = 1 << 20;

let registry: RegistryServer;
beforeEach(async () => {
  registry = await startRegistry();
});
afterEach(() => registry[Symbol.asyncDispose]());

/** The registry is gone once `bytes` have passed, in both directions together, until `back` is called. */
function cutAfter(bytes: number): { readonly back: () => void } {
  let left = bytes;
  const sockets = new Set<import('node:net').Socket>();
  const listen = (socket: import('node:net').Socket) => {
    sockets.add(socket);
    const count = (length: number) => {
      left -= length;
      if (left <= 0) for (const each of sockets) each.destroy();
    };
    socket.on('data', (chunk: Buffer) => count(chunk.length));
    const write = socket.write.bind(socket);
    socket.write = ((chunk: Buffer | string, ...more: []) => {
      // The last of it goes out, and the connection with it.
      const isLast = left > 0 && left <= chunk.length;
      if (!isLast) count(chunk.length);
      const part = isLast ? Buffer.from(chunk).subarray(0, left) : chunk;
      if (isLast) socket.end(part, () => count(chunk.length));
      return isLast ? false : write(part, ...more);
    }) as typeof socket.write;
    if (left <= 0) socket.destroy();
  };
  registry.server.on('connection', listen);
  return { back: () => void registry.server.off('connection', listen) };
}

function leftovers(root: string): string[] {
  return ['active', 'ingest', 'locks'].flatMap((area) =>
    readdirSync(join(root, area)).map((name) => `${area}/${name}`),
  );
}

/** Of the blobs that the registry did not have before. */
function bytesBeside(before: readonly string[]): number {
  const missing = [...registry.blobs].filter(([digest]) => !before.includes(digest));
  return missing.reduce((sum, [, { length }]) => sum + length, 0);
}

describe(`a connection that is cut (SEED=${seed})`, () => {
  const random = seededRandom(seed);

  test(`at any of ${points} points of a pull: the next try gets what is missing`, {
    timeout: 120_000,
  }, async () => {
    const image = sampleImage({
      layers: [{ a: randomBytes(1 << 20) }, { b: randomBytes(3 << 20) }, { c: randomBytes(200_000) }],
    });
    publish(registry, 'a', '1', image);
    const total = [...registry.blobs.values()].reduce((sum, { length }) => sum + length, 0);
    const reference = parseReference(`${registry.host}/a:1`);
    for (let round = 0; round < points; round++) {
      const point = random.below(total);
      const store = layerStore();
      const cut = cutAfter(point);
      const failed = await pullImage(store, reference, amd64, options).catch((error: unknown) => error);
      expect(failed, `point ${point}`).toMatchObject({ code: 'UNREACHABLE' });
      cut.back();
      expect(store.images.list()).toEqual([]);
      registry.traffic.sent = 0;
      await pullImage(store, reference, amd64, options);
      expect(registry.traffic.sent, `point ${point}`).toBeLessThan(total - point + ON_THE_WAY);
      if (round % 4 === 0) expect(await store.check()).toEqual([]);
      store.close();
      expect(leftovers(store.root)).toEqual([]);
    }
  });

  test(`at any of ${points} points of a push: the next try sends what is missing`, {
    timeout: 120_000,
  }, async () => {
    const store = layerStore();
    const layers = [5 << 20, 300_000, 100_000].map((size, index) =>
      sketchLayer(store, { [`/${index}`]: { content: randomBytes(size) } }),
    );
    const image = { os: 'linux', architecture: 'amd64', config: {}, history: [] };
    const { descriptor } = await commitImage(store, image, layers, { created: '2026-01-01T00:00:00Z' });
    nameImage(store, [`${registry.host}/a:1`], descriptor);
    const total = layers.length + 5_400_000;
    for (let round = 0; round < points; round++) {
      registry.blobs.clear();
      registry.manifests.clear();
      // What was compressed is known after the first round: let the layers be made anew in some.
      if (round % 5 === 0)
        for (const { key } of [...store.records.list('compressed')]) store.records.delete('compressed', key);
      const point = random.below(total);
      const cut = cutAfter(point);
      const failed = await pushName(store, `${registry.host}/a:1`, options).catch((error: unknown) => error);
      expect(failed, `point ${point}`).toMatchObject({ code: 'UNREACHABLE' });
      cut.back();
      expect(registry.manifests.size).toBe(0);
      const before = [...registry.blobs.keys()];
      registry.requests.length = 0;
      registry.traffic.received = 0;
      const { digest } = await pushName(store, `${registry.host}/a:1`, options);
      expect(registry.manifests.has(`a@${digest}`)).toBe(true);
      expect(registry.traffic.received, `point ${point}`).toBe(bytesBeside(before));
      const uploaded = registry.requests
        .filter(({ method }) => method === 'PUT')
        .map(({ path }) => decodeURIComponent(path));
      for (const done of before) expect(uploaded.some((path) => path.endsWith(done))).toBe(false);
    }
    expect(await store.check()).toEqual([]);
    store.close();
    expect(leftovers(store.root)).toEqual([]);
  });
});

const PULL = `
import { openStore, parseReference } from './layers/index.ts';
import { pullImage } from './src/registry/pull.ts';
const [root, name] = process.argv.slice(2);
const options = { environment: { HOME: '/nonexistent' } };
const store = openStore(root);
pullImage(store, parseReference(name), { os: 'linux', architecture: 'amd64' }, options).then(() => store.close());
`;

test('a pull that is killed goes on where it was with the next one', async () => {
  const image = sampleImage({ layers: [{ big: randomBytes(4 << 20) }], gzip: false });
  publish(registry, 'a', '1', image);
  const { blob, descriptor } = image.layers[0]!;
  const root = join(tempFolder(), 'store');
  const half = 2 << 20;
  const stalled = new Promise<void>((resolve) => {
    registry.script = (request, response) => {
      if (request.method !== 'GET' || !request.url?.endsWith(descriptor.digest)) return false;
      response.writeHead(200, { 'content-length': blob.length });
      response.write(blob.subarray(0, half), () => setTimeout(resolve, 300));
      return true;
    };
  });
  const child = start(bundleSource(PULL), root, `${registry.host}/a:1`);
  await Promise.race([stalled, nextMessage(child)]);
  await killHard(child);
  registry.script = undefined;
  registry.requests.length = 0;
  const store: Store = openStore(root);
  await pullImage(store, parseReference(`${registry.host}/a:1`), amd64, options);
  const resumed = registry.requests.find(({ path }) => path.endsWith(descriptor.digest));
  expect(Number(/^bytes=(\d+)-$/.exec(resumed?.headers.range ?? '')?.[1])).toBeGreaterThan(half - ON_THE_WAY);
  expect(store.content.readAll(descriptor.digest, blob.length).equals(blob)).toBe(true);
  expect(await store.check()).toEqual([]);
  store.close();
  expect(leftovers(root)).toEqual([]);
});

const PUSH = `
import { openStore } from './layers/index.ts';
import { pushName } from './src/exporter/push.ts';
const [root, name] = process.argv.slice(2);
const store = openStore(root);
pushName(store, name, { environment: { HOME: '/nonexistent' } }).then(() => store.close());
`;

test('a push that is killed leaves nothing in the store, and the next one finishes', async () => {
  const root = join(tempFolder(), 'store');
  const name = `${registry.host}/a:1`;
  const first = openStore(root);
  const layers = [6 << 20, 50_000].map((size, index) =>
    sketchLayer(first, { [`/${index}`]: { content: randomBytes(size) } }),
  );
  const image = { os: 'linux', architecture: 'amd64', config: {}, history: [] };
  const { descriptor } = await commitImage(first, image, layers, { created: '2026-01-01T00:00:00Z' });
  nameImage(first, [name], descriptor);
  first.close();
  const stalled = new Promise<void>((resolve) => {
    registry.script = (request) => {
      if (request.method !== 'PATCH') return false;
      request.once('data', () => {
        request.pause();
        setTimeout(resolve, 200);
      });
      return true;
    };
  });
  const child = start(bundleSource(PUSH), root, name);
  await Promise.race([stalled, nextMessage(child)]);
  await killHard(child);
  registry.script = undefined;
  const before = [...registry.blobs.keys()];
  registry.traffic.received = 0;
  const store = openStore(root);
  const { digest } = await pushName(store, name, options);
  expect(registry.traffic.received).toBe(bytesBeside(before));
  expect(registry.manifests.has(`a@${digest}`)).toBe(true);
  expect(await store.check()).toEqual([]);
  store.close();
  expect(leftovers(root)).toEqual([]);
});
