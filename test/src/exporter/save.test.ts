import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hexOf, MediaType, readImage } from '../../../layers/index.ts';
import { loadArchive } from '../../../src/exporter/load.ts';
import { saveImages, writeLayout } from '../../../src/exporter/save.ts';
import { layoutFiles } from '../../support/archives.ts';
import { sha256 } from '../../support/registry-server.ts';
import { type SampleImage, sampleImage } from '../../support/sample-image.ts';
import { tarOf } from '../../support/tar-files.ts';
import { tempStore } from '../../support/temp-store.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const docker = { format: 'docker', platform: amd64 } as const;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tsbuild-save-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function storeWith(image: SampleImage, names: readonly string[]) {
  const path = join(folder, 'given.tar');
  const annotations = names.map((name) => ({ 'io.containerd.image.name': name }));
  writeFileSync(
    path,
    tarOf(
      layoutFiles(
        names.map(() => image),
        annotations,
      ),
    ),
  );
  const store = tempStore().store;
  await loadArchive(store, path);
  return store;
}

/** As GNU tar sees the archive. */
function unpacked(path: string): { names: string[]; json: (name: string) => unknown } {
  const names = execFileSync('tar', ['tf', path], { encoding: 'utf8' }).trim().split('\n');
  return {
    names,
    json: (name) => JSON.parse(execFileSync('tar', ['xOf', path, name], { encoding: 'utf8' })),
  };
}

