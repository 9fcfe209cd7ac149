import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { lstatSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { describeCommands } from '../support/commands.ts';
import { type RegistryServer, startRegistry } from '../support/registry-server.ts';
import { tempFolder } from '../support/temp-folder.ts';

const DOCKERFILE = `
FROM busybox
ARG VERSION=1
RUN --mount=type=secret,id=token --mount=type=ssh,id=key echo "$VERSION" > /version
COPY file /file
`;
const ATTESTATION = 'attestation-manifest';

interface Entry {
  readonly digest: string;
  readonly platform?: { readonly os: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

describeCommands('attestations', (commands) => {
  const build = (args: readonly string[], files: Readonly<Record<string, string>> = {}) =>
    commands().tsbuild(
      ['--network=none', '-q', ...args, commands().context({ Dockerfile: DOCKERFILE, file: 'x', ...files })],
      { env: { TOKEN: 'secret value' } },
    );

  /** A layout's document by its digest. */
  const read = (layout: string, digest: string) =>
    JSON.parse(readFileSync(join(layout, 'blobs', digest.replace(':', '/')), 'utf8'));

  async function layoutOf(args: readonly string[]) {
    const layout = join(tempFolder(), 'layout');
    expect(await build([`--output=type=oci,tar=false,dest=${layout}`, ...args])).toMatchObject({
      code: 0,
      stderr: '',
    });
    const [entry] = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests;
    const manifests: readonly Entry[] = read(layout, entry.digest).manifests ?? [];
    const image = manifests.find(({ platform }) => platform?.os === 'linux');
    const attestation = manifests.find(
      ({ annotations }) => annotations?.['vnd.docker.reference.type'] === ATTESTATION,
    );
    const layers = attestation === undefined ? [] : read(layout, attestation.digest).layers;
    const statements = layers.map(({ digest }: Entry) => read(layout, digest));
    return { image, attestation, layers, statements };
  }

  test('are not made unless asked for: the same source gives the same image', async () => {
    for (const args of [
      [],
      ['--provenance=false', '--sbom=false'],
      ['--attest=type=provenance,disabled=true'],
    ])
      expect((await layoutOf(args)).attestation).toBeUndefined();
  });

  test('stand beside the image in its index, as BuildKit attaches them', async () => {
    const { image, attestation, layers, statements } = await layoutOf([
      '--provenance=true',
      '--sbom=true',
      '-t',
      'me/app:1',
    ]);
    expect(attestation).toMatchObject({
      platform: { os: 'unknown', architecture: 'unknown' },
      annotations: { 'vnd.docker.reference.digest': image!.digest },
    });
    expect(layers).toMatchObject([
      {
        mediaType: 'application/vnd.in-toto+json',
        annotations: { 'in-toto.io/predicate-type': 'https://spdx.dev/Document' },
      },
      {
        mediaType: 'application/vnd.in-toto+json',
        annotations: { 'in-toto.io/predicate-type': 'https://slsa.dev/provenance/v1' },
      },
    ]);
    for (const { subject } of statements) {
      expect(subject).toMatchObject([{ digest: { sha256: image!.digest.slice(7) } }]);
      expect(subject[0].name).toMatch(/^pkg:docker\/me\/app@1\?platform=linux%2F/);
    }
  });

  test('tell in mode=min materials and times, and nothing of arguments', async () => {
    const { statements } = await layoutOf([
      '--provenance=mode=min,builder-id=https://b.test/1',
      '--build-arg=VERSION=7',
      '--label=a=b',
    ]);
    const { buildDefinition, runDetails } = statements[0].predicate;
    expect(buildDefinition.resolvedDependencies).toMatchObject([
      {
        uri: expect.stringMatching(/^pkg:docker\/busybox@latest\?platform=/),
        digest: { sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
      },
    ]);
    expect(buildDefinition.externalParameters).toEqual({
      configSource: { path: 'Dockerfile' },
      request: {
        frontend: 'dockerfile.v0',
        args: { 'force-network-mode': 'none' },
        locals: [{ name: 'context' }, { name: 'dockerfile' }],
      },
    });
    expect(runDetails.builder).toEqual({ id: 'https://b.test/1' });
    expect(Date.parse(runDetails.metadata.finishedOn)).toBeGreaterThanOrEqual(
      Date.parse(runDetails.metadata.startedOn),
    );
    expect(JSON.stringify(statements)).not.toContain('VERSION');
  });

  test('tell in mode=max arguments, the Dockerfile and the graph, and secrets by their ids alone', async () => {
    const { statements } = await layoutOf([
      '--attest=type=provenance,mode=max,version=v0.2',
      '--build-arg=VERSION=7',
      '--label=a=b',
      '--secret=id=token,env=TOKEN',
    ]);
    const { predicateType, predicate } = statements[0];
    expect(predicateType).toBe('https://slsa.dev/provenance/v0.2');
    expect(predicate.invocation.parameters).toMatchObject({
      args: { 'build-arg:VERSION': '7', 'label:a': 'b' },
      secrets: [{ id: 'token', optional: true }],
      ssh: [{ id: 'key', optional: true }],
    });
    const { source } = predicate.metadata['https://mobyproject.org/buildkit@v1#metadata'];
    expect(Buffer.from(source.infos[0].data, 'base64').toString()).toBe(DOCKERFILE);
    expect(predicate.buildConfig.llbDefinition).toHaveLength(4);
    expect(JSON.stringify(statements)).not.toContain('secret value');
  });

  test('go with the image: pushed in another form they are about what was pushed, and come back', async () => {
    const server: RegistryServer = await startRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    const name = `${server.host}/app:1`;
    expect((await build(['--provenance=true', '--sbom=true', '--push', '-t', name])).code).toBe(0);
    const index = JSON.parse(server.manifests.get('app:1')!.bytes.toString());
    const [image, attestation] = index.manifests;
    expect(attestation.annotations['vnd.docker.reference.digest']).toBe(image.digest);
    const { layers } = JSON.parse(server.manifests.get(`app@${attestation.digest}`)!.bytes.toString());
    for (const { digest } of layers)
      expect(JSON.parse(server.blobs.get(digest)!.toString()).subject[0].digest.sha256).toBe(
        image.digest.slice(7),
      );
    const shown = await commands().tsctr(['buildx', 'imagetools', 'inspect', name]);
    expect([shown.code, shown.stdout]).toEqual([0, expect.stringContaining(attestation.digest)]);
    expect((await commands().tsctr(['rmi', name])).code).toBe(0);
    expect((await commands().tsctr(['pull', '-q', name])).code).toBe(0);
    const ran = await commands().tsrun(['--rm', '--network=none', name, 'cat', '/version']);
    expect(ran.stdout).toBe('1\n');
  });

  test('survive save and load, and stand in nobody’s way', async () => {
    expect((await build(['--provenance=true', '-t', 'kept:1'])).code).toBe(0);
    const archive = join(tempFolder(), 'image.tar');
    const inspected = async () =>
      JSON.parse((await commands().tsctr(['image', 'inspect', 'kept:1'])).stdout)[0];
    const before = await inspected();
    expect((await commands().tsctr(['save', '-o', archive, 'kept:1'])).code).toBe(0);
    expect((await commands().tsctr(['rmi', 'kept:1'])).code).toBe(0);
    expect((await commands().tsctr(['load', '-i', archive])).code).toBe(0);
    const after = await inspected();
    expect([after.Id, after.Descriptor.digest]).toEqual([before.Id, before.Descriptor.digest]);
    expect((await commands().tsctr(['system', 'check'])).code).toBe(0);
    expect((await commands().tsrun(['--rm', '--network=none', 'kept:1', 'true'])).code).toBe(0);
  });

  test('are files beside files, whatever the image has in their place', async () => {
    const canary = join(tempFolder(), 'canary');
    writeFileSync(canary, 'untouched');
    const directory = join(tempFolder(), 'out');
    mkdirSync(directory);
    const dockerfile = `FROM scratch\nCOPY file /file\nCOPY --from=links / /\n`;
    const links = commands().context({});
    symlinkSync(canary, join(links, 'provenance.json'));
    const { code } = await build(
      [
        `--output=type=local,dest=${directory}`,
        '--provenance=true',
        '--sbom=true',
        `--build-context=links=${links}`,
      ],
      { Dockerfile: dockerfile },
    );
    expect(code).toBe(0);
    expect(readFileSync(canary, 'utf8')).toBe('untouched');
    expect(lstatSync(join(directory, 'provenance.json')).isFile()).toBe(true);
    const { subject } = JSON.parse(readFileSync(join(directory, 'provenance.json'), 'utf8'));
    expect(subject).toMatchObject([{ name: 'file', digest: { sha256: expect.any(String) } }]);
    expect(JSON.parse(readFileSync(join(directory, 'sbom.spdx.json'), 'utf8')).predicateType).toBe(
      'https://spdx.dev/Document',
    );
  });

  test('are files in a tar of files, in place of what the image has there', async () => {
    const archive = join(tempFolder(), 'out.tar');
    const files = {
      Dockerfile: 'FROM scratch\nCOPY file provenance.json /\n',
      'provenance.json': 'of the image',
    };
    const args = [
      `--output=type=tar,dest=${archive}`,
      '--provenance=true',
      '--platform=linux/amd64,linux/arm64',
    ];
    expect((await build(args, files)).code).toBe(0);
    const tar = (...rest: string[]) => execFileSync('tar', [...rest, archive], { encoding: 'utf8' });
    expect(tar('tf').trim().split('\n').sort()).toEqual(
      ['amd64', 'arm64'].flatMap((name) =>
        ['', 'file', 'provenance.json'].map((file) => `linux_${name}/${file}`),
      ),
    );
    const text = execFileSync('tar', ['xOf', archive, 'linux_arm64/provenance.json'], { encoding: 'utf8' });
    expect(JSON.parse(text).subject).toMatchObject([{ name: 'file' }]);
  });

  test('are one for each platform, after the images', async () => {
    const layout = join(tempFolder(), 'layout');
    const { code } = await build(
      [
        `--output=type=oci,tar=false,dest=${layout}`,
        '--provenance=true',
        '--platform=linux/amd64,linux/arm64',
      ],
      { Dockerfile: 'FROM scratch\nCOPY file /file\n' },
    );
    expect(code).toBe(0);
    const [entry] = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests;
    const [amd64, arm64, ...attestations]: readonly Entry[] = read(layout, entry.digest).manifests;
    expect(attestations.map(({ annotations }) => annotations?.['vnd.docker.reference.digest'])).toEqual([
      amd64!.digest,
      arm64!.digest,
    ]);
  });

  test('tell what was downloaded by its digest', async () => {
    const server = createServer((_request, response) => response.end('downloaded'));
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/data`;
    const layout = join(tempFolder(), 'layout');
    const file = { Dockerfile: `FROM scratch\nADD ${url} /data\n` };
    // The second time from the cache.
    for (const _ of [1, 2]) {
      rmSync(layout, { recursive: true, force: true });
      const args = [`--output=type=oci,tar=false,dest=${layout}`, '--provenance=true'];
      expect((await build(args, file)).code).toBe(0);
      const [entry] = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests;
      const attestation = read(layout, entry.digest).manifests[1];
      const statement = read(layout, read(layout, attestation.digest).layers[0].digest);
      const sha256 = createHash('sha256').update('downloaded').digest('hex');
      expect(statement.predicate.buildDefinition.resolvedDependencies).toEqual([
        { uri: url, digest: { sha256 } },
      ]);
    }
  });

  test('keep passwords of addresses to themselves (B18)', async () => {
    const server = createServer((_request, response) => response.end('downloaded'));
    onTestFinished(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const place = `127.0.0.1:${(server.address() as AddressInfo).port}/data`;
    const layout = join(tempFolder(), 'layout');
    const Dockerfile = `FROM busybox\nARG FROM\nADD http://me:canary@${place} /data\nRUN echo https://canary@example.test $FROM\n`;
    const { code } = await build(
      [
        `--output=type=oci,tar=false,dest=${layout}`,
        '--attest=type=provenance,mode=max',
        '--build-arg=FROM=https://canary@example.test/',
      ],
      { Dockerfile },
    );
    expect(code).toBe(0);
    const [entry] = JSON.parse(readFileSync(join(layout, 'index.json'), 'utf8')).manifests;
    const attestation = read(layout, entry.digest).manifests[1];
    const statement = read(layout, read(layout, attestation.digest).layers[0].digest);
    expect(JSON.stringify(statement)).not.toContain('canary');
    const { source } = statement.predicate.runDetails.metadata.buildkit_metadata;
    const told = Buffer.from(source.infos[0].data, 'base64').toString();
    expect(told).toContain(`ADD http://${place} /data`);
    expect(told).not.toContain('canary');
  });

  test('refuse what they cannot be', async () => {
    for (const [option, message] of [
      ['--attest=type=signature', 'unknown attestation type "signature": use provenance or sbom'],
      ['--provenance=mode=most', 'invalid provenance mode "most": use min or max'],
      ['--provenance=version=v2', 'invalid provenance version "v2": use v1 or v0.2'],
      ['--sbom=colour=red', '--attest type=sbom has no attribute "colour"'],
    ]) {
      const { code, stderr } = await build([option!]);
      expect([code, stderr]).toEqual([1, expect.stringContaining(message!)]);
    }
  });
});
