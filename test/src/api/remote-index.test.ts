import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MediaType } from '../../../layers/index.ts';
import { inspectRemote } from '../../../src/api/registry-commands.ts';
import { createRemoteIndex } from '../../../src/api/remote-index.ts';
import { publish, type RegistryServer, startRegistry } from '../../support/registry-server.ts';
import { sampleImage } from '../../support/sample-image.ts';

let registry: RegistryServer;
beforeEach(async () => {
  registry = await startRegistry();
  publish(registry, 'one', 'latest', one);
  publish(registry, 'other', 'latest', other);
});
afterEach(() => registry[Symbol.asyncDispose]());

const one = sampleImage();
const other = sampleImage({ architecture: 'arm64', layers: [{ arm: 'x' }] });
const at = (name: string) => `${registry.host}/${name}`;
const digestsAt = async (name: string) =>
  (await inspectRemote(at(name))).manifests?.map(({ digest }) => digest);

describe('createRemoteIndex()', () => {
  test('puts images and what indexes name under one tag, each once', async () => {
    await createRemoteIndex([at('one'), at('other')], [at('both:1'), at('both:2')]);
    const { digest } = await createRemoteIndex([at('both:1'), at('one')], [at('again:1')], {
      annotations: { key: 'value' },
    });
    const { descriptor, bytes } = await inspectRemote(at('again:1'));
    expect(descriptor.digest).toBe(digest);
    expect(await digestsAt('again:1')).toEqual([one.descriptor.digest, other.descriptor.digest]);
    expect(JSON.parse(bytes.toString()).annotations).toEqual({ key: 'value' });
  });

  test('copies an index byte by byte, also to another registry', async () => {
    await using target = await startRegistry();
    const { digest } = await createRemoteIndex([at('one'), at('other')], [at('both:1')], {
      annotations: { key: 'value' },
    });
    const copy = await createRemoteIndex([at('both:1')], [`${target.host}/copy:1`]);
    expect(copy.digest).toBe(digest);
    expect([...target.manifests.keys()]).toContain(`copy@${digest}`);
    for (const { blob, descriptor } of other.layers)
      expect(target.blobs.get(descriptor.digest)?.equals(blob)).toBe(true);
  });

  test.each([true, false])('makes an index of one image when that is preferred: %s', async (prefersIndex) => {
    await createRemoteIndex([at('one')], [at('copy:1')], { prefersIndex });
    const { descriptor } = await inspectRemote(at('copy:1'));
    expect(descriptor.mediaType).toBe(prefersIndex ? MediaType.ociIndex : MediaType.ociManifest);
    expect(descriptor.digest === one.descriptor.digest).toBe(!prefersIndex);
  });

  test('keeps the platforms that are asked for, with their attestations', async () => {
    const { mediaType, digest, size } = one.descriptor;
    const annotations = (subject: string) => ({
      'vnd.docker.reference.type': 'attestation-manifest',
      'vnd.docker.reference.digest': subject,
    });
    const platform = { os: 'unknown', architecture: 'unknown' };
    const [about, aboutOther] = [
      registry.addManifest('both', undefined, { ...one.manifest, annotations: { of: 'one' } } as never),
      registry.addManifest('both', undefined, { ...one.manifest, annotations: { of: 'other' } } as never),
    ];
    const manifests = [
      { mediaType, digest, size, platform: { os: 'linux', architecture: 'amd64' } },
      { ...other.descriptor, platform: { os: 'linux', architecture: '386' } },
      { ...about, platform, annotations: annotations(digest) },
      { ...aboutOther, platform, annotations: annotations(other.descriptor.digest) },
    ];
    for (const image of [one, other]) registry.addManifest('both', undefined, image.manifest);
    registry.addManifest('both', '1', {
      schemaVersion: 2,
      mediaType: MediaType.ociIndex,
      manifests,
    } as never);
    const platforms = [{ os: 'linux', architecture: 'amd64' }];
    await createRemoteIndex([at('both:1')], [at('less:1')], { platforms });
    expect(await digestsAt('less:1')).toEqual([digest, about.digest]);
    const none = createRemoteIndex([at('both:1')], [at('less:2')], {
      platforms: [{ os: 'linux', architecture: 's390x' }],
    });
    await expect(none).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('takes digests and descriptors of the one repository that is named', async () => {
    const platform = { os: 'linux', architecture: 'arm', variant: 'v7' };
    const descriptor = JSON.stringify({ ...one.descriptor, platform, annotations: { a: 'b' } });
    await createRemoteIndex([descriptor], [at('one:2')]);
    expect((await inspectRemote(at('one:2'))).manifests).toMatchObject([
      { digest: one.descriptor.digest, platform, annotations: { a: 'b' } },
    ]);
    await createRemoteIndex([one.descriptor.digest], [at('one:3')]);
    expect(await digestsAt('one:3')).toEqual([one.descriptor.digest]);
    for (const [sources, tags] of [
      [[one.descriptor.digest, at('other')], [at('one:4')]],
      [[one.descriptor.digest], []],
      [['{"digest":1}'], [at('one:4')]],
    ] as const)
      await expect(createRemoteIndex(sources, tags)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  });

  test('changes nothing when it is only to be shown', async () => {
    const before = registry.manifests.size;
    await createRemoteIndex([at('one')], [at('both:1')], { dryRun: true });
    expect(registry.manifests.size).toBe(before);
  });
});
