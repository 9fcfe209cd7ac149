import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openStore, parsePlatform, readArchive } from '../../../layers/index.ts';
import { build } from '../../../src/api/build.ts';
import type { BuildRequest } from '../../../src/api/types.ts';
import { rootfsProblem } from '../../support/busybox-rootfs.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const platforms = ['linux/amd64', 'linux/arm64', 'linux/amd64'].map((text) => parsePlatform(text));
const dockerfile = `FROM scratch
ARG TARGETARCH
COPY <<$TARGETARCH /arch
x
$TARGETARCH
ENV ARCH=$TARGETARCH
`;

async function built(text: string, request: Partial<BuildRequest> = {}) {
  const storeRoot = join(tempFolder(), 'store');
  const building = build({ context: undefined, dockerfile: { text }, storeRoot, platforms, ...request });
  const steps = new Set<string>();
  for await (const event of building) if (event.kind === 'vertex') steps.add(event.name);
  return { result: await building.result, steps: [...steps], storeRoot };
}

describe('build() for several platforms', () => {
  test('names an index with each platform once, tells steps that they share once, and which they are for', async () => {
    const { result, steps, storeRoot } = await built(dockerfile, { tags: ['several'] });
    expect(result.imageId).toBe(result.image?.digest);
    expect(steps).toEqual([expect.stringMatching(/^\[linux\/amd64 1\/1\] COPY /)]);
    const store = openStore(storeRoot);
    const target = store.images.get('docker.io/library/several:latest')!.target;
    expect(target.digest).toBe(result.imageId);
    const json = (digest: string) =>
      JSON.parse(Buffer.from(store.content.readAll(digest as never)).toString());
    const { manifests } = json(target.digest);
    const configs = manifests.map(({ digest }: { digest: string }) => json(json(digest).config.digest));
    expect(configs.map(({ architecture }: { architecture: string }) => architecture)).toEqual([
      'amd64',
      'arm64',
    ]);
    expect(configs.map(({ config }: { config: { Env: string[] } }) => config.Env.at(-1))).toEqual([
      'ARCH=amd64',
      'ARCH=arm64',
    ]);
    store.close();
  });

  test('writes a directory for each with -o type=local', async () => {
    const dest = tempFolder();
    const { result } = await built(dockerfile, { outputs: [{ type: 'local', dest, attributes: {} }] });
    expect(result.image).toBeUndefined();
    for (const name of ['linux_amd64', 'linux_arm64']) {
      expect(readFileSync(join(dest, name, 'arch'), 'utf8')).toBe('x\n');
    }
  });

  test.each([
    [{}, ['linux_amd64/', 'linux_amd64/arch', 'linux_arm64/', 'linux_arm64/arch']],
    [{ 'platform-split': 'false' }, ['arch', 'arch']],
  ])('writes a tar with a folder for each with -o type=tar %j', async (attributes, paths) => {
    const dest = join(tempFolder(), 'x.tar');
    await built(dockerfile, { outputs: [{ type: 'tar', dest, attributes }] });
    const found: string[] = [];
    for await (const { path } of readArchive(createReadStream(dest))) found.push(path);
    expect(found).toEqual(paths);
  });

  test('writes no file twice into one directory with platform-split=false', async () => {
    const attributes = { 'platform-split': 'false' };
    const outputs = [{ type: 'local', dest: tempFolder(), attributes }] as const;
    await expect(built(dockerfile, { outputs })).rejects.toThrow('Cannot write "/arch" for two platforms');
  });

  test.skipIf(rootfsProblem !== undefined)('says what a foreign RUN needs', async () => {
    const foreign = process.arch === 'arm64' ? 62 : 183;
    const header = Buffer.alloc(120);
    header.write('\x7fELF\x02\x01\x01', 'latin1');
    for (const [at, value] of [
      [16, 2],
      [18, foreign],
      [20, 1],
      [54, 56],
      [52, 64],
    ] as const)
      header.writeUInt16LE(value, at);
    const context = tempFolder();
    writeFileSync(join(context, 'sh'), header);
    const failure = built('FROM scratch\nCOPY --chmod=755 sh /bin/sh\nRUN true\n', {
      context,
      network: 'none',
      platforms: [],
    });
    await expect(failure).rejects.toThrow(
      /^this machine \(linux\/\w+\) cannot run \/bin\/sh, a program for linux\/\w+$/,
    );
    await expect(failure).rejects.toMatchObject({ step: { hint: expect.stringContaining('binfmt_misc') } });
  });
});
