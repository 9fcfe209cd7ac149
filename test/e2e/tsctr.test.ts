import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CommandOptions, describeCommands, outcome } from '../support/commands.ts';
import { type RegistryServer, startRegistry } from '../support/registry-server.ts';

const TSCTR = resolve(import.meta.dirname, '../../dist/tsctr.cjs');

describe('tsctr without a store', () => {
  const tsctr = (...args: readonly string[]) =>
    spawnSync(process.execPath, ['--', TSCTR, ...args], {
      encoding: 'utf8',
      env: { TSBUILD_ROOT: '/nonexistent/store' },
    });

  test.each([[[]], [['help']], [['--help']], [['-D', '--context', 'default', '--help']]])(
    '%j shows an overview',
    (args) => {
      const { status, stdout } = tsctr(...args);
      expect(status).toBe(0);
      for (const name of ['build', 'run', 'images', 'doctor', 'Management commands:', 'volume'])
        expect(stdout).toContain(name);
    },
  );

  test('a group shows its commands', () => {
    expect(tsctr('image').stdout).toContain('Usage:  tsctr image COMMAND');
    expect(tsctr('image', '--help').stdout).toBe(tsctr('help', 'image').stdout);
    expect(tsctr('image', 'ls', '--help').stdout).toContain('Usage: tsctr image ls');
    expect(tsctr('help', 'rmi').stdout).toBe(tsctr('rmi', '--help').stdout);
  });

  test.each([
    [['imagse'], 'unknown command: imagse (did you mean images?)'],
    [['image', 'lss'], 'unknown command: image lss (did you mean image ls?)'],
    [['frobnicate'], 'unknown command: frobnicate.'],
    [['constructor'], 'unknown command: constructor'],
    [['images', '--foo'], "unknown option '--foo'", 125],
    [['ps', '-n', 'x'], 'invalid argument "x"', 125],
    [['rmi'], "missing required argument 'image'"],
  ])('%j is told what is wrong', (args, message, code = 1) => {
    const { status, stderr } = tsctr(...args);
    expect(status).toBe(code);
    expect(stderr).toContain(message);
    expect(stderr).toContain("--help'.");
  });

  test('version has Docker’s fields', () => {
    const { version } = JSON.parse(readFileSync(resolve(TSCTR, '../../package.json'), 'utf8')) as {
      version: string;
    };
    expect(tsctr('version', '--format', '{{.Server.Version}} {{.Client.Os}}').stdout).toBe(
      `${version} linux\n`,
    );
    expect(tsctr('--version').stdout).toBe(`tsctr version ${version}\n`);
    expect(tsctr('version').stdout).toMatch(/^Client:\n Version: +\S+\n/);
  });

  test('doctor tells that the store cannot be made, and what to do', () => {
    const { stdout, status } = tsctr('doctor');
    if (process.getuid?.() === 0) return expect(stdout).toContain('/nonexistent/store, to be made');
    expect(status).toBe(1);
    expect(stdout).toContain('set TSBUILD_ROOT');
  });
});

