import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diskUsage } from '../../layers/index.ts';
import { describeCommands } from '../support/commands.ts';

describeCommands('volumes', (commands) => {
  const ctr = (...args: readonly string[]) => commands().tsctr(args);
  const run = (...args: readonly string[]) => commands().tsrun(['--network=none', ...args]);
  const names = async (...args: readonly string[]) =>
    (await ctr('volume', 'ls', '-q', ...args)).stdout.split('\n').filter(Boolean);

  test('a new one gets the image’s content, owner and mode; another time it stays as it is', async () => {
    const dockerfile =
      'FROM busybox\nRUN mkdir -p /v/d && echo one > /v/d/f && chown 5:6 /v /v/d/f && chmod 1770 /v && ln -s d/f /v/link\nVOLUME /v';
    expect((await commands().build(dockerfile, {}, ['-t', 'filled'])).code).toBe(0);
    const show = 'stat -c "%u:%g %a" /v /v/d/f; readlink /v/link; cat /v/d/f; echo changed > /v/d/f';
    const first = await run('--rm', '-v', 'named:/v', 'filled', 'sh', '-c', show);
    expect(first.stdout).toBe('5:6 1770\n5:6 644\nd/f\none\n');
    expect((await run('--rm', '-v', 'named:/v', 'filled', 'cat', '/v/d/f')).stdout).toBe('changed\n');
    expect((await run('--rm', '-v', 'empty:/v:nocopy', 'filled', 'ls', '/v')).stdout).toBe('');
  });

  test('what the image has behind a symlink is the image’s, and never the host’s (R19)', async () => {
    const canary = commands().context({ secret: 'outside' });
    for (const [name, target] of [
      ['absolute', canary],
      ['upwards', `../../../../../../..${canary}`],
    ]) {
      const dockerfile = `FROM busybox\nRUN ln -s ${target} /v\nVOLUME /v`;
      expect((await commands().build(dockerfile, {}, ['-t', `link-${name}`])).code).toBe(0);
      const { stdout } = await run(
        '--rm',
        '-v',
        `${name}:/v`,
        `link-${name}`,
        'sh',
        '-c',
        'find / -name secret -xdev',
      );
      expect(stdout).toBe('');
      expect(readdirSync(join(commands().root, 'volumes', name!, '_data'))).toEqual([]);
    }
    expect(readdirSync(canary)).toEqual(['secret']);
  });

  test('anonymous ones go with --rm and rm -v, and stay as long as another container has them', async () => {
    const before = await names();
    await run('--rm', '-v', '/anonymous', 'busybox', 'true');
    expect(await names()).toEqual(before);
    await run('--name', 'one', '-v', '/a', '-v', 'kept:/k', 'busybox', 'sh', '-c', 'echo x > /a/f');
    const inherit = ['--name', 'two', '--volumes-from', 'one:ro'];
    const two = await run(...inherit, 'busybox', 'sh', '-c', 'cat /a/f; touch /a/g');
    expect(two).toMatchObject({ code: 1, stdout: 'x\n', stderr: expect.stringContaining('Read-only') });
    await ctr('rm', '-v', 'one');
    expect(await names()).toHaveLength(before.length + 2);
    await ctr('rm', '-v', 'two');
    expect(await names()).toEqual([...before, 'kept'].sort());
  });

  test('one in use is not removed, nor pruned, and the message says by whom', async () => {
    await run('--name', 'user', '-v', 'used:/v', 'busybox', 'true');
    const id = (await ctr('ps', '-aq', '--no-trunc', '-f', 'name=user')).stdout.trim();
    expect(await ctr('volume', 'rm', 'used')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `Error: remove used: volume is in use - [${id}]\n`,
    });
    await ctr('volume', 'prune', '-f', '-a');
    expect(await names()).toEqual(['used']);
    expect(await names('-f', 'dangling=true')).toEqual([]);
    await ctr('rm', 'user');
    expect(await ctr('volume', 'rm', 'used', 'nosuch')).toMatchObject({
      code: 1,
      stdout: 'used\n',
      stderr: 'Error: get nosuch: no such volume\n',
    });
    expect((await ctr('volume', 'rm', '-f', 'nosuch')).code).toBe(0);
  });

  test('prune takes those without a name only, and with --all those that the filter lets through', async () => {
    await ctr('volume', 'create', '--label', 'keep', 'named1');
    await ctr('volume', 'create', 'named2');
    const { stdout } = await ctr('volume', 'create');
    const pruned = await ctr('volume', 'prune', '-f');
    expect(pruned.stdout).toMatch(
      new RegExp(`^Deleted Volumes:\n${stdout.trim()}\n\nTotal reclaimed space: .*B\n$`),
    );
    expect(await names()).toEqual(['named1', 'named2']);
    await ctr('volume', 'prune', '-f', '--all', '--filter', 'label!=keep');
    expect(await names()).toEqual(['named1']);
  });

  describe('options', () => {
    test('bind a directory of the host, or make a tmpfs', async () => {
      const directory = commands().context({ file: 'on the host' });
      const bind = ['-o', 'type=none', '-o', 'o=bind', '-o', `device=${directory}`];
      await ctr('volume', 'create', ...bind, 'bound');
      await ctr('volume', 'create', '-o', 'type=tmpfs', '-o', 'device=tmpfs', '-o', 'o=size=1m', 'memory');
      const script = 'cat /b/file; echo new > /b/new; grep " /m " /proc/mounts';
      const { stdout } = await run(
        '--rm',
        '-v',
        'bound:/b',
        '-v',
        'memory:/m',
        'busybox',
        'sh',
        '-c',
        script,
      );
      expect(stdout).toMatch(/^on the hosttmpfs \/m tmpfs rw,.*size=1024k/);
      await ctr('volume', 'rm', 'bound', 'memory');
      expect(readFileSync(join(directory, 'new'), 'utf8')).toBe('new\n');
    });

    test.each([
      [['-o', 'foo=bar'], 'invalid option: "foo"'],
      [['-o', 'type=nfs', '-o', 'device=:/x'], 'nothing is mounted on the host'],
      [['-o', 'type=none', '-o', 'o=bind'], 'missing device in volume options'],
      [['-d', 'nosuch'], 'there is no volume driver "nosuch"'],
    ])('%j are refused', async (options, message) => {
      const { code, stderr } = await ctr('volume', 'create', ...options, 'refused');
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining(message) });
      expect(await names()).not.toContain('refused');
    });
  });

  test('a part of one is looked up inside it', async () => {
    const canary = commands().context({ secret: 'outside' });
    await run(
      '--rm',
      '-v',
      'parts:/v',
      'busybox',
      'sh',
      '-c',
      'mkdir -p /v/a/b; echo in > /v/a/b/f; ln -s a/b /v/link',
    );
    symlinkSync(canary, join(commands().root, 'volumes/parts/_data/evil'));
    const part = (subpath: string) => `type=volume,source=parts,target=/m,volume-subpath=${subpath}`;
    for (const subpath of ['a/b', 'link'])
      expect((await run('--rm', '--mount', part(subpath), 'busybox', 'cat', '/m/f')).stdout).toBe('in\n');
    for (const subpath of ['missing', 'evil'])
      expect(await run('--rm', '--mount', part(subpath), 'busybox', 'ls', '/m')).toMatchObject({
        stdout: '',
        stderr: expect.stringContaining('no such file or directory'),
      });
    await ctr('create', '--name', 'part', '--mount', part('a/b'), 'busybox');
    const out = join(commands().folder, 'part-out');
    expect((await ctr('cp', 'part:/m/f', out)).code).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe('in\n');
    await ctr('rm', 'part');
  });

  test('df, du and prune know volumes, containers and cache mounts, by what they take', async () => {
    const dockerfile =
      'FROM busybox\nRUN --mount=type=cache,id=deps,target=/c head -c 3000000 /dev/urandom > /c/x && head -c 100000 /dev/zero > /built';
    expect((await commands().build(dockerfile)).code).toBe(0);
    await run(
      '--name',
      'sized',
      '-v',
      'sized:/v',
      'busybox',
      'sh',
      '-c',
      'head -c 5000000 /dev/urandom | tee /v/x > /x',
    );
    const rows = (await ctr('system', 'df', '--format', '{{.Type}} {{.TotalCount}} {{.Size}}')).stdout;
    expect(rows).toMatch(/^Containers 1 5\.\d+MB$/m);
    const volume = diskUsage(join(commands().root, 'volumes/sized/_data'));
    expect(volume / du(join(commands().root, 'volumes/sized/_data'))).toBeCloseTo(1, 2);
    const verbose = (await ctr('system', 'df', '-v')).stdout;
    expect(verbose).toMatch(/^sized +1 +5\.01MB$/m);
    expect(verbose).toMatch(/exec\.cachemount +3\.\d+MB /);
    const kinds = await ctr(
      'builder',
      'du',
      '--format',
      '{{.Type}} {{.Description}}',
      '--filter',
      'type=exec.cachemount',
    );
    expect(kinds.stdout).toBe('exec.cachemount cached mount deps\n');
    expect((await ctr('buildx', 'du')).stdout).toMatch(/^Reclaimable:\t3\.\d+MB\nTotal:\t\t3\.\d+MB$/m);
    const pruned = await ctr('builder', 'prune', '-f', '--filter', 'type=exec.cachemount');
    expect(pruned.stdout).toMatch(/cachemount\/.*\n\nTotal reclaimed space: 3\.\d+MB\n$/s);
    expect(readdirSync(join(commands().root, 'cache-mounts'))).toEqual([]);
    expect(
      (await ctr('builder', 'du', '--filter', 'type=exec.cachemount', '--format', '{{.ID}}')).stdout,
    ).toBe('');
    expect((await commands().build(dockerfile)).code).toBe(0); // The step itself is still cached.
    expect((await ctr('builder', 'prune', '-f', '--keep-storage', '100m')).stdout).toBe(
      'Total reclaimed space: 0B\n',
    );
    expect((await ctr('builder', 'prune', '-f', '--max-used-space', '1')).stdout).toContain('cache/');
    expect((await ctr('check')).stdout).toBe('The store is clean\n');
  });

  test('a process killed while it fills one leaves it to the next', async () => {
    const big = 'FROM busybox\nRUN mkdir /v && for i in $(seq 500); do echo $i > /v/$i; done\nVOLUME /v';
    expect((await commands().build(big, {}, ['-t', 'big'])).code).toBe(0);
    const child = commands().start('tsrun', ['--rm', '--network=none', '-v', 'slow:/v', 'big', 'true']);
    const closed = once(child, 'close'); // perhaps before it is killed
    const directory = join(commands().root, 'volumes/slow/_data');
    while (statSync(directory, { throwIfNoEntry: false }) === undefined && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 1));
    child.kill('SIGKILL');
    await closed;
    const { stdout } = await run('--rm', '-v', 'slow:/v', 'big', 'sh', '-c', 'ls /v | wc -l');
    expect(stdout.trim()).toBe('500');
  });

  const du = (path: string) =>
    Number(execFileSync('du', ['-s', '-B1', path], { encoding: 'utf8' }).split('\t')[0]);
});
