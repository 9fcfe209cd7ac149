import { lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { rootfsProblem } from '../support/busybox-rootfs.ts';
import { Commands, importBusybox, type Outcome } from '../support/commands.ts';
import { type RegistryServer, type Script, startRegistry } from '../support/registry-server.ts';
import { lastingFolder, tempFolder } from '../support/temp-folder.ts';

/** A project with a "package manager" that downloads into a cache mount, and two things that only change now and then. */
const DOCKERFILE = `
FROM busybox AS tools
WORKDIR /work
RUN echo tools > /tools
FROM tools AS build
COPY packages /work/
RUN --mount=type=cache,target=/cache,mode=0700,uid=7 for package in $(cat packages); do \\
    if [ -e /cache/$package ]; then echo "had $package"; else echo "fetched $package"; echo files > /cache/$package; fi; \\
    cat /cache/$package >> installed; done
COPY source /work/
RUN cat source installed > program
FROM busybox
COPY --from=build /work/program /bin/program
`;

if (rootfsProblem !== undefined) console.log(`skipped: caches between machines: ${rootfsProblem}`);

describe.skipIf(rootfsProblem !== undefined)('a cache between two machines', () => {
  const lasting = lastingFolder();
  let machines: Commands[];
  beforeAll(async () => {
    machines = [];
    const archive = join(lasting.path, 'busybox.tar');
    for (const name of ['one', 'other', 'third']) {
      const commands = new Commands();
      machines.push(commands);
      // One image for all: its digest is the key of all that is built on it.
      if (name === 'one') {
        await importBusybox(commands);
        await commands.tsctr(['save', '-o', archive, 'busybox']);
      } else await commands.tsctr(['load', '-i', archive]);
    }
  });
  afterAll(async () => {
    for (const commands of machines) await commands.remove();
    await lasting.remove();
  });

  async function registry(): Promise<RegistryServer> {
    const server = await startRegistry();
    onTestFinished(() => server[Symbol.asyncDispose]());
    return server;
  }

  /** The same files on each machine. */
  function build(commands: Commands, files: Readonly<Record<string, string>>, args: readonly string[]) {
    const context = commands.context({ Dockerfile: DOCKERFILE, packages: 'a b', source: 'one\n', ...files });
    return commands.tsbuild(['--progress=plain', '--network=none', ...args, context]);
  }

  /** Steps that ran, by what the Dockerfile calls them. */
  const ran = ({ stderr }: Outcome) =>
    [...stderr.matchAll(/^#(\d+) \[[^\]]*\d+\/\d+\] (?!FROM)(\S+).*$/gm)]
      .filter(([, number]) => new RegExp(`^#${number} DONE`, 'm').test(stderr))
      .map(([, , name]) => name);

  function succeeded(outcome: Outcome): Outcome {
    expect(outcome.stderr).not.toContain('WARNING');
    expect(outcome.code).toBe(0);
    return outcome;
  }

  const unpacked = (commands: Commands) => readdirSync(join(commands.root, 'layers/sha256')).length;

  test('lets another one build without running anything, and fetches only what the image is made of', async () => {
    const server = await registry();
    const [one, other] = machines as [Commands, Commands];
    const ref = `${server.host}/project/cache:main`;
    const first = succeeded(
      await build(one, {}, [`--cache-to=type=registry,ref=${ref},mode=max`, '-t', 'p']),
    );
    expect(ran(first)).toHaveLength(7);
    const before = unpacked(other);
    server.requests.length = 0;
    const second = succeeded(await build(other, {}, [`--cache-from=${ref}`, '-t', 'p']));
    expect(ran(second)).toEqual([]);
    expect(second.stderr).toContain(`CACHED (from ${ref})`);
    expect(unpacked(other)).toBe(before + 1);
    // The cache's configuration and one layer: none of the stages between, and no cache mount.
    const blobs = server.requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/'));
    expect(blobs).toHaveLength(2);
    const images = await Promise.all(
      [one, other].map((machine) => machine.tsrun(['--rm', 'p', 'cat', '/bin/program'])),
    );
    expect(images.map(({ stdout }) => stdout)).toEqual(['one\nfiles\nfiles\n', 'one\nfiles\nfiles\n']);
  });

  const fetchedBlobs = ({ requests }: RegistryServer) =>
    requests.filter(({ method, path }) => method === 'GET' && path.includes('/blobs/')).length;

  test('has no layer fetched for an image that nobody keeps', async () => {
    const server = await registry();
    const [one, other] = machines as [Commands, Commands];
    const ref = `${server.host}/project/cache`;
    const id = join(tempFolder(), 'id');
    succeeded(await build(one, { source: 'nine\n' }, [`--cache-to=type=registry,ref=${ref}`]));
    const before = unpacked(other);
    server.requests.length = 0;
    const args = [`--cache-from=${ref}`, '--output=type=cacheonly', `--iidfile=${id}`];
    const outcome = succeeded(await build(other, { source: 'nine\n' }, args));
    expect(ran(outcome)).toEqual([]);
    expect(outcome.stderr).toContain(`CACHED (from ${ref}:latest)`);
    expect(unpacked(other)).toBe(before);
    // The cache's configuration.
    expect(fetchedBlobs(server)).toBe(1);
    expect(readFileSync(id, 'utf8')).toMatch(/^sha256:/);
  });

  test('has the registry lend the layers of an image that is only pushed', async () => {
    const server = await registry();
    const [one, , third] = machines as [Commands, Commands, Commands];
    const ref = `${server.host}/project/cache`;
    succeeded(await build(one, { source: 'ten\n' }, [`--cache-to=type=registry,ref=${ref},mounts=false`]));
    const [{ digest }] = JSON.parse(server.manifests.get('project/cache:latest')!.bytes.toString()).layers;
    const lent = new Set<string>();
    // Each repository has blobs of its own.
    server.script = ({ method, url = '' }, response) => {
      const { pathname, searchParams } = new URL(url, 'http://host');
      if (!pathname.startsWith('/v2/project/app/blobs/')) return false;
      if (searchParams.get('from') === 'project/cache') lent.add(searchParams.get('mount')!);
      const isMissing = method === 'HEAD' && pathname.endsWith(digest) && !lent.has(digest);
      if (isMissing) response.writeHead(404).end();
      return isMissing;
    };
    const before = unpacked(third);
    const app = `${server.host}/project/app:1`;
    server.requests.length = 0;
    const args = [`--cache-from=${ref}`, '--push', '-t', app];
    const outcome = succeeded(await build(third, { source: 'ten\n' }, args));
    expect(ran(outcome)).toEqual([]);
    expect(outcome.stderr).toContain('1 layer stays in the registry: no image is kept here');
    expect([...lent]).toEqual([digest]);
    expect([unpacked(third), fetchedBlobs(server)]).toEqual([before, 1]);
    expect((await third.tsctr(['images', '-q', app])).stdout).toBe('');
    const { stdout } = await third.tsrun(['--rm', app, 'cat', '/bin/program']);
    expect(stdout).toBe('ten\nfiles\nfiles\n');
  });

  /** A repository with blobs of its own, which takes none from another. */
  function refusesToLend(server: RegistryServer): Script {
    const uploaded = new Set<string>();
    return ({ method, url = '' }, response) => {
      const { pathname, searchParams } = new URL(url, 'http://host');
      if (!pathname.startsWith('/v2/project/app/blobs/')) return false;
      if (method === 'PUT') uploaded.add(searchParams.get('digest')!);
      if (method === 'POST' && searchParams.has('mount')) {
        const session = `refused${server.uploads.size}`;
        server.uploads.set(session, Buffer.alloc(0));
        response.writeHead(202, { location: `${pathname}${session}` }).end();
        return true;
      }
      if (method !== 'HEAD' || uploaded.has(pathname.slice(pathname.lastIndexOf('/') + 1))) return false;
      response.writeHead(404).end();
      return true;
    };
  }

  test('is fetched from when the registry does not lend, or the image is to be kept', async () => {
    const server = await registry();
    const [one, other] = machines as [Commands, Commands];
    const ref = `${server.host}/project/cache`;
    const sources = [{ source: 'eleven\n' }, { source: 'twelve\n' }] as const;
    const outputs = [
      ['--push', '-t', `${server.host}/project/app:1`],
      ['-o', 'type=image,push=true,store=true', '-t', `${server.host}/project/app:2`],
    ] as const;
    for (const [index, source] of sources.entries()) {
      succeeded(await build(one, source, [`--cache-to=type=registry,ref=${ref}`]));
      // The second time all blobs are there.
      server.script = index === 0 ? refusesToLend(server) : undefined;
      const before = unpacked(other);
      const name = outputs[index]!.at(-1)!;
      expect(ran(succeeded(await build(other, source, [`--cache-from=${ref}`, ...outputs[index]!])))).toEqual(
        [],
      );
      expect(unpacked(other)).toBe(before + 1);
      expect((await other.tsctr(['images', '-q', name])).stdout).not.toBe('');
    }
  });

  test('is fetched from when the registry fails to lend', async () => {
    const server = await registry();
    const [one, other] = machines as [Commands, Commands];
    const ref = `${server.host}/project/cache`;
    succeeded(await build(one, { source: 'thirteen\n' }, [`--cache-to=type=registry,ref=${ref}`]));
    const refuses = refusesToLend(server);
    let failures = 0;
    server.script = (request, response) => {
      if (failures > 0 || !request.url?.includes('?mount=')) return refuses(request, response);
      failures++;
      response.writeHead(501).end();
      return true;
    };
    const args = [`--cache-from=${ref}`, '--push', '-t', `${server.host}/project/app:3`];
    const outcome = succeeded(await build(other, { source: 'thirteen\n' }, args));
    expect([ran(outcome), failures]).toEqual([[], 1]);
    expect(outcome.stderr).toContain('Not possible, so they are fetched: Registry failed with HTTP 501 for');
  });

  test('is one or the other, and whole, when two machines write it at once', async () => {
    const { host } = await registry();
    const [one, other, third] = machines as [Commands, Commands, Commands];
    const to = [`--cache-to=type=registry,ref=${host}/both,mode=max,ignore-error=false`];
    // Steps of its own: what machines have made themselves counts more than what caches say.
    const Dockerfile = DOCKERFILE.replaceAll('tools', 'both').replaceAll('/work', '/twice');
    const sources = [
      { Dockerfile, source: 'here\n' },
      { Dockerfile, source: 'there\n' },
    ] as const;
    const built = await Promise.all([build(one, sources[0], to), build(other, sources[1], to)]);
    built.forEach(succeeded);
    const from = [`--cache-from=${host}/both`, '--output=type=cacheonly'];
    const later = [await build(third, sources[0], from), await build(third, sources[1], from)];
    const steps = later.map((outcome) => ran(succeeded(outcome)).length);
    expect(steps).toContain(0);
  });

  test('runs only what a change concerns, with the other machine’s cache mount', async () => {
    const { host } = await registry();
    const [one, , third] = machines as [Commands, Commands, Commands];
    const caches = [`--cache-from=${host}/c`, `--cache-to=type=registry,ref=${host}/c,mode=max`];
    succeeded(await build(one, { source: 'two\n' }, caches));
    const later = succeeded(await build(third, { source: 'three\n' }, caches));
    expect(ran(later)).toEqual(['COPY', 'RUN', 'COPY']);
    const more = succeeded(await build(third, { packages: 'a b c', source: 'three\n' }, caches));
    expect(more.stderr).toMatch(/had a\n(?:.*\n)*.*had b\n(?:.*\n)*.*fetched c\n/);
    const mounts = readdirSync(join(third.root, 'cache-mounts'));
    expect(mounts).toHaveLength(1);
    const { mode, uid } = lstatSync(join(third.root, 'cache-mounts', mounts[0]!));
    expect([mode & 0o7777, uid]).toEqual([0o700, 7]);
  });

  test('uploads nothing twice, and gives the same cache for the same build', async () => {
    const server = await registry();
    const [one] = machines as [Commands];
    const caches = [`--cache-to=type=registry,ref=${server.host}/c,mode=max`];
    succeeded(await build(one, { source: 'four\n' }, caches));
    const manifest = server.manifests.get('c:latest')!;
    const { received } = server.traffic;
    succeeded(await build(one, { source: 'four\n' }, caches));
    expect(server.manifests.get('c:latest')).toEqual(manifest);
    expect(server.traffic.received).toBe(received);
    expect(JSON.parse(manifest.bytes.toString()).config.mediaType).toBe(
      'application/vnd.tsbuild.cache.config.v1+json',
    );
  });

  test('goes through a directory, where other tags stay', async () => {
    const folder = join(tempFolder(), 'cache');
    const [one, other] = machines as [Commands, Commands];
    succeeded(await build(one, { source: 'five\n' }, [`--cache-to=type=local,dest=${folder},mode=max`]));
    succeeded(
      await build(one, { source: 'six\n' }, [`--cache-to=type=local,dest=${folder},mode=max,tag=branch`]),
    );
    expect(
      ran(succeeded(await build(other, { source: 'five\n' }, [`--cache-from=type=local,src=${folder}`]))),
    ).toEqual([]);
    const branch = `--cache-from=type=local,src=${folder},tag=branch`;
    expect(ran(succeeded(await build(other, { source: 'six\n' }, [branch])))).toEqual([]);
  });

  test('travels inline with an image, whose intermediate steps need not be there', async () => {
    const { host } = await registry();
    const [one, other] = machines as [Commands, Commands];
    const image = `${host}/app:1`;
    succeeded(await build(one, { source: 'seven\n' }, ['--cache-to=type=inline', '--push', '-t', image]));
    const again = succeeded(
      await build(other, { source: 'seven\n' }, [`--cache-from=${image}`, '-t', image]),
    );
    expect(ran(again)).toEqual([]);
    const ids = await Promise.all([one, other].map((machine) => machine.tsctr(['images', '-q', image])));
    expect(ids[0]!.stdout).not.toBe('');
    const changed = succeeded(
      await build(other, { packages: 'a', source: 'seven\n' }, [`--cache-from=${image}`]),
    );
    expect(ran(changed)).toContain('RUN');
  });

  test('keeps steps of several platforms', async () => {
    const folder = join(tempFolder(), 'cache');
    const [one, other] = machines as [Commands, Commands];
    const args = ['--platform=linux/amd64,linux/arm64', '--output=type=cacheonly'];
    const Dockerfile = 'FROM scratch\nARG TARGETARCH\nCOPY $TARGETARCH /\n';
    const files = { Dockerfile, amd64: 'a', arm64: 'b' };
    succeeded(await build(one, files, [...args, `--cache-to=type=local,dest=${folder},mode=max`]));
    const again = succeeded(await build(other, files, [...args, `--cache-from=type=local,src=${folder}`]));
    expect(again.stderr.match(/^#\d+ CACHED/gm)).toHaveLength(2);
  });

  test('is worth a warning when it is damaged, unreachable or something else, never a failure', async () => {
    const server = await registry();
    const [one, other] = machines as [Commands, Commands];
    const ref = `${server.host}/c`;
    succeeded(
      await build(one, { source: 'eight\n' }, [`--cache-to=type=registry,ref=${ref},mode=max,mounts=false`]),
    );
    for (const { digest } of JSON.parse(server.manifests.get('c:latest')!.bytes.toString()).layers) {
      const blob = Buffer.from(server.blobs.get(digest)!);
      blob[blob.length - 1]! ^= 1;
      server.blobs.set(digest, blob);
    }
    const damaged = await build(other, { source: 'eight\n' }, [`--cache-from=${ref}`]);
    expect(damaged.code).toBe(0);
    expect(damaged.stderr).toContain('Cannot import the result of');
    expect(ran(damaged)).toContain('COPY');
    const none = await build(other, { source: 'eight\n' }, [
      '--cache-from=127.0.0.1:1/nobody',
      '--cache-to=type=registry,ref=127.0.0.1:1/nobody',
    ]);
    expect(none.code).toBe(0);
    expect(none.stderr).toContain('Cannot import the cache from 127.0.0.1:1/nobody');
    expect(none.stderr).toContain('Cannot export the cache to 127.0.0.1:1/nobody');
    const strict = await build(other, {}, [
      '--cache-to=type=registry,ref=127.0.0.1:1/nobody,ignore-error=false',
    ]);
    expect(strict.code).toBe(1);
  });

  test('refuses what it cannot do, in one line', async () => {
    const [one] = machines as [Commands];
    const gha = await build(one, {}, ['--cache-to=type=gha', '--cache-from=type=s3,region=x']);
    expect(gha.code).toBe(0);
    expect(gha.stderr).toContain('--cache-to type=gha is not supported: use type=registry or type=local');
    expect(gha.stderr).toContain('--cache-from type=s3 is not supported');
    for (const [option, message] of [
      ['--cache-to=type=registry', '--cache-to type=registry needs ref=…'],
      ['--cache-to=type=local,dest=/x,mode=most', '--cache-to: mode=most: write min or max'],
      ['--cache-to=type=registry,ref=x,image-manifest=false', 'the cache is an OCI image manifest'],
      ['--cache-from=type=local,src=/x,colour=red', '--cache-from type=local has no attribute "colour"'],
    ]) {
      const { code, stderr } = await build(one, {}, [option!]);
      expect([code, stderr.includes(message!)], stderr).toEqual([1, true]);
    }
  });

  test('leaves out a cache mount beyond its limit, and says so', async () => {
    const folder = join(tempFolder(), 'cache');
    const [one] = machines as [Commands];
    const { code, stderr } = await build(one, {}, [
      `--cache-to=type=local,dest=${folder},mode=max,mounts-limit=1k`,
    ]);
    expect(code).toBe(0);
    expect(stderr).toContain(
      'the cache mount "/cache" is left out: it has more than 1024 bytes (mounts-limit)',
    );
    const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8'));
    writeFileSync(join(folder, 'index.json'), JSON.stringify({ ...index, layers: [] }));
    const odd = await build(one, {}, [`--cache-from=type=local,src=${folder}`]);
    expect(odd.code).toBe(0);
    expect(odd.stderr).toContain('Cannot import the cache from');
  });
});
