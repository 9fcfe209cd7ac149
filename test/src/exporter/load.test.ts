import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type DiffId, hexOf, MediaType } from '../../../layers/index.ts';
import { loadArchive } from '../../../src/exporter/load.ts';
import { blobFiles, layoutFiles, oldDockerFiles } from '../../support/archives.ts';
import { sha256 } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';
import { TarBuilder } from '../../support/tar-builder.ts';
import { type TarFiles, tarOf } from '../../support/tar-files.ts';
import { tempStore } from '../../support/temp-store.ts';

const named = (name: string) => ({ 'io.containerd.image.name': name });
/** In pieces of odd sizes, as a pipe gives them. */
const streamOf = (bytes: Buffer) =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.length / 777) }, (_, i) => bytes.subarray(i * 777, i * 777 + 777)),
  );
const load = (files: TarFiles, store = tempStore().store) => loadArchive(store, streamOf(tarOf(files)));
const reversed = (files: TarFiles) => Object.fromEntries(Object.entries(files).reverse());

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsbuild-load-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('loadArchive()', () => {
  const image = sampleImage();
  const files = layoutFiles([image], [named('docker.io/library/app:1')]);

  test.each([
    ['documents first', files],
    ['documents last', reversed(files)],
  ])('reads an OCI archive with its %s', async (_, archive) => {
    const store = tempStore().store;
    const [loaded] = await load(archive, store);
    expect(loaded).toEqual({
      name: 'docker.io/library/app:1',
      target: expect.objectContaining({ digest: image.descriptor.digest }),
      imageId: image.manifest.config.digest,
    });
    for (const { tar, blob } of image.layers) {
      expect(store.snapshots.layer(sha256(tar) as string as DiffId)).toBeDefined();
      expect(store.content.readAll(sha256(blob))).toEqual(blob);
    }
    expect(store.images.get('docker.io/library/app:1')?.target.digest).toBe(image.descriptor.digest);
  });

  test('reads it compressed, and from a path', async () => {
    const path = join(folder, 'image.tar.gz');
    writeFileSync(path, gzipSync(tarOf(files)));
    expect(await loadArchive(tempStore().store, path)).toHaveLength(1);
    expect(await loadArchive(tempStore().store, streamOf(gzipSync(tarOf(files))))).toHaveLength(1);
  });

  test('reads what docker save wrote before version 25, with layers that are links', async () => {
    const old = oldDockerFiles(image, ['app:1', 'quay.io/x/app:2']);
    const [first] = Object.keys(old).filter((path) => path.endsWith('layer.tar'));
    const shared = 'f'.repeat(64);
    const manifest = JSON.parse(old['manifest.json'] as string) as { Layers: string[] }[];
    manifest[0]!.Layers[0] = `${shared}/layer.tar`;
    const store = tempStore().store;
    const loaded = await load(
      {
        ...old,
        [`${shared}/layer.tar`]: { type: 'SymbolicLink', linkpath: `../${dirname(first!)}/layer.tar` },
        'manifest.json': JSON.stringify(manifest),
      },
      store,
    );
    expect(loaded.map(({ name }) => name)).toEqual(['docker.io/library/app:1', 'quay.io/x/app:2']);
    expect(loaded[0]!.imageId).toBe(image.manifest.config.digest);
    for (const { tar } of image.layers)
      expect(store.snapshots.layer(sha256(tar) as string as DiffId)).toBeDefined();
  });

  test('takes names of docker save from manifest.json where the index has none', async () => {
    const config = `blobs/sha256/${hexOf(image.manifest.config.digest)}`;
    const manifest = JSON.stringify([{ Config: config, RepoTags: ['a:1', 'b:2'], Layers: [] }]);
    const loaded = await load(layoutFiles([image], [{}], { 'manifest.json': manifest }));
    expect(loaded.map(({ name }) => name)).toEqual(['docker.io/library/a:1', 'docker.io/library/b:2']);
  });

  test.each([
    [{ 'org.opencontainers.image.ref.name': 'quay.io/a/b:3' }, 'quay.io/a/b:3'],
    [{ 'org.opencontainers.image.ref.name': 'latest' }, undefined],
    [{}, undefined],
  ])('names an image annotated %j %s', async (annotations, name) => {
    const store = tempStore().store;
    const [loaded] = await load(layoutFiles([image], [annotations as Record<string, string>]), store);
    expect(loaded?.name).toBe(name);
    expect(store.images.get(name ?? image.descriptor.digest)?.target.digest).toBe(image.descriptor.digest);
  });

  test('unpacks only its platform of an index, also when others are not in the archive', async () => {
    const other = sampleImage({ architecture: 'arm64', layers: [{ arm: 'x' }] });
    const absent = sampleImage({ architecture: 's390x', layers: [{ z: 'x' }] });
    const index = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MediaType.ociIndex,
        manifests: [absent, other, image].map(({ descriptor }) => descriptor),
      }),
    );
    const target = { mediaType: MediaType.ociIndex, digest: sha256(index), size: index.length };
    const store = tempStore().store;
    const [loaded] = await load(
      {
        'index.json': JSON.stringify({
          schemaVersion: 2,
          manifests: [{ ...target, annotations: named('docker.io/library/multi:1') }],
        }),
        ...blobFiles(other),
        ...blobFiles(image),
        [`blobs/sha256/${hexOf(target.digest)}`]: index,
      },
      store,
    );
    expect(loaded).toMatchObject({
      target: { digest: target.digest },
      imageId: image.manifest.config.digest,
    });
    expect(store.content.info(other.layers[0]!.descriptor.digest)).toBeDefined();
  });

  test('reads an OCI layout directory', async () => {
    writeTree(folder, files);
    const [loaded] = await loadArchive(tempStore().store, folder);
    expect(loaded).toMatchObject({ name: 'docker.io/library/app:1', imageId: image.manifest.config.digest });
  });

  test('tells which image a name meant before (R15)', async () => {
    const store = tempStore().store;
    await load(files, store);
    const evil = sampleImage({ layers: [{ 'bin/sh': 'evil' }] });
    const [loaded] = await load(layoutFiles([evil], [named('docker.io/library/app:1')]), store);
    expect(loaded?.replaced?.digest).toBe(image.descriptor.digest);
    const [again] = await load(layoutFiles([evil], [named('docker.io/library/app:1')]), store);
    expect(again?.replaced).toBeUndefined();
  });

  test.each([
    ['a blob that is not what its name says', { [blobPath(0)]: Buffer.from('other') }, 'DIGEST_MISMATCH'],
    [
      'a blob that is a link to a host file (N07)',
      { [blobPath(0)]: { type: 'SymbolicLink', linkpath: '/etc/passwd' } },
      'INVALID_ARCHIVE',
    ],
    [
      'a blob that is a hard link',
      { [blobPath(0)]: { type: 'Link', linkpath: 'index.json' } },
      'INVALID_ARCHIVE',
    ],
    ['a blob outside its folder', { 'blobs/sha256/../../../etc/x': 'y' }, 'PATH_ESCAPES_ROOT'],
    ['a blob with a short digest', { 'blobs/sha256/abc': 'y' }, 'INVALID_DIGEST'],
    [
      'an index.json that is a link',
      { 'index.json': { type: 'SymbolicLink', linkpath: '/etc/passwd' } },
      'INVALID_ARCHIVE',
    ],
    ['an index.json that is an image', { 'index.json': image.manifestBytes }, 'INVALID_ARCHIVE'],
    ['a broken index.json', { 'index.json': '{' }, 'INVALID_MANIFEST'],
    [
      'an image without its manifest',
      { 'index.json': indexOf(sampleImage({ layers: [{ q: 'q' }] })) },
      'INVALID_ARCHIVE',
    ],
    ['an invalid name', { 'index.json': indexOf(image, named('../../etc:x')) }, 'INVALID_REFERENCE'],
  ] as [string, TarFiles, string][])('refuses %s', async (_, change, code) => {
    const store = tempStore().store;
    await expect(load({ ...files, ...change }, store)).rejects.toMatchObject({ code });
    expect(store.images.list()).toEqual([]);
  });

  test.each([
    ['a blob', blobPath(0)],
    ['index.json', 'index.json'],
    ['the blobs folder', 'blobs'],
  ])('refuses a layout directory where %s is a link to a host file (N07)', async (_, path) => {
    writeTree(folder, files);
    rmSync(join(folder, path), { recursive: true });
    writeFileSync(join(folder, 'canary'), 'secret');
    symlinkSync(join(folder, 'canary'), join(folder, path));
    await expect(loadArchive(tempStore().store, folder)).rejects.toMatchObject({ code: 'INVALID_ARCHIVE' });
  });

  test('says what an archive lacks', async () => {
    const { [blobPath(0)]: _, ...others } = files;
    await expect(load(others)).rejects.toMatchObject({
      code: 'INVALID_ARCHIVE',
      message: expect.stringContaining('it lacks the blob'),
    });
  });

  test('refuses archives without images, cut short, or of another kind', async () => {
    await expect(load({ 'etc/passwd': 'x' })).rejects.toMatchObject({ code: 'INVALID_ARCHIVE' });
    const whole = tarOf(files);
    for (const cut of [600, 5000, whole.length - 2000])
      await expect(loadArchive(tempStore().store, streamOf(whole.subarray(0, cut)))).rejects.toMatchObject({
        code: 'INVALID_ARCHIVE',
      });
    await expect(loadArchive(tempStore().store, streamOf(Buffer.alloc(2000, 'x')))).rejects.toMatchObject({
      code: 'INVALID_ARCHIVE',
    });
  });

  test('refuses a document that claims a terabyte before it stores any of it', async () => {
    const { store } = tempStore();
    const sparse = {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.realsize': `${2 ** 40 - 1}`,
    };
    const archive = new TarBuilder()
      .pax({ ...sparse, 'GNU.sparse.name': `${'a'.repeat(64)}.json` })
      .file('GNUSparseFile.1/a', Buffer.from('0\n'.padEnd(512, '\0')))
      .end();
    await expect(loadArchive(store, streamOf(archive))).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect([...store.content.list()]).toEqual([]);
    const name = `${'b'.repeat(64)}.json`;
    const plain = new TarBuilder().header({ name, size: 8 * 2 ** 20 + 1 }).end();
    await expect(loadArchive(store, streamOf(plain))).rejects.toThrow(
      `"${name}" has more than 8388608 bytes`,
    );
  });

  function blobPath(layer: number): string {
    return `blobs/sha256/${hexOf(image.layers[layer]!.descriptor.digest)}`;
  }
});

function indexOf({ descriptor }: { readonly descriptor: object }, annotations: object = {}): string {
  return JSON.stringify({ schemaVersion: 2, manifests: [{ ...descriptor, annotations }] });
}

function writeTree(root: string, files: TarFiles): void {
  for (const [path, body] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), body as Buffer);
  }
}
