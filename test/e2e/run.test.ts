import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { processIdentity } from '../../src/runtime/process-identity.ts';
import { cgroupHost } from '../../src/sandbox/cgroup-host.ts';
import { type CommandOptions, type Commands, describeCommands, outcome } from '../support/commands.ts';
import { hostMounts } from '../support/host-mounts.ts';

const TSRUN = resolve(import.meta.dirname, '../../dist/tsrun.cjs');

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

describeCommands('tsrun', (commands) => {
  const run = (args: readonly string[], options?: CommandOptions) =>
    commands().tsrun(['--rm', '--network=none', ...args], options);
  const sh = (script: string, ...options: string[]) => run([...options, 'busybox', 'sh', '-c', script]);
  const directory = (name: string) => {
    const path = join(commands().root, name);
    return existsSync(path) ? readdirSync(path) : [];
  };

  beforeAll(async () => {
    const { code, stderr } = await commands().build(
      [
        'FROM busybox',
        'RUN mkdir -p /data/sub && echo content > /data/sub/file && chown -R 1234:4321 /data && chmod 751 /data',
        'RUN echo app:x:1234:4321::/home/app:/bin/sh >> /etc/passwd',
        'ENV KIND=image EMPTY=',
        'VOLUME /data',
        'USER app',
        'WORKDIR /work',
        'ENTRYPOINT ["echo", "entry"]',
        'CMD ["point"]',
      ].join('\n'),
      {},
      ['-t', 'app'],
    );
    expect(stderr, stderr).toBe('');
    expect(code).toBe(0);
  });

  describe('exit codes', () => {
    test.each([
      [0, ['busybox', 'true']],
      [3, ['busybox', 'sh', '-c', 'exit 3']],
      [137, ['busybox', 'sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?']],
      [127, ['busybox', 'nosuch']],
      [126, ['busybox', '/etc/passwd']],
      [126, ['busybox', '/etc']],
      [125, ['--pull=never', 'nosuch', 'true']],
      [125, ['--nosuch', 'busybox', 'true']],
      [125, ['-w', '/etc/passwd', 'busybox', 'true']],
      [125, ['-w', 'relative', 'busybox', 'true']],
      [125, ['--name', 'bad name', 'busybox', 'true']],
      [125, ['-u', 'nobody-known', 'busybox', 'true']],
      [125, ['--network', 'nosuch', 'busybox', 'true']],
      [125, ['--memory', '1m', 'busybox', 'true']],
      [125, []],
    ])('are Docker’s: %i for %j', async (expected, args) => {
      const { code, stderr } = await run(args);
      expect(code).toBe(expected);
      if (expected >= 125 && expected <= 127)
        expect(stderr).toMatch(/^tsrun: .+\n(See 'tsrun --help'\.\n)?$/);
    });
  });

  describe('the image’s config', () => {
    test('gives command, user, directory and environment', async () => {
      expect((await run(['app'])).stdout).toBe('entry point\n');
      expect((await run(['app', 'a', 'b'])).stdout).toBe('entry a b\n');
      const { stdout } = await run([
        '--entrypoint',
        'sh',
        'app',
        '-c',
        'id -u; id -g; pwd; echo $KIND $HOME',
      ]);
      expect(stdout).toBe('1234\n4321\n/work\nimage /home/app\n');
    });

    test('is replaced: an entrypoint takes the command away with it', async () => {
      expect((await run(['--entrypoint', '', 'app', 'id', '-u'])).stdout).toBe('1234\n');
      const { code, stderr } = await run(['--entrypoint', '', 'app']);
      expect(code).toBe(125);
      expect(stderr).toContain('No command specified');
    });
  });

  test('-e sets a variable, takes the caller’s by its name, and takes one away that the caller has not', async () => {
    const args = ['-e', 'A=b=c', '-e', 'MINE', '-e', 'KIND', '--entrypoint', 'env', 'app'];
    const { stdout } = await run(args, { env: { MINE: 'yours', OTHER: 'secret' } });
    const lines = stdout.trim().split('\n');
    expect(lines).toContain('A=b=c');
    expect(lines).toContain('MINE=yours');
    expect(lines).toContain('EMPTY=');
    expect(stdout).not.toMatch(/KIND|OTHER|TSBUILD_ROOT/);
  });

  test('--env-file is read by tsrun, and not by Node', () => {
    const file = join(commands().folder, 'variables');
    writeFileSync(file, '# comment\nA=1\n  B=two words \nNODE_OPTIONS=--nosuch\nUNSET\n');
    const env = { PATH: process.env.PATH, TSBUILD_ROOT: commands().root, HOME: commands().folder };
    const start = (path: string) =>
      spawnSync(TSRUN, ['--rm', '--network=none', '--env-file', path, 'busybox', 'env'], {
        env,
        encoding: 'utf8',
      });
    const { status, stdout } = start(file);
    expect(status).toBe(0);
    expect(stdout).toContain('A=1\nB=two words \nNODE_OPTIONS=--nosuch\n');
    expect(stdout).not.toContain('UNSET');
    expect(start('/nosuch')).toMatchObject({
      status: 125,
      stderr: expect.stringContaining('open /nosuch: no such file'),
    });
  });

  describe('streams', () => {
    test('pass everything through, in and out', async () => {
      const input = randomBytes(20_000_000);
      const tsrun = commands().start('tsrun', ['--rm', '--network=none', '-i', 'busybox', 'cat'], { input });
      tsrun.stdin!.end(input);
      const chunks: Buffer[] = [];
      for await (const chunk of tsrun.stdout!) {
        chunks.push(chunk as Buffer);
        if (chunks.length < 50) await delay(2); // a reader that is slower than the writer
      }
      expect(sha256(Buffer.concat(chunks))).toBe(sha256(input));
    });

    test('keep output and errors apart, and give no input without -i', async () => {
      const { stdout, stderr } = await run(['busybox', 'sh', '-c', 'cat; echo out; echo err >&2'], {
        input: 'x',
      });
      expect({ stdout, stderr }).toEqual({ stdout: 'out\n', stderr: 'err\n' });
    });

    test('let a file be read and written, but not be opened anew by the container', async () => {
      const path = join(commands().folder, 'file');
      writeFileSync(path, 'original\n');
      const input = openSync(path, 'r');
      const output = openSync(`${path}.out`, 'w');
      const script = 'cat; echo overwritten > /proc/self/fd/0; stat -L -c %F /proc/self/fd/1';
      const env = { PATH: process.env.PATH, TSBUILD_ROOT: commands().root, HOME: commands().folder };
      spawnSync(TSRUN, ['--rm', '--network=none', '-i', 'busybox', 'sh', '-c', script], {
        env,
        stdio: [input, output, 'ignore'],
      });
      closeSync(input);
      closeSync(output);
      expect(readFileSync(path, 'utf8')).toBe('original\n');
      expect(readFileSync(`${path}.out`, 'utf8')).toBe('original\nfifo\n');
    });

    test('end the container when nobody reads any more', async () => {
      const tsrun = commands().start('tsrun', ['--rm', '--network=none', 'busybox', 'cat', '/dev/zero']);
      tsrun.stdout!.once('data', () => tsrun.stdout!.destroy());
      const [code] = await once(tsrun, 'exit');
      expect(code).not.toBe(0);
      expect(directory('containers')).toEqual([]);
    });

    test('are only those that -a names', async () => {
      const { stdout, stderr } = await sh('echo out; echo err >&2', '-a', 'stderr');
      expect({ stdout, stderr }).toEqual({ stdout: '', stderr: 'err\n' });
    });
  });

  describe('signals', () => {
    test('are passed on to the command', async () => {
      const script = 'trap "exit 42" TERM; trap "echo usr1" USR1; echo ready; while true; do sleep 0.1; done';
      const tsrun = commands().start('tsrun', ['--rm', '--network=none', 'busybox', 'sh', '-c', script]);
      const result = outcome(tsrun);
      await new Promise((ready) => tsrun.stdout!.once('data', ready));
      tsrun.kill('SIGUSR1');
      await delay(300);
      tsrun.kill('SIGTERM');
      expect(await result).toMatchObject({ code: 42, stdout: 'ready\nusr1\n' });
    });

    test('kill a command that does not heed them at the third time', async () => {
      const tsrun = commands().start('tsrun', [
        '--rm',
        '--network=none',
        'busybox',
        'sh',
        '-c',
        "trap '' INT; echo ready; sleep 60",
      ]);
      const result = outcome(tsrun);
      await new Promise((ready) => tsrun.stdout!.once('data', ready));
      // Three of a kind may come as two where the process gets no time in between.
      for (const name of ['SIGINT', 'SIGTERM', 'SIGQUIT'] as const) {
        tsrun.kill(name);
        await delay(200);
      }
      const { code, stderr } = await result;
      expect(code).toBe(137);
      expect(stderr).toContain('killing the container');
    });
  });

  describe('names', () => {
    test('are the short id unless told, inside as outside', async () => {
      const { stdout } = await sh('hostname; cat /etc/hostname; echo $HOSTNAME');
      const [name] = stdout.split('\n');
      expect(name).toMatch(/^[0-9a-f]{12}$/);
      expect(stdout).toBe(`${name}\n`.repeat(3));
      expect(hostname()).not.toBe(name);
    });

    test('are the host’s with the host’s network', async () => {
      const { stdout } = await commands().tsrun([
        '--rm',
        '--network=host',
        'busybox',
        'sh',
        '-c',
        'hostname; cat /etc/hostname',
      ]);
      expect(stdout).toBe(`${hostname()}\n`.repeat(2));
    });

    test('with a domain stand in /etc/hosts in full and in short', async () => {
      const args = [
        '--rm',
        '--hostname',
        'one.example',
        '--add-host',
        'two:192.0.2.1',
        'busybox',
        'cat',
        '/etc/hosts',
      ];
      const { stdout } = await commands().tsrun(args);
      expect(stdout).toMatch(/^[\d.]+\tone\.example one$/m);
      expect(stdout).toContain('192.0.2.1\ttwo\n');
    });

    test('of containers are unique', async () => {
      expect((await commands().tsrun(['--network=none', '--name', 'first', 'busybox', 'true'])).code).toBe(0);
      const { code, stderr } = await run(['--name', 'first', 'busybox', 'true']);
      expect(code).toBe(125);
      expect(stderr).toContain('The container name "/first" is already in use');
      expect((await commands().tsctr(['rm', 'first'])).stdout).toBe('first\n');
      expect(directory('containers')).toEqual([]);
    });
  });

  describe('volumes', () => {
    test('begin as what the image has there, with owners and modes', async () => {
      const list = 'stat -c %a:%u:%g /data /data/sub; cat /data/sub/file';
      for (const option of [[], ['-v', '/data'], ['--mount', 'target=/data'], ['-v', 'named:/data']]) {
        const { stdout } = await run([...option, '--entrypoint', 'sh', 'app', '-c', list]);
        expect(stdout, String(option)).toBe('751:1234:4321\n755:1234:4321\ncontent\n');
      }
      expect((await run(['-v', '/data:nocopy', '--entrypoint', 'sh', 'app'])).code).toBe(125);
      const empty = await run([
        '--mount',
        'target=/data,volume-nocopy',
        '--entrypoint',
        'ls',
        'app',
        '/data',
      ]);
      expect(empty.stdout).toBe('');
    });

    test('keep what was written when they have a name, and go with the container when not', async () => {
      await sh('echo kept > /v/file', '-v', 'kept:/v', '-v', '/anonymous');
      expect((await sh('cat /v/file', '-v', 'kept:/v:ro')).stdout).toBe('kept\n');
      expect((await sh('touch /v/x', '-v', 'kept:/v:ro')).code).toBe(1);
      expect(directory('volumes').filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
      expect(directory('volumes')).toContain('kept');
    });

    test('and binds are mounted the outer before the inner, and never twice in one place', async () => {
      const host = commands().context({ 'in/file': 'host\n' });
      const nested = ['-v', `${host}/in:/a/b`, '--tmpfs', '/a'];
      expect((await sh('cat /a/b/file; ls /a', ...nested)).stdout).toBe('host\nb\n');
      const { stderr } = await sh('true', '-v', `${host}:/a`, '--tmpfs', '/a/');
      expect(stderr).toContain('Duplicate mount point: /a');
    });

    test('bind a path of the host, made with -v and demanded with --mount', async () => {
      const host = commands().context({});
      expect((await sh('touch /m/file', '-v', `${host}/made:/m`)).code).toBe(0);
      expect(statSync(`${host}/made/file`).isFile()).toBe(true);
      const { code, stderr } = await sh('true', '--mount', `type=bind,source=${host}/nosuch,target=/m`);
      expect(code).toBe(125);
      expect(stderr).toContain(`bind source path does not exist: ${host}/nosuch`);
    });

    test('take the place of the files that every container has', async () => {
      const host = commands().context({ hosts: 'my hosts\n' });
      expect((await sh('cat /etc/hosts', '-v', `${host}/hosts:/etc/hosts:ro`)).stdout).toBe('my hosts\n');
    });
  });

  describe('limits', () => {
    test('-m kills what grows past it, and says so', async () => {
      const { code, stderr } = await sh('x=a; while true; do x=$x$x; done', '-m', '20m');
      expect(code).toBe(137);
      expect(stderr).toContain('tsrun: out of memory');
      expect(stderr).toContain('20MiB');
    });

    test.skipIf(cgroupHost().version !== 1)('--cpus and --pids-limit set the control group', async () => {
      const { stdout } = await sh(
        'cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us /sys/fs/cgroup/pids/pids.max',
        '--cpus=0.1',
        '--pids-limit=20',
      );
      expect(stdout).toBe('10000\n20\n');
    });

    test('--ulimit, --shm-size and --sysctl reach the command', async () => {
      const { stdout } = await sh(
        'ulimit -Sn; ulimit -Hn; grep -o "size=[0-9]*k" /proc/mounts | tail -1; cat /proc/sys/kernel/shmmni',
        '--ulimit=nofile=100:200',
        '--shm-size=1m',
        '--sysctl=kernel.shmmni=99',
      );
      expect(stdout).toContain('100\n200\n');
      expect(stdout).toContain('\n99\n');
    });
  });

  test('--privileged gives the host’s devices, --device one of them', async () => {
    const one = await sh('ls /dev/other; test -c /dev/other && echo node', '--device=/dev/null:/dev/other');
    expect(one.stdout).toBe('/dev/other\nnode\n');
    const all = await sh(
      'test -e /dev/loop-control -o -e /dev/mem && echo more; hostname changed && hostname',
      '--privileged',
    );
    expect(all.stdout).toMatch(/changed\n$/);
    expect(hostname()).not.toBe('changed');
  });

  test('--cidfile gets the id, and must be new', async () => {
    const file = join(commands().folder, 'cid');
    const { stdout } = await sh('hostname', '--cidfile', file);
    expect(readFileSync(file, 'utf8').slice(0, 12)).toBe(stdout.trim());
    const { code, stderr } = await sh('true', '--cidfile', file);
    expect(code).toBe(125);
    expect(stderr).toContain('container ID file found');
  });

  describe('what is left', () => {
    const everything = ({ root }: Commands) =>
      ['containers', 'records/container', 'active', 'ingest', 'leases', 'locks', 'trash'].flatMap((area) =>
        directory(area).map((name) => join(root, area, name)),
      );
    /** The last of the trash is removed by a process that a command leaves behind. */
    const nothingIsLeft = () => expect.poll(() => everything(commands()), { timeout: 20_000 }).toEqual([]);

    test('is nothing with --rm', async () => {
      const mounts = hostMounts();
      await sh('touch /file; exit 1', '-m', '50m', '-v', '/volume');
      await run(['busybox', 'nosuch']);
      await nothingIsLeft();
      expect(hostMounts()).toBe(mounts);
    });

    test('without --rm is the container, with its exit code', async () => {
      await commands().tsrun(['--network=none', '--name', 'stays', 'busybox', 'sh', '-c', 'exit 4']);
      const { stdout } = await commands().tsctr(['ps', '-a', '--format', '{{.Names}} {{.Status}}']);
      expect(stdout).toMatch(/^stays Exited \(4\) /);
      await commands().tsctr(['rm', 'stays']);
      await nothingIsLeft();
    });

    test('after kill -9 is nothing once the next command has run', async () => {
      const script = 'echo ready; sleep 300';
      const args = ['--rm', '--network=none', '-m', '50m', '-v', '/volume', 'busybox', 'sh', '-c', script];
      const tsrun = commands().start('tsrun', args);
      await new Promise((ready) => tsrun.stdout!.once('data', ready));
      const [id] = directory('containers');
      const pid = pidOf(id!);
      tsrun.kill('SIGKILL');
      await outcome(tsrun);
      await sh('true');
      await nothingIsLeft();
      expect(directory('volumes').filter((name) => /^[0-9a-f]{64}$/.test(name))).toEqual([]);
      expect(pid && processIdentity(pid)).toBeUndefined();
    });

    test('of a command that outlives its killed tsrun is nothing either', async () => {
      const { code, stderr } = await commands().build(
        [
          'FROM busybox',
          'RUN mkdir /opt && cp /bin/busybox /opt/sleep && chmod u+s /opt/sleep',
          'USER 1000',
        ].join('\n'),
        {},
        ['-t', 'setuid'],
      );
      expect(code, stderr).toBe(0);
      // Gaining privileges clears the signal that would end it with its parent: prctl(2), PR_SET_PDEATHSIG.
      const args = ['--rm', '--network=none', 'setuid', '/opt/sleep', '300'];
      const tsrun = commands().start('tsrun', args);
      while (directory('containers').length === 0 || pidOf(directory('containers')[0]!) === undefined)
        await delay(20);
      const pid = pidOf(directory('containers')[0]!)!;
      while (!readlinkSync(`/proc/${pid}/exe`).endsWith('/opt/sleep')) await delay(20);
      tsrun.kill('SIGKILL');
      await outcome(tsrun).catch(() => {});
      await delay(100);
      await sh('true');
      await delay(100);
      expect(pid && processIdentity(pid)).toBeUndefined();
      await nothingIsLeft();
    });

    /** PID 1 of a container as the host sees it. */
    function pidOf(id: string): number | undefined {
      if (!existsSync(join(commands().root, `records/container/${id}.json`))) return undefined;
      const record = readFileSync(join(commands().root, 'records/container', `${id}.json`), 'utf8');
      return (JSON.parse(record) as { value: { process?: { pid: number } } }).value.process?.pid;
    }
  });

  test('tsctr run is the same', async () => {
    const { code, stdout } = await commands().tsctr([
      'run',
      '--rm',
      '--network=none',
      'busybox',
      'echo',
      '--help',
    ]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '--help\n' });
  });

  test('takes booleans and values in all of Docker’s notations', async () => {
    const args = ['--rm=true', '--init=false', '-i=false', '-e=A=1', '-eB=2', '--env=C=3', '-u0', 'busybox'];
    const { stdout } = await run([...args, 'sh', '-c', 'echo $A $B $C; cat'], { input: 'not read' });
    expect(stdout).toBe('1 2 3\n');
  });
});

/** Kept out of the suite: it needs no image. */
test('tsrun --help shows the options by kind', () => {
  const text = execFileSync(process.execPath, [TSRUN, '--help'], { encoding: 'utf8' });
  for (const heading of [
    'Usage: tsrun [OPTIONS] IMAGE',
    'Container:',
    'Files:',
    'Network:',
    'Limits:',
    'Rights:',
  ])
    expect(text).toContain(heading);
  expect(text).not.toContain('--userns');
});

test.each(['tsbuild', 'tsrun', 'tsctr'])('%s --version shows the version', (name) => {
  const { version } = JSON.parse(readFileSync(resolve(TSRUN, '../../package.json'), 'utf8')) as {
    version: string;
  };
  const file = resolve(TSRUN, `../${name}.cjs`);
  expect(execFileSync(process.execPath, [file, '--version'], { encoding: 'utf8' })).toBe(
    `${name} version ${version}\n`,
  );
});
