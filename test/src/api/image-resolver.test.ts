import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hostPlatform, openStore } from '../../../layers/index.ts';
import { build } from '../../../src/api/build.ts';
import { ImageResolver } from '../../../src/api/image-resolver.ts';
import type { StatusEvent } from '../../../src/progress/events.ts';
import { layerStore } from '../../support/layer-store.ts';
import { publish, type RegistryServer, startRegistry } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const { architecture } = hostPlatform();
const base = sampleImage({ architecture, layers: [{ 'base/file': 'base' }] });
const tools = sampleImage({ architecture, layers: [{ 'bin/tool': 'tool' }] });
const unused = sampleImage({ architecture, layers: [{ never: 'fetched' }] });

let registry: RegistryServer;
beforeEach(async () => {
  registry = await startRegistry();
  publish(registry, 'base', '1', base);
  publish(registry, 'tools', '1', tools);
  publish(registry, 'unused', '1', unused);
});
afterEach(() => registry[Symbol.asyncDispose]());

const at = (name: string) => `${registry.host}/${name}:1`;
const blobsAsked = () =>
  registry.requests
    .filter(({ path, method }) => method === 'GET' && path.includes('/blobs/'))
    .map(({ path }) => path.split('/').at(-1));

describe('ImageResolver', () => {
  test('fetches what an image is when it is named, and its layers when a step needs them', async () => {
    const store = layerStore();
    const events: StatusEvent[] = [];
    const report = (event: { kind: string }) => void events.push(event as StatusEvent);
    const images = new ImageResolver(store, { pull: 'missing', report });
    const { manifest, config } = await images.resolve(at('base'));
    expect(config.config?.Cmd).toEqual(['/bin/tool']);
    expect(blobsAsked()).toEqual([base.manifest.config.digest]);
    expect(store.images.list()).toEqual([]);
    const op = { type: 'image', ref: at('base'), manifest } as Parameters<typeof images.layers>[0];
    const [first, again] = await Promise.all([images.layers(op, 'step'), images.layers(op, 'step')]);
    expect(first).toHaveLength(1);
    expect(again).toEqual(first);
    expect(blobsAsked()).toEqual([base.manifest.config.digest, base.layers[0]!.descriptor.digest]);
    expect(store.images.list().map(({ name }) => name)).toEqual([at('base')]);
    expect(new Set(events.map(({ vertex }) => vertex))).toEqual(new Set(['step']));
  });
});

describe('build() of images in a registry', () => {
  const run = async (storeRoot: string, text: string, more: object = {}) => {
    const building = build({ context: undefined, dockerfile: { text }, storeRoot, tags: ['app:1'], ...more });
    await building.result;
  };
  const DOCKERFILE = () =>
    `FROM ${at('unused')} AS unused\nCOPY <<EOF /x\nx\nEOF\nFROM ${at('base')}\nCOPY --from=${at('tools')} /bin/tool /tool\n`;

  test('fetches no layer of a stage that is not needed, and nothing at all the second time', async () => {
    const storeRoot = join(tempFolder(), 'store');
    await run(storeRoot, DOCKERFILE());
    expect(blobsAsked()).toContain(base.layers[0]!.descriptor.digest);
    expect(blobsAsked()).toContain(tools.layers[0]!.descriptor.digest);
    expect(blobsAsked()).not.toContain(unused.layers[0]!.descriptor.digest);
    registry.requests.length = 0;
    await run(storeRoot, DOCKERFILE(), { noCache: true });
    expect(registry.requests).toEqual([]);
  });

  test('asks again for what names mean with `pull`, and fetches no blob that is there', async () => {
    const storeRoot = join(tempFolder(), 'store');
    await run(storeRoot, DOCKERFILE());
    registry.requests.length = 0;
    await run(storeRoot, DOCKERFILE(), { pull: true });
    expect(registry.requests.map(({ method }) => method)).toEqual(['HEAD', 'HEAD']);
    const store = openStore(storeRoot);
    expect(await store.check()).toEqual([]);
    store.close();
  });
});
