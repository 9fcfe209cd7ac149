import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { backgroundContainer } from '../support/background-container.ts';
import { describeCommands } from '../support/commands.ts';
import { hostMounts } from '../support/host-mounts.ts';
import { hasProgram } from '../support/programs.ts';

describeCommands('another runtime', (commands) => {
  for (const runtime of ['runc', 'crun']) {
    const problem = hasProgram(runtime) ? undefined : `there is no ${runtime}`;
    if (problem !== undefined) console.log(`skipped: --runtime ${runtime}: ${problem}`);

    describe.skipIf(problem)(runtime, () => {
      const run = (args: readonly string[], input?: string) =>
        commands().tsrun(
          ['--rm', '--network=none', `--runtime=${runtime}`, ...args],
          input === undefined ? {} : { input },
        );
      const sh = (script: string, ...options: string[]) => run([...options, 'busybox', 'sh', '-c', script]);

      // But for /dev/core, which crun adds.
      test('runs the same container: root, environment, user, rights and exit code', async () => {
        const script =
          'id; hostname; env | sort; pwd; grep -E "^(Cap|NoNewPrivs|Seccomp:)" /proc/self/status; ls /dev | grep -vx core; cat /etc/hosts; ulimit -n; exit 7';
        const options = ['-h', 'box', '-e', 'A=1', '-w', '/tmp', '-u', 'user', '--cap-drop=CHOWN'];
        const more = ['--ulimit=nofile=50:60', '--security-opt=no-new-privileges'];
        const theirs = await sh(script, ...options, ...more);
        const ours = await commands().tsrun([
          ...['--rm', '--network=none', ...options, ...more],
          ...['busybox', 'sh', '-c', script],
        ]);
        expect(theirs).toEqual(ours);
        expect(theirs.code).toBe(7);
      });

      test.each([
        [127, ['busybox', 'nosuch']],
        [126, ['busybox', '/etc/passwd']],
        [137, ['busybox', 'sh', '-c', 'kill -9 $$; sh -c "kill -9 \\$\\$"; exit 137']],
      ])('ends with %i for %j', async (code, args) => {
        expect(await run(args)).toMatchObject({ code });
      });

      test('passes on standard input, and has a terminal with -t', async () => {
        expect((await run(['-i', 'busybox', 'cat'], 'typed')).stdout).toBe('typed');
        // What comes from a terminal just before the end, crun 1.8 takes for a message of its own, and logs.
        expect((await run(['-t', 'busybox', 'sh', '-c', 'tty; stty size; sleep 1'])).stdout).toMatch(
          /^\/dev\/(pts\/0|console)\r\n24 80\r\n$/,
        );
      });

      test('is limited, entered by exec, and stopped like any other', async () => {
        const container = await backgroundContainer(commands(), [
          `--runtime=${runtime}`,
          '-m',
          '50m',
          '--pids-limit=40',
        ]);
        const inside = await commands().tsctr([
          'exec',
          container.name,
          'sh',
          '-c',
          'ps | grep -c "[s]leep 600"; hostname',
        ]);
        expect(inside.stdout).toMatch(/^1\n[0-9a-f]{12}\n$/);
        const cgroup = readFileSync(`/proc/${await container.pid()}/cgroup`, 'utf8');
        expect(cgroup).toMatch(/memory:\/tsbuild\/[0-9a-f]{64}|0::\/tsbuild\/[0-9a-f]{64}/);
        await container.stop();
      });

      test('leaves nothing', async () => {
        const mounts = hostMounts();
        await sh('true');
        expect(readdirSync(join(commands().root, 'containers'))).toEqual([]);
        expect(hostMounts()).toBe(mounts);
      });

      test('takes what tsctr spec prints, with a root beside it', async () => {
        const bundle = join(commands().folder, `bundle-${runtime}`);
        mkdirSync(join(bundle, 'rootfs/bin'), { recursive: true });
        writeFileSync(join(bundle, 'rootfs/bin/busybox'), readFileSync('/usr/bin/busybox'), { mode: 0o755 });
        const { stdout, code } = await commands().tsctr([
          'spec',
          'busybox',
          '/bin/busybox',
          'echo',
          'from the bundle',
        ]);
        expect(code).toBe(0);
        const spec = JSON.parse(stdout) as { ociVersion: string };
        writeFileSync(join(bundle, 'config.json'), JSON.stringify({ ...spec, ociVersion: '1.0.2' }));
        const state = join(bundle, 'state');
        const args = ['--root', state, 'run', '--bundle', bundle, `tsbuild-spec-${process.pid}`];
        const hidden = `umount -q /sys/fs/cgroup/unified; exec "$0" "$@"`;
        const through = ['--mount', '--propagation=private', 'sh', '-c', hidden];
        const ran = spawnSync('unshare', [...through, runtime, ...args], {
          encoding: 'utf8',
          timeout: 20_000,
        });
        expect({ stdout: ran.stdout, status: ran.status, stderr: ran.stderr }).toEqual({
          stdout: 'from the bundle\n',
          status: 0,
          stderr: '',
        });
      });
    });
  }

  test('that is not there is told', async () => {
    const { code, stderr } = await commands().tsrun([
      '--rm',
      '--network=none',
      '--runtime=nosuch',
      'busybox',
      'true',
    ]);
    expect({ code, stderr }).toEqual({
      code: 125,
      stderr: 'tsrun: unknown or invalid runtime name: nosuch\n',
    });
    const init = await commands().tsrun([
      '--rm',
      '--network=none',
      '--runtime=runc',
      '--init',
      'busybox',
      'true',
    ]);
    expect(init).toMatchObject({ code: 125 });
    expect(init.stderr).toContain('--init cannot be had with --runtime runc');
  });
});

describeCommands('tsctr spec', (commands) => {
  test('prints what run would start with the same options', async () => {
    const args = [
      'spec',
      '-m',
      '64m',
      '--read-only',
      '-u',
      'user',
      '--annotation',
      'a=b',
      'busybox',
      'sleep',
      '1',
    ];
    const { stdout } = await commands().tsctr(args);
    expect(JSON.parse(stdout)).toMatchObject({
      process: { args: ['sleep', '1'], user: { uid: 1000, gid: 1000 }, cwd: '/' },
      root: { path: 'rootfs', readonly: true },
      annotations: { a: 'b' },
      linux: { resources: { memory: { limit: 67_108_864, swap: 134_217_728 } } },
    });
  });

  test('says which image is not there', async () => {
    expect(await commands().tsctr(['spec', '--pull=never', 'nosuch'])).toMatchObject({ code: 1 });
  });
});
