import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MediaType } from '../../../layers/index.ts';
import { images, tagImage } from '../../../src/api/image-commands.ts';
import {
  annotateManifest,
  createManifestList,
  inspectRemote,
  localManifestList,
  pullAllTags,
  pushAllTags,
  pushManifestList,
  removeManifestList,
} from '../../../src/api/registry-commands.ts';
import { publish, type RegistryServer, startRegistry } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { tempFolder } from '../../support/temp-folder.ts';

let registry: RegistryServer;
let storeRoot: string;
beforeEach(async () => {
  registry = await startRegistry();
  storeRoot = join(tempFolder(), 'store');
});
afterEach(() => registry[Symbol.asyncDispose]());

const one = sampleImage();
const other = sampleImage({ architecture: 'arm64', layers: [{ arm: 'x' }] });
const at = (name: string) => `${registry.host}/${name}`;

function tagsAt(repository: string): string[] {
  const prefix = `${repository}:`;
  return [...registry.manifests.keys()]
    .filter((key) => key.startsWith(prefix))
    .map((key) => key.slice(prefix.length));
}

describe('pullAllTags()', () => {
  test('pulls every tag that the repository has', async () => {
    for (const tag of ['1', '2', '3']) publish(registry, 'a/b', tag, one);
    const told: string[] = [];
    const pulled = await pullAllTags(at('a/b'), { storeRoot, onTag: (name) => told.push(name) });
    expect(pulled.map(({ name }) => name)).toEqual([at('a/b:1'), at('a/b:2'), at('a/b:3')]);
    expect(told).toHaveLength(3);
    const again = await pullAllTags(at('a/b'), { storeRoot });
    expect(again.every(({ upToDate }) => upToDate)).toBe(true);
  });

  test.each(['a/b:1', `a/b@${one.descriptor.digest}`])('refuses %s, which names one', async (name) => {
    await expect(pullAllTags(at(name), { storeRoot })).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });
});

describe('pushAllTags()', () => {
  test('pushes every name that the store has in the repository, and no other', async () => {
    publish(registry, 'a', 'latest', one);
    await pullAllTags(at('a'), { storeRoot });
    for (const name of ['b:1', 'b:2', 'bb:1']) await tagImage(at('a'), at(name), { storeRoot });
    const pushed = await pushAllTags(at('b'), { storeRoot });
    expect(pushed.map(({ target }) => target.digest)).toEqual(Array(2).fill(one.descriptor.digest));
    expect([tagsAt('b'), tagsAt('bb')]).toEqual([['1', '2'], []]);
  });

  test('says so when there is none', async () => {
    await expect(pushAllTags(at('b'), { storeRoot })).rejects.toMatchObject({ code: 'NO_SUCH_IMAGE' });
  });
});

describe('a manifest list', () => {
  beforeEach(() => {
    publish(registry, 'one', 'latest', one);
    publish(registry, 'other', 'latest', other);
  });

  test('is made, changed, shown, pushed and forgotten', async () => {
    const list = at('list:1');
    await createManifestList(list, [at('one'), at('other')], { storeRoot });
    await annotateManifest(list, at('other'), { variant: 'v8' }, { storeRoot });
    const local = await localManifestList(list, { storeRoot });
    const { manifests } = JSON.parse(local!.toString());
    expect(manifests).toMatchObject([
      { digest: one.descriptor.digest, platform: { os: 'linux', architecture: 'amd64' } },
      { digest: other.descriptor.digest, platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } },
    ]);
    const digest = await pushManifestList(list, { storeRoot, purge: true });
    const remote = await inspectRemote(list);
    expect(remote.descriptor).toMatchObject({ digest, mediaType: MediaType.ociIndex });
    expect(remote.bytes.equals(local!)).toBe(true);
    // What it names is in its own repository now.
    for (const { descriptor } of [one, other])
      expect(registry.manifests.has(`list@${descriptor.digest}`)).toBe(true);
    await expect(removeManifestList(list, { storeRoot })).rejects.toMatchObject({ code: 'NO_SUCH_IMAGE' });
    expect(await images({ storeRoot })).toEqual([]);
  });

  test('is added to only when that is asked for', async () => {
    const list = at('list:1');
    await createManifestList(list, [at('one')], { storeRoot });
    const again = createManifestList(list, [at('other')], { storeRoot });
    await expect(again).rejects.toMatchObject({ code: 'CONFLICT' });
    await createManifestList(list, [at('other'), at('one')], { storeRoot, amend: true });
    const { manifests } = JSON.parse((await localManifestList(list, { storeRoot }))!.toString());
    expect(manifests).toHaveLength(2);
    await removeManifestList(list, { storeRoot });
    expect(await localManifestList(list, { storeRoot })).toBeUndefined();
  });

  test('cannot be changed for an image that it has not', async () => {
    await createManifestList(at('list'), [at('one')], { storeRoot });
    const changed = annotateManifest(at('list'), at('other'), { variant: 'v8' }, { storeRoot });
    await expect(changed).rejects.toMatchObject({ code: 'NO_SUCH_IMAGE' });
  });

  test('brings images over from another registry', async () => {
    await using target = await startRegistry();
    await createManifestList(`${target.host}/list:1`, [at('one')], { storeRoot });
    await pushManifestList(`${target.host}/list:1`, { storeRoot });
    for (const { blob, descriptor } of one.layers)
      expect(target.blobs.get(descriptor.digest)?.equals(blob)).toBe(true);
  });
});