describe('saveImages()', () => {
  test('writes an archive with all that Docker, Podman and skopeo look for', async () => {
    const image = sampleImage();
    const store = await storeWith(image, ['docker.io/library/app:1', 'docker.io/library/app:2']);
    const path = join(folder, 'out.tar');
    await saveImages(store, ['app:1', 'app:2', 'app:1'], path, docker);
    const { names, json } = unpacked(path);
    const blobs = [image.descriptor, image.manifest.config, ...image.manifest.layers];
    expect(new Set(names)).toEqual(
      new Set([
        'oci-layout',
        'index.json',
        'manifest.json',
        'repositories',
        ...blobs.map(({ digest }) => `blobs/sha256/${hexOf(digest)}`),
      ]),
    );
    expect(json('oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' });
    expect(json('index.json')).toMatchObject({
      mediaType: MediaType.ociIndex,
      manifests: ['1', '2'].map((tag) => ({
        digest: image.descriptor.digest,
        annotations: {
          'io.containerd.image.name': `docker.io/library/app:${tag}`,
          'org.opencontainers.image.ref.name': tag,
        },
      })),
    });
    expect(json('manifest.json')).toEqual([
      {
        Config: `blobs/sha256/${hexOf(image.manifest.config.digest)}`,
        RepoTags: ['app:1', 'app:2'],
        Layers: image.layers.map(({ descriptor }) => `blobs/sha256/${hexOf(descriptor.digest)}`),
      },
    ]);
    const top = hexOf(sha256(image.layers[1]!.tar));
    expect(json('repositories')).toEqual({ app: { 1: top, 2: top } });
    expect(readdirSync(folder).sort()).toEqual(['given.tar', 'out.tar']);
  });

  test('writes the same bytes every time, to a stream too', async () => {
    const store = await storeWith(sampleImage(), ['docker.io/library/app:1']);
    const path = join(folder, 'out.tar');
    await saveImages(store, ['app:1'], path, docker);
    const stream = new PassThrough();
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    await saveImages(store, ['app:1'], stream, docker);
    expect(Buffer.concat(chunks).equals(readFileSync(path))).toBe(true);
  });

  test('writes what loadArchive() takes again, in one pass', async () => {
    const image = sampleImage();
    const store = await storeWith(image, ['docker.io/library/app:1']);
    for (const format of ['docker', 'oci'] as const) {
      const path = join(folder, `${format}.tar`);
      await saveImages(store, ['app:1'], path, { format, platform: amd64 });
      const again = tempStore().store;
      const [loaded] = await loadArchive(again, path);
      expect(loaded).toMatchObject({
        name: 'docker.io/library/app:1',
        target: { digest: image.descriptor.digest },
      });
      expect(unpacked(path).names.includes('manifest.json')).toBe(format === 'docker');
    }
  });

  test('leaves out the platforms of an index that are not in the store', async () => {
    const image = sampleImage();
    const store = await storeWith(image, ['docker.io/library/app:1']);
    const absent = sampleImage({ architecture: 'arm64', layers: [{ arm: 'x' }] });
    const index = {
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests: [absent.descriptor, image.descriptor],
    };
    const { digest, size } = store.content.putBytes(Buffer.from(JSON.stringify(index)));
    store.images.set('docker.io/library/app:1', { mediaType: MediaType.ociIndex, digest, size });
    const path = join(folder, 'out.tar');
    await saveImages(store, ['app:1'], path, docker);
    expect(unpacked(path).json('index.json')).toMatchObject({
      manifests: [{ digest: image.descriptor.digest }],
    });
  });

  test('compresses plain layers when asked, once, with the same image ID', async () => {
    const image = sampleImage({ gzip: false });
    const store = await storeWith(image, ['docker.io/library/app:1']);
    const [path, again] = [join(folder, 'out.tar'), join(folder, 'again.tar')];
    await saveImages(store, ['app:1'], path, { ...docker, form: { compression: 'gzip' } });
    await saveImages(store, ['app:1'], again, { ...docker, form: { compression: 'gzip' } });
    expect(readFileSync(again).equals(readFileSync(path))).toBe(true);
    const { store: other } = tempStore();
    const [loaded] = await loadArchive(other, path);
    expect(loaded?.imageId).toBe(image.manifest.config.digest);
    const { manifest } = readImage(other.content, loaded!.target, amd64);
    expect(manifest.layers.map(({ mediaType }) => mediaType)).toEqual(Array(2).fill(MediaType.ociLayerGzip));
  });

  test('writes where a link leads, also when there is nothing yet', async () => {
    const store = await storeWith(sampleImage(), ['docker.io/library/app:1']);
    const path = join(folder, 'link.tar');
    symlinkSync('target.tar', path);
    await saveImages(store, ['app:1'], path, docker);
    expect(readlinkSync(path)).toBe('target.tar');
    const first = readFileSync(join(folder, 'target.tar'));
    await saveImages(store, ['app:1'], path, docker);
    expect(readFileSync(join(folder, 'target.tar')).equals(first)).toBe(true);
  });

  test('leaves no file behind when a blob is missing or damaged', async () => {
    const image = sampleImage();
    const store = await storeWith(image, ['docker.io/library/app:1']);
    rmSync(join(store.root, 'blobs/sha256', hexOf(image.layers[0]!.descriptor.digest)));
    const path = join(folder, 'out.tar');
    await expect(saveImages(store, ['app:1'], path, docker)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(saveImages(store, ['other'], path, docker)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(readdirSync(folder)).toEqual(['given.tar']);
  });
});

test('writeLayout() writes a directory that loadArchive() takes', async () => {
  const image = sampleImage();
  const store = await storeWith(image, ['docker.io/library/app:1']);
  const target = store.images.get('docker.io/library/app:1')!.target;
  const path = join(folder, 'layout');
  await writeLayout(store, [{ target, names: ['docker.io/library/app:1'] }], path, { format: 'oci' });
  expect(await loadArchive(tempStore().store, path)).toMatchObject([{ name: 'docker.io/library/app:1' }]);
});

test('writeLayout() writes blobs that are named by sha512 too', async () => {
  const image = sampleImage();
  const hex = createHash('sha512').update(image.manifestBytes).digest('hex');
  const annotations = { 'io.containerd.image.name': 'docker.io/library/app:1' };
  const manifests = [{ ...image.descriptor, digest: `sha512:${hex}`, annotations }];
  const given = {
    ...layoutFiles([image], []),
    'index.json': JSON.stringify({ schemaVersion: 2, mediaType: MediaType.ociIndex, manifests }),
    [`blobs/sha512/${hex}`]: image.manifestBytes,
  };
  const store = tempStore().store;
  for (const [name, bytes] of Object.entries(given)) {
    mkdirSync(dirname(join(folder, 'given', name)), { recursive: true });
    writeFileSync(join(folder, 'given', name), bytes as Buffer);
  }
  const [loaded] = await loadArchive(store, join(folder, 'given'));
  const path = join(folder, 'layout');
  await writeLayout(store, [{ target: loaded!.target, names: [] }], path, { format: 'oci' });
  expect(readFileSync(join(path, 'blobs/sha512', hex))).toEqual(image.manifestBytes);
  expect(await loadArchive(tempStore().store, path)).toMatchObject([{ target: { digest: `sha512:${hex}` } }]);
});