describeCommands('tsctr', (commands) => {
  const tsctr = async (args: readonly string[], options?: CommandOptions) => {
    const { code, stdout, stderr } = await commands().tsctr(args, options);
    return { code, stdout, stderr };
  };
  const output = async (...args: readonly string[]) => {
    const { code, stdout, stderr } = await tsctr(args);
    expect(code, stderr).toBe(0);
    return stdout;
  };
  // koffi synchronises both at the end of the process, and never ends where that goes wrong in the wrong way.
  test.each(['>out', '2>err', '>out 2>err', '>&- 2>err', '2>/dev/full', '>&- 2>&-', '<&-'])(
    'a command ends with its streams as %s',
    (streams) => {
      const { root, folder } = commands();
      const { status, signal } = spawnSync('sh', ['-c', `exec "$@" ${streams}`, 'sh', TSCTR, 'images'], {
        cwd: folder,
        env: { PATH: process.env.PATH, HOME: folder, TSBUILD_ROOT: root },
        timeout: 30_000,
        killSignal: 'SIGKILL',
      });
      expect({ status, signal }).toEqual({ status: 0, signal: null });
    },
  );

  let id: string;

  beforeAll(async () => {
    const { code, stdout, stderr } = await commands().build(
      'FROM busybox\nLABEL kind=test\nRUN echo x > /x\nCMD ["echo", "<hello>"]',
      {},
      ['-t', 'app:1', '-t', 'example.com/team/app:2'],
    );
    expect(code, stderr).toBe(0);
    id = stdout.trim();
  });

  describe('images', () => {
    test('is a table as Docker’s', async () => {
      const [heading, ...rows] = (await output('images')).trimEnd().split('\n');
      expect(heading).toMatch(/^REPOSITORY {13}TAG {7}IMAGE ID {7}CREATED {7,}SIZE$/);
      expect(rows.some((row) => /^app {20}1 {9}[0-9a-f]{12} {3}/.test(row))).toBe(true);
    });

    test.each([
      [['app'], ['app:1']],
      [['app:1'], ['app:1']],
      [['docker.io/library/app'], ['app:1']],
      [['*pp'], ['app:1']],
      [['example.com/*/app'], ['example.com/team/app:2']],
      [
        ['-f', 'label=kind=test'],
        ['app:1', 'example.com/team/app:2'],
      ],
      [['-f', 'label=kind=other'], []],
      [['-f', 'dangling=true'], []],
      [['-f', 'reference=app:*', '-f', 'label=kind'], ['app:1']],
    ])('%j finds %j', async (args, expected) => {
      const found = await output('images', '--format', '{{.Repository}}:{{.Tag}}', ...args);
      expect(found.split('\n').filter(Boolean).sort()).toEqual(expected);
    });

    test('-q gives every id once, --no-trunc in full', async () => {
      expect(await output('images', '-q', '-f', 'label=kind')).toBe(`${id.slice(7, 19)}\n`);
      expect(await output('images', '-q', '--no-trunc', 'app')).toBe(`${id}\n`);
    });

    test('json has Docker’s fields', async () => {
      expect(JSON.parse(await output('images', '--format', 'json', 'app'))).toEqual({
        Containers: '0',
        CreatedAt: expect.stringMatching(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} /),
        CreatedSince: expect.stringContaining('ago'),
        Digest: expect.stringMatching(/^sha256:/),
        ID: id.slice(7, 19),
        Repository: 'app',
        SharedSize: 'N/A',
        Size: expect.stringMatching(/^[\d.]+MB$/),
        Tag: '1',
        UniqueSize: 'N/A',
        VirtualSize: expect.stringMatching(/^[\d.]+MB$/),
      });
    });
  });

  test('history shows each step, what was cut off, and sizes in bytes when asked', async () => {
    expect(await output('history', 'app:1')).toMatch(
      /^IMAGE {10}CREATED {2,}.*CREATED BY .*SIZE {6}COMMENT\n/,
    );
    const steps = (
      await output('history', '--no-trunc', '--format', '{{.ID}} {{.CreatedBy}}', 'app:1')
    ).split('\n');
    expect(steps[0]).toBe(`${id} CMD ["echo" "<hello>"]`);
    expect(steps[1]).toContain('<missing> RUN /bin/sh -c echo x > /x');
    expect(await output('history', '-H=false', '--format', '{{.Size}}', 'app:1')).toMatch(/^0\n\d{4,}\n/);
  });

  test('inspect finds containers, images and volumes, and says what it does not find', async () => {
    await output('volume', 'create', 'vol', '--label', 'a=b');
    const found = JSON.parse(await output('inspect', 'app:1', 'vol')) as Record<string, unknown>[];
    expect(found.map(({ Id, Name }) => Id ?? Name)).toEqual([id, 'vol']);
    expect(await output('inspect', '-f', '{{.Config.Cmd}} {{json .Config.Labels}}', 'app:1')).toBe(
      '[echo <hello>] {"kind":"test"}\n',
    );
    expect(await tsctr(['inspect', 'nosuch', 'vol'])).toMatchObject({
      code: 1,
      stderr: 'Error: No such object: nosuch\n',
    });
    expect(await tsctr(['image', 'inspect', 'vol'])).toEqual({
      code: 1,
      stdout: '[]\n',
      stderr: 'Error: No such image: vol\n',
    });
    await output('volume', 'rm', 'vol');
  });

  test('tag and rmi: an image goes with its last name', async () => {
    await output('tag', 'busybox', 'one:1');
    await output('tag', 'one:1', 'two');
    expect(await output('rmi', 'one:1')).toBe('Untagged: one:1\n');
    expect(await tsctr(['rmi', 'nosuch', 'two'])).toEqual({
      code: 1,
      stdout: 'Untagged: two:latest\n',
      stderr: 'Error: No such image: nosuch\n',
    });
    expect(await tsctr(['rmi', '-f', 'nosuch'])).toMatchObject({ code: 0, stdout: '' });
    expect(await tsctr(['tag', 'nosuch', 'x'])).toMatchObject({
      code: 1,
      stderr: 'tsctr: No such image: nosuch\n',
    });
    expect((await tsctr(['tag', 'busybox', 'Upper'])).stderr).toContain('must be lower case');
  });

  test('save and load: what was saved comes back, and what it replaces is told', async () => {
    const file = join(commands().folder, 'saved.tar');
    await output('save', '-o', file, 'app:1');
    expect(await output('load', '-i', file)).toBe('Loaded image: app:1\n');
    await output('tag', 'busybox', 'app:1');
    expect(await output('load', '-i', file)).toMatch(
      /^The image \S*app:1 existed already.*\nLoaded image: app:1\n$/s,
    );
    expect(await tsctr(['load', '-i', '/nosuch'])).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('/nosuch: no such file or directory'),
    });
  });

  describe('containers', () => {
    test('ps, stop and rm look after one that runs', async () => {
      const script = 'trap "exit 3" TERM; echo ready; while true; do sleep 0.1; done';
      const args = [
        '--network=none',
        '--name=long',
        '-l',
        'a=b',
        '-v',
        'data:/data',
        'busybox',
        'sh',
        '-c',
        script,
      ];
      const tsrun = commands().start('tsrun', args);
      const ended = outcome(tsrun);
      await new Promise((ready) => tsrun.stdout!.once('data', ready));
      expect(await output('ps')).toMatch(
        /^CONTAINER ID {3}IMAGE {5}COMMAND {19}CREATED {2,}.*STATUS {2,}.*PORTS {5}NAMES\n[0-9a-f]{12} {3}busybox {3}"sh -c 'trap \\"exit 3…" /,
      );
      expect(JSON.parse(await output('ps', '--format', 'json'))).toMatchObject({
        Labels: 'a=b',
        Mounts: 'data',
        Names: 'long',
        State: 'running',
        Status: expect.stringMatching(/^Up /),
      });
      const [state] = JSON.parse(await output('container', 'inspect', 'long')) as {
        State: { Pid: number };
      }[];
      expect(state).toMatchObject({ Name: '/long', Path: 'sh', State: { Running: true, Status: 'running' } });
      expect(existsSync(`/proc/${state!.State.Pid}`)).toBe(true);
      expect((await tsctr(['rm', 'long'])).stderr).toContain('container is running');
      expect((await tsctr(['rmi', 'busybox:latest'])).stderr).toContain('is using its referenced image');
      expect((await tsctr(['volume', 'rm', 'data'])).stderr).toContain('volume is in use');
      expect(await output('stop', 'long')).toBe('long\n');
      expect((await ended).code).toBe(3);
      expect(await output('ps', '-q')).toBe('');
      expect(await output('ps', '-a', '-f', 'status=exited', '--format', '{{.Names}} {{.Status}}')).toMatch(
        /^long Exited \(3\) /,
      );
      expect((await tsctr(['kill', 'long'])).stderr).toContain('is not running');
      expect(await output('rm', 'long')).toBe('long\n');
      expect(await output('volume', 'rm', 'data')).toBe('data\n');
    });

    test('stop kills one that does not heed its signal, rm -f at once', async () => {
      for (const command of [
        ['stop', '-t', '0', 'deaf'],
        ['rm', '-f', 'deaf'],
        ['kill', 'deaf'],
      ]) {
        const tsrun = commands().start('tsrun', [
          '--rm',
          '--network=none',
          '--name=deaf',
          'busybox',
          'sh',
          '-c',
          'echo ready; sleep 60',
        ]);
        const ended = outcome(tsrun);
        await new Promise((ready) => tsrun.stdout!.once('data', ready));
        expect(await output(...command)).toBe('deaf\n');
        expect((await ended).code).toBe(137);
      }
      expect(await output('ps', '-aq')).toBe('');
    });
  });

  describe('prune', () => {
    test('asks, and takes no answer for no', async () => {
      const { code, stdout, stderr } = await tsctr(['image', 'prune', '-a'], { input: '' });
      expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
      expect(stderr).toContain('WARNING! This will remove all images without at least one container');
      expect(await output('images', '-q')).not.toBe('');
    });

    test('of volumes takes those without a name that nothing uses', async () => {
      await output('volume', 'create', 'named');
      await commands().tsrun(['--network=none', '-v', '/anonymous', '--name=user', 'busybox', 'true']);
      expect(await output('volume', 'prune', '-f')).toBe('Total reclaimed space: 0B\n');
      await output('rm', 'user');
      expect(await output('volume', 'prune', '-f')).toMatch(
        /^Deleted Volumes:\n[0-9a-f]{64}\n\nTotal reclaimed space: 4.1kB\n$/,
      );
      expect(await output('volume', 'ls', '-q')).toBe('named\n');
      await output('volume', 'prune', '-af');
      expect(await output('volume', 'ls', '-q')).toBe('');
    });
  });

  test('info tells of the store in Docker’s words', async () => {
    expect(await output('info', '--format', '{{.DockerRootDir}} {{.OSType}} {{.Containers}}')).toBe(
      `${commands().root} linux 0\n`,
    );
    expect(await output('system', 'info')).toContain(` Docker Root Dir: ${commands().root}\n`);
    expect(await output('check')).toBe('The store is clean\n');
  });

  test('output that nobody reads on is no error', () => {
    const script = `node=$1; shift; "$node" -- "$@" history --no-trunc app:1 | head -c 1`;
    const env = { PATH: process.env.PATH, TSBUILD_ROOT: commands().root, HOME: commands().folder };
    const { stderr, stdout } = spawnSync('sh', ['-c', script, 'sh', process.execPath, TSCTR], {
      env,
      encoding: 'utf8',
    });
    expect({ stdout, stderr }).toEqual({ stdout: 'I', stderr: '' });
  });

  describe('registries', () => {
    let registry: RegistryServer;
    beforeAll(async () => {
      registry = await startRegistry();
    });
    afterAll(() => registry[Symbol.asyncDispose]());

    test('push and pull say what they do', async () => {
      const name = `${registry.host}/team/app:1`;
      await output('tag', 'app:1', name);
      expect(await output('push', name)).toMatch(
        /^The push refers to repository \[[\d.:]+\/team\/app\]\n([0-9a-f]{12}: Pushed\n)+1: digest: sha256:[0-9a-f]{64} size: \d+\n$/,
      );
      expect(await output('push', '-q', name)).toBe(`${name}\n`);
      const env = { TSBUILD_ROOT: join(commands().folder, 'other') };
      const pulled = await tsctr(['pull', name], { env });
      expect(pulled.stdout).toMatch(
        /^1: Pulling from team\/app\n([0-9a-f]{12}: Pull complete\n)+Digest: .*\nStatus: Downloaded newer image for .*\n.*app:1\n$/,
      );
      expect((await tsctr(['pull', name], { env })).stdout).toMatch(
        /^1: Pulling from team\/app\nDigest: sha256:[0-9a-f]{64}\nStatus: Image is up to date for .*\n.*app:1\n$/,
      );
      const run = await commands().tsrun(['--rm', '--network=none', '--pull=always', name], { env });
      expect(run).toMatchObject({ code: 0, stdout: '<hello>\n' });
    });

    test('login verifies and keeps credentials, logout forgets them', async () => {
      const accepted = `Basic ${Buffer.from('user:pass:word').toString('base64')}`;
      registry.login = {
        challenge: 'Basic realm="x"',
        accepts: (authorization) => authorization === accepted,
      };
      const folder = join(commands().folder, 'docker');
      const file = join(folder, 'config.json');
      mkdirSync(folder);
      writeFileSync(file, '{"auths":{"other.example":{"auth":"x"}},"psFormat":"kept"}', { mode: 0o640 });
      const env = { DOCKER_CONFIG: folder };
      const login = (password: string) =>
        tsctr(['login', '-u', 'user', '--password-stdin', registry.host], { input: `${password}\n`, env });
      expect(await login('wrong')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('incorrect username or password'),
      });
      expect(await login('pass:word')).toMatchObject({ code: 0, stdout: 'Login Succeeded\n' });
      expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual({
        auths: { 'other.example': { auth: 'x' }, [registry.host]: { auth: accepted.slice('Basic '.length) } },
        psFormat: 'kept',
      });
      expect(statSync(file).mode & 0o777).toBe(0o640);
      expect((await tsctr(['pull', `${registry.host}/team/app:1`], { env })).code).toBe(0);
      const out = await tsctr(['--config', folder, 'logout', registry.host]);
      expect(out.stdout).toBe(`Removing login credentials for ${registry.host}\n`);
      expect((await tsctr(['logout', registry.host], { env })).stdout).toBe(
        `Not logged in to ${registry.host}\n`,
      );
      expect((await tsctr(['pull', `${registry.host}/team/app:1`], { env })).code).toBe(1);
      expect(readFileSync(file, 'utf8')).toContain('other.example');
    });

    test('login leaves a file alone that it cannot read', async () => {
      registry.login = undefined;
      const folder = join(commands().folder, 'broken');
      mkdirSync(folder);
      writeFileSync(join(folder, 'config.json'), '{not json');
      const { code, stderr } = await tsctr(['login', '-u', 'a', '--password-stdin', registry.host], {
        input: 'b',
        env: { DOCKER_CONFIG: folder },
      });
      expect(code).toBe(1);
      expect(stderr).toContain('it is not a JSON object');
      expect(readFileSync(join(folder, 'config.json'), 'utf8')).toBe('{not json');
    });
  });

  test('the script is started whatever the environment holds for Node', () => {
    const env = {
      PATH: process.env.PATH,
      HOME: commands().folder,
      TSBUILD_ROOT: commands().root,
      NODE_EXTRA_CA_CERTS: '/nosuch',
    };
    expect(execFileSync(TSCTR, ['--version'], { env, encoding: 'utf8' })).toMatch(/^tsctr version/);
    const args = ['run', '--rm', '--network=none', '-e', 'NODE_EXTRA_CA_CERTS', 'busybox', 'env'];
    expect(execFileSync(TSCTR, args, { env, encoding: 'utf8' })).toContain('NODE_EXTRA_CA_CERTS=/nosuch\n');
  });
});
