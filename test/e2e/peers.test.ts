import { execFile, execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { hostPlatform, imageName, parseReference, readImage, type Store } from '../../layers/index.ts';
import { inspectRemote } from '../../src/api/registry-commands.ts';
import { createRemoteIndex } from '../../src/api/remote-index.ts';
import { commitImage, nameImage } from '../../src/exporter/image.ts';
import { importRootfs } from '../../src/exporter/import.ts';
import { listImages } from '../../src/exporter/listing.ts';
import { loadArchive } from '../../src/exporter/load.ts';
import { pushImage } from '../../src/exporter/push.ts';
import { saveImages } from '../../src/exporter/save.ts';
import { pullImage } from '../../src/registry/pull.ts';
import { layerStore } from '../support/layer-store.ts';
import { tempFolder } from '../support/temp-folder.ts';

/**
 * Images in and out together with the tools people have: Docker, Podman, skopeo and a registry. PEERS_BIN names a
 * program that runs a command where those tools are (`$PEERS_BIN exec docker …`, sharing /tmp with this machine),
 * PEERS_REGISTRY the registry (default 127.0.0.1:5000), which has to hold library/busybox.
 */
const peers = process.env.PEERS_BIN;
const registry = process.env.PEERS_REGISTRY ?? '127.0.0.1:5000';
const reason =
  peers === undefined ? 'PEERS_BIN is not set' : process.getuid?.() !== 0 ? 'not root' : undefined;
if (reason !== undefined) console.warn(`skipped: image exchange with Docker, Podman and skopeo (${reason})`);

const run = promisify(execFile);
const peer = async (...args: string[]) =>
  (await run(peers!, ['exec', ...args], { maxBuffer: 1 << 24 })).stdout.trim();
const busybox = parseReference(`${registry}/library/busybox`);
const unique = `tsbuild-${process.pid}-${Date.now()}`;

/** An image of a pulled base and a layer made here, as a build leaves it. */
async function builtImage(store: Store, name: string) {
  const base = await pullImage(store, busybox, hostPlatform());
  const layers = base.config.rootfs.diff_ids.map((diffId) => store.snapshots.layer(diffId)!);
  const snapshot = store.snapshots.prepare(layers);
  const writer = snapshot.writer();
  writer.file('/hello', Buffer.from('hello from tsbuild\n'), { mode: 0o644, uid: 0, gid: 0, mtimeNs: 0n });
  writer.finish();
  const image = await commitImage(
    store,
    {
      base: { manifest: base.descriptor.digest },
      os: 'linux',
      architecture: hostPlatform().architecture,
      config: { ...base.config.config, Cmd: ['cat', '/hello'] },
      history: [...(base.config.history ?? []), { created_by: 'COPY hello /hello' }],
    },
    [...layers, snapshot.commit()],
    { created: '2026-01-01T00:00:00Z' },
  );
  nameImage(store, [name], image.descriptor);
  return image;
}

describe.skipIf(reason !== undefined)('with Docker, Podman, skopeo and a registry', () => {
  test('pullImage() brings an image of a registry, that listImages() lists', async () => {
    const store = layerStore();
    const { config } = await pullImage(store, busybox, hostPlatform());
    const tree = store.snapshots.view(config.rootfs.diff_ids.map((diffId) => store.snapshots.layer(diffId)!));
    expect(tree.lookup('/bin/busybox', { follow: true })?.stat.type).toBe('file');
    const [image] = listImages(store, hostPlatform());
    expect(image?.tags).toEqual([imageName(busybox)]);
  });

  test.each(['docker', 'oci'] as const)(
    'saveImages() writes a %s archive that each of them reads',
    async (format) => {
      const store = layerStore();
      const name = `docker.io/library/${unique}-${format}:1`;
      const { configDigest } = await builtImage(store, name);
      const archive = join(tempFolder(), 'image.tar');
      await saveImages(store, [name], archive, { format });
      onTestFinished(async () => {
        await peer('docker', 'rmi', '-f', name).catch(() => {});
        await peer('podman', 'rmi', '-f', name).catch(() => {});
      });
      const transport = format === 'docker' ? 'docker-archive' : 'oci-archive';
      const inspected = JSON.parse(await peer('skopeo', 'inspect', '--config', `${transport}:${archive}`));
      expect(inspected.config.Cmd).toEqual(['cat', '/hello']);
      if (format === 'docker') {
        await peer('docker', 'load', '-i', archive);
        expect(await peer('docker', 'image', 'inspect', '--format', '{{.Id}}', name)).toBe(configDigest);
        expect(await peer('docker', 'run', '--rm', name)).toBe('hello from tsbuild');
      }
      await peer('podman', 'load', '-i', archive);
      expect(await peer('podman', 'image', 'inspect', '--format', '{{.Id}}', name)).toBe(
        configDigest.slice(7),
      );
    },
  );

  test('loadArchive() reads what docker save, podman save and skopeo write', async () => {
    const folder = tempFolder();
    const source = `${registry}/library/busybox`;
    await peer('docker', 'pull', '-q', source);
    await peer('docker', 'save', '-o', join(folder, 'docker.tar'), source);
    await peer('podman', 'pull', '-q', '--tls-verify=false', source);
    await peer('podman', 'save', '-q', '-o', join(folder, 'podman.tar'), source);
    await peer(
      'podman',
      'save',
      '-q',
      '--format',
      'oci-archive',
      '-o',
      join(folder, 'podman-oci.tar'),
      source,
    );
    await peer(
      'skopeo',
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${source}`,
      `oci-archive:${folder}/skopeo.tar:x`,
    );
    await peer(
      'skopeo',
      'copy',
      '-q',
      '--src-tls-verify=false',
      `docker://${source}`,
      `oci:${folder}/layout:x`,
    );
    execFileSync('gzip', ['-k', join(folder, 'docker.tar')]);
    const store = layerStore();
    const names: (string | undefined)[] = [];
    for (const file of [
      'docker.tar',
      'docker.tar.gz',
      'podman.tar',
      'podman-oci.tar',
      'skopeo.tar',
      'layout',
    ]) {
      const [loaded] = await loadArchive(store, join(folder, file));
      names.push(loaded?.name);
      const { config } = readImage(store.content, loaded!.target, hostPlatform());
      expect(store.snapshots.layer(config.rootfs.diff_ids[0]!)).toBeDefined();
    }
    expect(names).toEqual([...Array(4).fill(imageName(busybox)), undefined, undefined]);
  });

  test.each(['gzip', 'none'] as const)(
    'pushImage() with compression %s makes an image Docker pulls and runs',
    async (compression) => {
      const store = layerStore();
      const name = `${registry}/${unique}/${compression}:1`;
      const { configDigest } = await builtImage(store, name);
      const target = store.images.get(name)!.target;
      const pushed = await pushImage(store, target, parseReference(name), { form: { compression } });
      expect(pushed.digest === target.digest).toBe(compression === 'none');
      expect((await pushImage(store, target, parseReference(name), { form: { compression } })).digest).toBe(
        pushed.digest,
      );
      onTestFinished(async () => {
        await peer('docker', 'rmi', '-f', name).catch(() => {});
      });
      expect(await peer('docker', 'run', '--rm', '--pull', 'always', '-q', name)).toBe('hello from tsbuild');
      expect(await peer('docker', 'image', 'inspect', '--format', '{{.Id}}', name)).toBe(configDigest);
      const again = layerStore();
      expect((await pullImage(again, parseReference(name), hostPlatform())).manifest.config.digest).toBe(
        configDigest,
      );
    },
  );

  test.each([
    [{ compression: 'gzip', mediaTypes: 'docker' }, 'application/vnd.docker.distribution.manifest.v2+json'],
    [{ compression: 'zstd' }, 'application/vnd.oci.image.manifest.v1+json'],
    [{ compression: 'gzip', level: 9, force: true }, 'application/vnd.oci.image.manifest.v1+json'],
  ] as const)('pushImage() as %j makes what skopeo, umoci and Podman read', async (form, mediaType) => {
    const store = layerStore();
    const name = `${registry}/${unique}/forms:${form.compression}`;
    const { configDigest } = await builtImage(store, name);
    const pushed = await pushImage(store, store.images.get(name)!.target, parseReference(name), { form });
    const inspected = JSON.parse(
      await peer('skopeo', 'inspect', '--tls-verify=false', '--raw', `docker://${name}`),
    );
    expect(inspected.mediaType).toBe(mediaType);
    expect(
      await peer('skopeo', 'inspect', '--tls-verify=false', '--format', '{{.Digest}}', `docker://${name}`),
    ).toBe(pushed.digest);
    onTestFinished(async () => {
      await peer('podman', 'rmi', '-f', name).catch(() => {});
    });
    await peer('podman', 'pull', '-q', '--tls-verify=false', name);
    expect(await peer('podman', 'image', 'inspect', '--format', '{{.Id}}', name)).toBe(configDigest.slice(7));
    expect(await peer('podman', 'run', '--rm', '--network=none', name)).toBe('hello from tsbuild');
    const folder = tempFolder();
    const layout = `${folder}/layout`;
    await peer('skopeo', 'copy', '-q', '--src-tls-verify=false', `docker://${name}`, `oci:${layout}:x`);
    await peer('umoci', 'unpack', '--image', `${layout}:x`, `${folder}/bundle`);
    expect(readFileSync(`${folder}/bundle/rootfs/hello`, 'utf8')).toBe('hello from tsbuild\n');
  });

  test('an index goes there and back: pushed here, seen by buildx, skopeo and Docker, and the other way round', async () => {
    const store = layerStore();
    const [one, two] = [`${registry}/${unique}/one:1`, `${registry}/${unique}/two:1`];
    const { configDigest } = await builtImage(store, one);
    await pushImage(store, store.images.get(one)!.target, parseReference(one));
    const index = `${registry}/${unique}/index:1`;
    const { digest } = await createRemoteIndex([one, `${registry}/library/busybox`], [index]);
    const seen = JSON.parse(await peer('docker', 'buildx', 'imagetools', 'inspect', '--raw', index));
    expect(seen.manifests).toHaveLength(2);
    const byDigest = `docker://${index.replace(/:1$/, '')}@${digest}`;
    expect(JSON.parse(await peer('skopeo', 'inspect', '--tls-verify=false', '--raw', byDigest))).toEqual(
      seen,
    );
    onTestFinished(async () => {
      await peer('docker', 'rmi', '-f', index).catch(() => {});
    });
    expect(await peer('docker', 'run', '--rm', '--pull', 'always', '-q', index)).toBe('hello from tsbuild');
    await peer('docker', 'buildx', 'imagetools', 'create', '-t', two, one, `${registry}/library/busybox`);
    const pulled = await pullImage(layerStore(), parseReference(two), hostPlatform());
    expect(pulled.manifest.config.digest).toBe(configDigest);
    expect((await inspectRemote(two)).manifests).toHaveLength(2);
  });

  test('pullImage() brings what Docker, Podman and skopeo pushed', async () => {
    const source = `${registry}/library/busybox`;
    const at = (tool: string) => `${registry}/${unique}/by-${tool}:1`;
    await peer('docker', 'pull', '-q', source);
    await peer('docker', 'tag', source, at('docker'));
    await peer('docker', 'push', '-q', at('docker'));
    await peer('podman', 'pull', '-q', '--tls-verify=false', source);
    await peer('podman', 'push', '-q', '--tls-verify=false', source, at('podman'));
    const copy = ['copy', '-q', '--src-tls-verify=false', '--dest-tls-verify=false'];
    await peer(
      'skopeo',
      ...copy,
      '--dest-compress-format',
      'zstd',
      `docker://${source}`,
      `docker://${at('skopeo')}`,
    );
    onTestFinished(async () => {
      await peer('docker', 'rmi', '-f', at('docker')).catch(() => {});
    });
    for (const tool of ['docker', 'podman', 'skopeo']) {
      const store = layerStore();
      const { config } = await pullImage(store, parseReference(at(tool)), hostPlatform());
      const layers = config.rootfs.diff_ids.map((diffId) => store.snapshots.layer(diffId)!);
      expect(store.snapshots.view(layers).lookup('/bin/busybox', { follow: true })?.stat.type).toBe('file');
      expect(await store.check()).toEqual([]);
    }
  });

  test('importRootfs() makes an image that Docker loads and runs', async () => {
    const folder = tempFolder();
    mkdirSync(join(folder, 'root/bin'), { recursive: true });
    const busyboxPath = execFileSync('sh', ['-c', 'command -v busybox'], { encoding: 'utf8' }).trim();
    writeFileSync(join(folder, 'root/bin/busybox'), readFileSync(busyboxPath), { mode: 0o755 });
    const tar = execFileSync('tar', ['cf', '-', '-C', join(folder, 'root'), '.'], { maxBuffer: 1 << 26 });
    const store = layerStore();
    const name = `docker.io/library/${unique}-import:1`;
    const config = { Cmd: ['/bin/busybox', 'echo', 'imported'] };
    const { configDigest } = await importRootfs(store, Readable.from([tar]), { tag: name, config });
    const archive = join(folder, 'import.tar');
    await saveImages(store, [name], archive, { format: 'docker' });
    onTestFinished(async () => {
      await peer('docker', 'rmi', '-f', name).catch(() => {});
    });
    await peer('docker', 'load', '-i', archive);
    expect(await peer('docker', 'run', '--rm', name)).toBe('imported');
    expect(await peer('docker', 'image', 'inspect', '--format', '{{.Id}}', name)).toBe(configDigest);
  });
});
