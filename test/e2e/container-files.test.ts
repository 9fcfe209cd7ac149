import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { describeCommands } from '../support/commands.ts';

describeCommands('the files of containers', (commands) => {
  const ctr = (...args: readonly string[]) => commands().tsctr(args);
  const run = (...args: readonly string[]) => commands().tsrun(['--network=none', ...args]);

  beforeAll(async () => {
    const script =
      'mkdir -p /d/sub; echo one > /d/one; ln /d/one /d/twin; ln -s /d /link; rm /bin/yes; echo v > /v/in-volume';
    const options = ['--name', 'source', '-e', 'OWN=1', '-v', 'vol:/v', '-l', 'k=v', '-u', '0:0'];
    expect(await run(...options, 'busybox', 'sh', '-c', script)).toMatchObject({ code: 0 });
  });

  test('diff shows what was added, changed and deleted, and nothing that every container has', async () => {
    const { stdout } = await ctr('diff', 'source');
    const lines = ['C /bin', 'D /bin/yes', 'A /d', 'A /d/one', 'A /d/sub', 'A /d/twin', 'A /link', 'A /v'];
    expect(stdout.trim().split('\n')).toEqual(lines);
  });

  test('diff of a container that did nothing is empty', async () => {
    await run('--name', 'idle', 'busybox', 'true');
    expect(await ctr('diff', 'idle')).toMatchObject({ code: 0, stdout: '' });
  });

  test.each([[['diff']], [['export']], [['commit']]])('%j of no container says so', async (args) => {
    expect(await ctr(...args, 'nosuch')).toMatchObject({
      code: 1,
      stderr: 'tsctr: No such container: nosuch\n',
    });
  });

  describe('export', () => {
    test('writes the root as a tar, volumes left out, that import takes again', async () => {
      const output = join(commands().folder, 'exported.tar');
      expect(await ctr('export', '-o', output, 'source')).toMatchObject({ code: 0, stdout: '' });
      const listing = execFileSync('tar', ['tvf', output], { encoding: 'utf8' });
      expect(listing).toContain('d/twin link to d/one');
      expect(listing).not.toContain('in-volume');
      expect(listing).not.toMatch(/bin\/yes$/m);
      expect(await ctr('import', output, 'again')).toMatchObject({ code: 0 });
      const { stdout } = await run('--rm', 'again', '/bin/cat', '/link/twin');
      expect(stdout).toBe('one\n');
    });

    test('leaves nothing when it is killed', async () => {
      const folder = commands().context({ keep: '' });
      await run('--name', 'large', 'busybox', 'sh', '-c', 'head -c 300000000 /dev/zero > /large');
      const child = commands().start('tsctr', ['export', '-o', join(folder, 'out.tar'), 'large']);
      const closed = once(child, 'close'); // perhaps before it is killed
      while (usedBlocks(child.pid!) < 4e6 && child.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 2));
      child.kill('SIGKILL');
      await closed;
      expect(readdirSync(folder)).toEqual(['keep']);
    });

    test('says what is wrong with the output', async () => {
      const { code, stderr } = await ctr('export', '-o', '/nonexistent/x', 'source');
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('/nonexistent') });
      expect(existsSync('/nonexistent')).toBe(false);
    });
  });

  describe('commit', () => {
    test('makes an image of what was written, with the container’s config and the changes', async () => {
      const changes = ['-c', 'ENV MORE=$OWN-2', '-c', 'CMD ["cat","/link/one"]'];
      const { code, stdout } = await ctr('commit', '-a', 'me', '-m', 'why', ...changes, 'source', 'made:t');
      expect({ code, stdout }).toMatchObject({ code: 0, stdout: expect.stringMatching(/^sha256:\w{64}\n$/) });
      const [image] = JSON.parse((await ctr('inspect', 'made:t')).stdout) as [Record<string, unknown>];
      expect(image).toMatchObject({
        Id: stdout.trim(),
        Author: 'me',
        Comment: 'why',
        Config: { Env: ['PATH=/bin', 'OWN=1', 'MORE=1-2'], Labels: { k: 'v' }, User: '0:0' },
      });
      expect(await run('--rm', 'made:t')).toMatchObject({ code: 0, stdout: 'one\n' });
      expect(await run('--rm', 'made:t', 'ls', '/bin/yes', '/v')).toMatchObject({ stdout: '/v:\n' });
      const history = await ctr('history', '--no-trunc', '--format', '{{.CreatedBy}}|{{.Comment}}', 'made:t');
      expect(history.stdout.split('\n')[0]).toMatch(/^sh -c mkdir -p .*\|why$/);
    });

    test('adds no layer when nothing was written', async () => {
      expect(await ctr('commit', 'idle', 'same')).toMatchObject({ code: 0 });
      const layers = async (name: string) =>
        (await ctr('inspect', '-f', '{{json .RootFS.Layers}}', name)).stdout;
      expect(await layers('same')).toBe(await layers('busybox'));
    });

    test('stops a container meanwhile, which goes on also when the command is killed', async () => {
      const script = 'head -c 60000000 /dev/zero > /big; touch /ready; while :; do echo x >> /log; done';
      await ctr('run', '-d', '--network=none', '--name', 'busy', 'busybox', 'sh', '-c', script);
      while ((await ctr('exec', 'busy', 'test', '-e', '/ready')).code !== 0);
      const pid = (await ctr('inspect', '-f', '{{.State.Pid}}', 'busy')).stdout.trim();
      const child = commands().start('tsctr', ['commit', 'busy', 'never']);
      try {
        while (!isFrozen(pid)) {
          expect(child.exitCode).toBeNull();
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      } finally {
        child.kill('SIGKILL');
      }
      while (isFrozen(pid)) await new Promise((resolve) => setTimeout(resolve, 5));
      expect((await ctr('images', '-q', 'never')).stdout).toBe('');
      await ctr('rm', '-f', 'busy');
    });

    test('of an instruction that is no metadata is refused, and makes nothing', async () => {
      const before = (await ctr('images', '-q')).stdout;
      for (const change of ['RUN x', 'FROM y', 'nonsense'])
        expect(await ctr('commit', '-c', change, 'source')).toMatchObject({
          code: 1,
          stderr: expect.stringContaining('is not a valid change command'),
        });
      expect((await ctr('commit', 'source', 'BAD:Name')).code).toBe(1);
      expect((await ctr('images', '-q')).stdout).toBe(before);
    });

    test('leaves a clean store when it is killed', async () => {
      const child = commands().start('tsctr', ['commit', 'large', 'large']);
      const closed = once(child, 'close'); // perhaps before it is killed
      await new Promise((resolve) => setTimeout(resolve, 250));
      child.kill('SIGKILL');
      await closed;
      expect((await ctr('check')).stdout).toBe('The store is clean\n');
      expect(readdirSync(join(commands().root, 'active'))).toEqual([]);
    });
  });

  /** cgroups(7): the state of its group, of either version. */
  function isFrozen(pid: string): boolean {
    const groups = readFileSync(`/proc/${pid}/cgroup`, 'utf8');
    const [, own] = /^\d+:freezer:(.*)$/m.exec(groups) ?? [];
    if (own !== undefined)
      return readFileSync(`/sys/fs/cgroup/freezer${own}/freezer.state`, 'utf8') !== 'THAWED\n';
    const [, path = ''] = /^0::(.*)$/m.exec(groups) ?? [];
    return readFileSync(`/sys/fs/cgroup${path}/cgroup.events`, 'utf8').includes('frozen 1');
  }

  /** Bytes that a process has written. proc_pid_io(5). */
  function usedBlocks(pid: number): number {
    try {
      return Number(
        /wchar: (\d+)/.exec(execFileSync('cat', [`/proc/${pid}/io`], { encoding: 'utf8' }))?.[1] ?? 0,
      );
    } catch {
      return statSync('/').blocks;
    }
  }
});
