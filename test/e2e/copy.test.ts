import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { copyFromContainer, copyToContainer } from '../../src/index.ts';
import { describeCommands } from '../support/commands.ts';
import { tarOf } from '../support/tar-files.ts';

/** As many as docs/security.md asks for with RACE_ROUNDS=10000. */
const rounds = Number(process.env.RACE_ROUNDS ?? 300);

describeCommands('tsctr cp', (commands) => {
  const ctr = (...args: readonly string[]) => commands().tsctr(args);
  let folder: string;
  let shared: string;

  beforeAll(async () => {
    shared = commands().context({ 'in-bind': 'bind' });
    const script = [
      'mkdir -p /d/sub; echo one > /d/one; ln /d/one /d/twin; echo two > /d/sub/two; chown -R 5:6 /d/sub',
      'ln -s d /dlink; ln -s /d/one /flink; ln -s /nowhere /broken; echo v > /v/in-volume',
      'echo "u:x:1000:1001::/:" > /etc/passwd; touch /ready; exec sleep 1000',
    ].join('\n');
    const common = ['--network=none', '-u', '0', '-v', 'vol:/v', '-v', `${shared}:/b`, 'busybox', 'sh', '-c'];
    for (const name of ['running', 'stopped'])
      expect(await ctr('run', '-d', '--name', name, ...common, script)).toMatchObject({ code: 0 });
    for (const name of ['running', 'stopped'])
      while ((await ctr('exec', name, 'test', '-e', '/ready')).code !== 0);
    await ctr('stop', '-t', '0', 'stopped');
  }, 60_000);
  afterAll(() => ctr('rm', '-f', 'running', 'stopped'));
  beforeEach(() => {
    folder = commands().context({ file: 'text', 'src/x': 'x', 'src/d/y': 'y' });
    symlinkSync('file', join(folder, 'link'));
  });

  describe.each(['running', 'stopped'])('with a %s container', (name) => {
    const from = (path: string, to: string, ...options: readonly string[]) =>
      ctr('cp', ...options, `${name}:${path}`, to === '-' ? to : join(folder, to));
    const to = (source: string, path: string, ...options: readonly string[]) =>
      ctr('cp', ...options, `${folder}/${source}`, `${name}:${path}`);

    test('copies a file, a directory, and what is in one, out of it', async () => {
      expect(await from('/d/one', 'out')).toEqual({ code: 0, signal: null, stdout: '', stderr: '' });
      expect(readFileSync(join(folder, 'out'), 'utf8')).toBe('one\n');
      expect((await from('d', 'made')).code).toBe(0);
      expect(readFileSync(join(folder, 'made/sub/two'), 'utf8')).toBe('two\n');
      expect(statSync(join(folder, 'made/sub/two'))).toMatchObject({ uid: 0, gid: 0 });
      expect(statSync(join(folder, 'made/one')).nlink).toBe(2);
      mkdirSync(join(folder, 'there'));
      await from('/d', 'there');
      await from('/d/.', 'there');
      expect(readdirSync(join(folder, 'there')).sort()).toEqual(['d', 'one', 'sub', 'twin']);
    });

    test('copies symlinks as such, or what they mean', async () => {
      await from('/dlink', 'a');
      expect(readlinkSync(join(folder, 'a'))).toBe('d');
      await from('/dlink/', 'b');
      await from('/dlink', 'c', '-L');
      for (const directory of ['b', 'c']) expect(readdirSync(join(folder, directory))).toContain('one');
      await from('/flink', 'e', '-L');
      expect(lstatSync(join(folder, 'e')).isFile()).toBe(true);
      expect((await from('/broken', 'f', '-L')).stderr).toContain(
        'Could not find the file /nowhere in container',
      );
    });

    test('copies out of volumes and binds', async () => {
      await from('/v/in-volume', 'v');
      await from('/b', 'b');
      expect(readFileSync(join(folder, 'v'), 'utf8')).toBe('v\n');
      expect(readFileSync(join(folder, 'b/in-bind'), 'utf8')).toBe('bind');
    });

    test('copies into it, volumes and binds too, and the container sees it', async () => {
      expect(await to('file', '/')).toMatchObject({ code: 0, stdout: '', stderr: '' });
      expect((await to('src', '/copied')).code).toBe(0);
      expect((await to('src/.', '/v')).code).toBe(0);
      expect((await to('file', `/b/${name}`)).code).toBe(0);
      expect((await to('file', '/broken')).code).toBe(0);
      expect((await to('link', '/linked')).code).toBe(0);
      expect((await to('link', '/followed', '-L')).code).toBe(0);
      expect(readFileSync(join(shared, name), 'utf8')).toBe('text');
      if (name === 'stopped') await ctr('start', name);
      const script = 'cat /file /copied/d/y /v/x /nowhere /followed; readlink /linked';
      const { stdout } = await ctr('exec', name, 'sh', '-c', script);
      if (name === 'stopped') await ctr('stop', '-t', '0', name);
      expect(stdout).toBe('textyxtexttextfile\n');
    });

    test('keeps owners, or gives what it writes to the container’s user', async () => {
      execFileSync('chown', ['-R', '1234:1234', join(folder, 'src')]);
      await to('src', '/kept');
      await to('src', '/given', '-a');
      const list = execFileSync('tar', ['tvf', '-', '--numeric-owner'], {
        input: await archive(name, '/kept'),
        encoding: 'utf8',
      });
      expect(list).toMatch(/1234\/1234 .* kept\/x/);
      const given = execFileSync('tar', ['tvf', '-', '--numeric-owner'], {
        input: await archive(name, '/given'),
        encoding: 'utf8',
      });
      expect(given).toMatch(/ 0\/0 .* given\/x/);
    });

    test('takes and gives tars, compressed ones too', async () => {
      const tar = tarOf({ 'top/file': 'from a tar', 'top/run': 'x' });
      for (const [input, path] of [
        [tar, '/d'],
        [gzipSync(tar), '/v'],
      ] as const)
        expect(await commands().tsctr(['cp', '-', `${name}:${path}`], { input })).toMatchObject({ code: 0 });
      const listing = execFileSync('tar', ['tf', '-'], {
        input: await archive(name, '/v/top'),
        encoding: 'utf8',
      });
      expect(listing).toBe('top/\ntop/file\ntop/run\n');
      const root = execFileSync('tar', ['tf', '-'], { input: await archive(name, '/'), encoding: 'utf8' });
      expect(root).toContain('./d/top/file\n');
      expect(root).not.toMatch(/^\.\/proc\/./m);
    });

    test.each([
      [['%:/nope', '@/'], 'Could not find the file /nope in container %'],
      [['%:/d/one/', '@/o'], 'lstat /d/one/: not a directory'],
      [['%:/d/one', '@/no/'], 'no such directory'],
      [['%:/d/one', '@/no/x'], 'invalid output path: directory "@/no" does not exist'],
      [['%:/d', '@/file'], 'cannot copy directory'],
      [['@/nope', '%:/'], 'lstat @/nope: no such file or directory'],
      [['@/file', '%:/no/'], 'no such directory'],
      [['@/file', '%:/no/x'], 'Could not find the file /no in container %'],
      [['@/src', '%:/d/one'], 'cannot copy directory'],
      [['@/file', '%:/d/one/x'], 'extraction point is not a directory'],
    ])('%j is refused in Docker’s words', async (args, message) => {
      const full = (text: string) => text.replaceAll('%', name).replaceAll('@', folder);
      const { code, stdout, stderr } = await ctr('cp', ...args.map(full));
      expect({ code, stdout, stderr }).toEqual({ code: 1, stdout: '', stderr: `tsctr: ${full(message)}\n` });
    });

    test('a file does not replace a directory, nor the other way round', async () => {
      mkdirSync(join(folder, 'one'));
      writeFileSync(join(folder, 'd'), '');
      expect((await to('one', '/d')).stderr).toContain(
        'cannot overwrite non-directory "/d/one" with directory',
      );
      expect((await to('d', '/')).stderr).toContain('cannot overwrite directory "/d" with non-directory');
    });

    test('leaves nothing half-made when it is killed', async () => {
      execFileSync('truncate', ['-s', '300M', join(folder, 'big')]);
      execFileSync('sh', ['-c', `head -c 200000000 /dev/urandom > ${join(folder, 'big')}`]);
      const target = join(shared, 'target');
      mkdirSync(target, { recursive: true });
      const child = commands().start('tsctr', ['cp', join(folder, 'big'), `${name}:/b/target`]);
      const closed = once(child, 'close'); // perhaps before it is killed
      await new Promise((resolve) => setTimeout(resolve, 220));
      child.kill('SIGKILL');
      await closed;
      const left = readdirSync(target);
      expect(
        left.every((entry) => entry === 'big' && statSync(join(target, entry)).size === 200_000_000),
      ).toBe(true);
      rmSync(target, { recursive: true });
    });

    test('whoever swaps directories for symlinks meanwhile gets nothing out, and nothing in (R17)', {
      timeout: 600_000,
    }, async () => {
      const canary = commands().context({ secret: 'outside', 'deep/secret': 'outside' });
      const race = join(shared, `race-${name}`);
      mkdirSync(join(race, 'x/deep'), { recursive: true });
      for (const path of ['x/secret', 'x/deep/secret']) writeFileSync(join(race, path), 'inside');
      symlinkSync(canary, join(race, 'y'));
      const flippers = [flip(race)];
      if (name === 'running') flippers.push(flip(await ownRace(canary)));
      const paths = [`/b/race-${name}`, ...(name === 'running' ? ['/race'] : [])];
      const request = { storeRoot: commands().root };
      const found = new Set<string>();
      let failed = 0;
      try {
        for (let round = 0; round < rounds; round++) {
          const path = paths[round % paths.length]!;
          const out = join(folder, 'out');
          rmSync(out, { recursive: true, force: true });
          const attempt = (copy: Promise<unknown>) => copy.catch(() => failed++);
          await attempt(
            copyFromContainer(name, round % 3 ? `${path}/x/.` : `${path}/x/secret`, out, request),
          );
          for (const file of ['out', 'out/secret', 'out/deep/secret'])
            if (existsSync(join(folder, file)) && statSync(join(folder, file)).isFile())
              found.add(readFileSync(join(folder, file), 'utf8'));
          await attempt(copyToContainer(join(folder, 'file'), name, `${path}/x/secret`, request));
          await attempt(copyToContainer(join(folder, 'src'), name, `${path}/x/deep/`, request));
        }
      } finally {
        for (const child of flippers) child.kill('SIGKILL');
        await Promise.all(flippers.map((child) => once(child, 'exit')));
      }
      expect([...found].filter((text) => !['inside', 'text'].includes(text))).toEqual([]);
      expect(readFileSync(join(canary, 'secret'), 'utf8')).toBe('outside');
      expect(readdirSync(canary, { recursive: true }).sort()).toEqual(['deep', 'deep/secret', 'secret']);
      expect(found.size).toBeGreaterThan(0);
      expect(failed).toBeGreaterThan(0);
    });
  });

  test('runs nothing of the container, and loads nothing (R16, R18)', async () => {
    const names = ['xz', 'gzip', 'unpigz', 'zstd', 'tar', 'sh'];
    const trojan = '#!/bin/busybox sh\necho ran > /marker\n';
    const files = Object.fromEntries(names.map((program) => [`bin/${program}`, trojan]));
    const copies = names.map((program) => `COPY --chmod=755 bin/${program} /usr/bin/${program}`).join('\n');
    const dockerfile = `FROM busybox\nENV PATH=/usr/bin:/bin\n${copies}\nCOPY --chmod=755 bin/sh /lib/libnss_files.so.2\nCOPY --chmod=755 bin/sh /etc/ld.so.preload\n`;
    expect((await commands().build(dockerfile, files, ['-t', 'trojan'])).code).toBe(0);
    const options = ['--network=none', '--name', 'trojan', 'trojan', 'busybox', 'sleep', '1000'];
    await ctr('run', '-d', ...options);
    const input = gzipSync(tarOf({ file: 'x' }));
    expect((await commands().tsctr(['cp', '-a', '-', 'trojan:/'], { input })).code).toBe(0);
    expect((await ctr('cp', 'trojan:/etc', join(folder, 'etc'))).code).toBe(0);
    expect((await ctr('exec', 'trojan', 'busybox', 'ls', '/file', '/marker')).stdout).toBe('/file\n');
    await ctr('rm', '-f', 'trojan');
  });

  test('writes to a volume of a read-only container, and to nothing else of it', async () => {
    const mounts = ['-v', 'vol:/v', '-v', `${shared}:/b:ro`];
    await ctr('create', '--name', 'ro', '--read-only', ...mounts, 'busybox');
    const file = join(folder, 'file');
    expect((await ctr('cp', file, 'ro:/')).stderr).toBe('tsctr: container rootfs is marked read-only\n');
    expect((await ctr('cp', file, 'ro:/b')).stderr).toBe('tsctr: mounted volume is marked read-only\n');
    expect((await ctr('cp', file, 'ro:/v')).code).toBe(0);
    expect((await ctr('cp', 'ro:/bin/busybox', join(folder, 'bb'))).code).toBe(0);
    expect(existsSync(join(folder, 'bb'))).toBe(true);
  });

  test.each([
    [['a:/x', 'b:/y'], 'copying between containers is not supported'],
    [['./a', 'b'], 'must specify at least one container source'],
    [['nosuch:/x', '.'], 'No such container: nosuch'],
    [['.', 'nosuch:/x'], 'No such container: nosuch'],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await ctr('cp', ...args);
    expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
  });

  async function archive(name: string, path: string): Promise<Buffer> {
    const child = commands().start('tsctr', ['cp', `${name}:${path}`, '-']);
    const parts: Buffer[] = [];
    child.stdout!.on('data', (part: Buffer) => parts.push(part));
    const [code] = (await once(child, 'close')) as [number];
    expect(code).toBe(0);
    return Buffer.concat(parts);
  }

  /** A directory to race in that only the container has. */
  async function ownRace(canary: string): Promise<string> {
    const make = `mkdir -p /race/x/deep; echo -n inside > /race/x/secret; cp /race/x/secret /race/x/deep; ln -s ${canary} /race/y`;
    await ctr('exec', 'running', 'sh', '-c', make);
    const pid = (await ctr('inspect', '-f', '{{.State.Pid}}', 'running')).stdout.trim();
    return `/proc/${pid}/root/race`;
  }

  /**
   * Swaps x and y in a directory, without an end. With a pause between that and the next: one that never sleeps is not
   * woken when the other runs, and more seldom swaps in the midst of something.
   */
  function flip(directory: string) {
    const script = `import ctypes, time
libc = ctypes.CDLL(None)
libc.prctl(1, 9) # PR_SET_PDEATHSIG: not to outlive the test
while True:
  libc.renameat2(3, b'x', 3, b'y', 2)
  time.sleep(0.00001)`;
    const fd = openSync(directory, 'r');
    return spawn('python3', ['-c', script], { stdio: ['ignore', 'ignore', 'inherit', fd] });
  }
});
