import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { describeCommands } from '../../support/commands.ts';
import { hasProgram } from '../../support/programs.ts';
import { TarBuilder } from '../../support/tar-builder.ts';
import { tarOf } from '../../support/tar-files.ts';

/** Names, kinds, sizes, modes and times of everything below. */
function tree(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .toSorted()
    .map((name) => {
      const { mode, uid, gid, size, mtimeMs, ctimeMs } = lstatSync(join(directory, name));
      return JSON.stringify({ name, mode, uid, gid, size, mtimeMs, ctimeMs });
    });
}

describeCommands('a container of a hostile image', (commands) => {
  const status = async (user: string) =>
    (await commands().tsrun(['--rm', '--network=none', '-u', user, 'busybox', 'cat', '/proc/self/status']))
      .stdout;

  test.each(['0', '1000'])('has no inheritable and no ambient capability, as user %s (R08)', async (user) => {
    const text = await status(user);
    expect(text).toMatch(/^CapInh:\t0+$/m);
    expect(text).toMatch(/^CapAmb:\t0+$/m);
    expect(text).toMatch(user === '0' ? /^CapEff:\t00000000a80425fb$/m : /^CapEff:\t0+$/m);
    expect(text).toMatch(/^CapBnd:\t00000000a80425fb$/m);
  });

  test.each([
    ['a link to an endless device', 'ln -sf /dev/zero /etc/passwd'],
    ['a FIFO', 'rm -f /etc/passwd; mkfifo /etc/passwd'],
    ['larger than any', 'dd if=/dev/zero of=/etc/passwd bs=1 count=0 seek=268435456'],
  ])('is not asked for a user in /etc/passwd when that is %s (R11)', async (_, command) => {
    const made = await commands().build(`FROM busybox\nRUN mkdir -p /etc; ${command}\n`, {}, ['-t', 'r11']);
    expect(made.code).toBe(0);
    const begun = performance.now();
    const { code, stderr } = await commands().tsrun([
      '--rm',
      '--network=none',
      '-u',
      'somebody',
      'r11',
      'true',
    ]);
    expect(code).toBe(125);
    expect(stderr).toMatch(/passwd/);
    expect(performance.now() - begun).toBeLessThan(30_000);
  });

  test('sees nothing of the host for environment entries without a value (R13)', async () => {
    const Env = ['A', '*', '=x', '', 'SECRET_OF_THE_HOST', 'PATH=/bin', 'KEPT=1'];
    await commands().load('r13', { layers: [tarOf({})], config: { Env } });
    const made = await commands().build(
      'FROM r13\nARG SECRET_OF_THE_HOST\nCOPY --from=busybox /bin /bin\nRUN env > /seen\n',
      {},
      ['-t', 'r13-built'],
    );
    expect({ code: made.code, stderr: made.stderr }).toEqual({ code: 0, stderr: '' });
    const env = { SECRET_OF_THE_HOST: 'canary', A: 'canary' };
    const { stdout } = await commands().tsrun(
      ['--rm', '--network=none', 'r13-built', 'sh', '-c', 'env; cat /seen'],
      { env },
    );
    expect(stdout).not.toContain('canary');
    expect(stdout).not.toContain('SECRET_OF_THE_HOST');
    expect(stdout).toContain('KEPT=1');
  });

  test('cannot begin in a descriptor of the builder, and is given 0, 1 and 2 alone (R01)', async () => {
    const canary = join(commands().folder, 'canary');
    writeFileSync(canary, 'canary-content');
    const up = '../'.repeat(20);
    for (const fd of [...Array(12).keys()].map((index) => index + 3).concat(20, 21, 25, 30, 40)) {
      for (const directory of [`/proc/self/fd/${fd}`, `/proc/1/fd/${fd}`, `/proc/self/fd/${fd}/..`]) {
        const args = ['--rm', '--network=none', '-w', directory, 'busybox', 'cat', `${up}${canary}`];
        const { code, stdout } = await commands().tsrun(args);
        expect({ directory, code, stdout }).toMatchObject({ directory, stdout: '' });
        expect(code).not.toBe(0);
        if (fd > 8) break;
      }
    }
    for (const workdir of ['/proc/self/fd/8', '/proc/self/fd/10/../..']) {
      const { code, stderr } = await commands().build(
        `FROM busybox\nWORKDIR ${workdir}\nRUN cat ${up}${canary}`,
      );
      expect(code).toBe(1);
      expect(stderr).not.toContain('canary-content');
    }
    const list =
      'FROM busybox\nRUN ls -l /proc/self/fd | grep -c -- "->" > /count; ls /proc/self/fd > /fds\n';
    expect((await commands().build(list, {}, ['-t', 'r01'])).code).toBe(0);
    // `ls` has the directory itself open as the fourth.
    const { stdout } = await commands().tsrun([
      '--rm',
      '--network=none',
      'r01',
      'sh',
      '-c',
      'cat /fds; ls /proc/self/fd',
    ]);
    expect(stdout).toBe('0\n1\n2\n3\n0\n1\n2\n3\n');
  });

  test('whose directories are links to the host is built on and run inside its own root (R05, R12)', async () => {
    const canary = join(commands().folder, 'canary-tree');
    mkdirSync(join(canary, 'inside'), { recursive: true });
    writeFileSync(join(canary, 'inside/file'), 'canary-content');
    const before = tree(canary);
    for (const target of [
      canary,
      `../../../../../..${canary}`,
      `/proc/1/root${canary}`,
      '/proc/self/cwd/../..',
    ]) {
      const layer = new TarBuilder();
      for (const name of ['etc', 'run', 'var', 'tmp', 'app', 'dev', 'proc', 'sys'])
        layer.symlink(name, target);
      await commands().load('r05', { layers: [layer.end()], config: { WorkingDir: '/app/inside' } });
      const outcomes = [
        await commands().build(
          'FROM r05\nWORKDIR /app/made\nCOPY file /app/inside/file\nADD file /etc/file\n',
          { file: 'x' },
        ),
        await commands().build(
          'FROM r05\nCOPY --from=busybox /bin /bin\nRUN echo x > /etc/file; echo x > /app/inside/file; cat /app/inside/file\n',
        ),
        await commands().tsrun([
          '--rm',
          '--network=none',
          '-v',
          '/app/volume',
          '-w',
          '/app/work',
          '--tmpfs',
          '/run/x',
          'r05',
          '/none',
        ]),
      ];
      for (const { stdout, stderr } of outcomes) expect(stdout + stderr).not.toContain('canary-content');
      expect(tree(canary), target).toEqual(before);
    }
  });

  test('cannot become root by a user that is a number, or looks like one (R10)', async () => {
    const names = [
      '2147483648',
      '4294967295',
      '4294967296',
      '1e3',
      '0x0',
      '+0',
      '-1',
      '99999999999999999999',
      '1.0',
    ];
    const passwd = names.map((name) => `${name}:x:0:0::/:/bin/sh`).join('\n');
    const layer = new TarBuilder()
      .directory('etc')
      .file('etc/passwd', Buffer.from(`${passwd}\n`))
      .file('etc/group', Buffer.from(names.map((name) => `${name}:x:0:`).join('\n')))
      .end();
    await commands().load('r10', { layers: [layer], config: { Env: ['PATH=/bin'] } });
    const made = await commands().build('FROM r10\nCOPY --from=busybox /bin /bin\n', {}, ['-t', 'r10']);
    expect(made.code).toBe(0);
    for (const name of names) {
      for (const user of [name, `1000:${name}`]) {
        const { code, stdout } = await commands().tsrun([
          '--rm',
          '--network=none',
          '-u',
          user,
          'r10',
          'id',
          '-u',
        ]);
        if (code === 0)
          expect(`${user} ${stdout}`).toMatch(/^(2147483648 2147483648|1000:2147483648 1000)\n$/);
        const chown = await commands().build(`FROM r10\nCOPY --chown=${user} file /file\n`, { file: 'x' }, [
          '-t',
          'r10-chown',
        ]);
        const built = await commands().build(
          `FROM r10\nUSER ${user}\nRUN id -u > /tmp-id; test $(id -u) != 0\n`,
        );
        if (built.code === 0 || chown.code === 0) expect(user).toMatch(/^(1000:)?2147483648$/);
      }
    }
  });

  test('has its setuid programs and devices where nobody else on the host gets at them (T14, T15, R22)', async () => {
    const layer = new TarBuilder()
      .file('rootshell', readFileSync('/bin/true'), { mode: 0o6755 })
      .device('disk', 'block', 8, 0, { mode: 0o666 })
      .file('open', 'x', { mode: 0o666 })
      .end();
    expect((await commands().load('t14', { layers: [layer] })).code).toBe(0);
    const { root } = commands();
    const found = execFileSync('find', [root, '-name', 'rootshell'], { encoding: 'utf8' }).trim();
    expect(found).not.toBe('');
    const stranger = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'];
    // The folder of the test itself is open to all, so that it is the store that keeps strangers out.
    chmodSync(commands().folder, 0o755);
    for (const command of [
      ['ls', root],
      ['sh', '-c', `exec ${found}`],
      ['cat', found.replace('rootshell', 'open')],
      ['dd', `if=${found.replace('rootshell', 'disk')}`, 'count=1'],
      ['sh', '-c', `echo x >> ${found.replace('rootshell', 'open')}`],
      ['ls', join(root, 'volumes')],
    ])
      expect(
        () => execFileSync(stranger[0]!, [...stranger.slice(1), ...command], { stdio: 'pipe' }),
        command.join(' '),
      ).toThrow();
    expect(statSync(root).mode & 0o777).toBe(0o700);
    const shown = await commands().tsrun([
      '--rm',
      '--network=none',
      '-v',
      `${root}:/store:ro`,
      'busybox',
      'sh',
      '-c',
      'head -c1 $(find /store -name disk) 2>&1; true',
    ]);
    expect(shown.stdout).toMatch(/denied|not permitted/);
  });

  test.skipIf(!hasProgram('strace'))(
    'has nothing of the host started for it but what is always started (R14)',
    async () => {
      const trap = mkdtempSync(join(commands().folder, 'trap-'));
      const layer = new TarBuilder().file('etc/passwd', 'root:x:0:0::/:/bin/sh\n').end();
      const evil = '-x $(id) `id` | id; id\n--privileged';
      const config = {
        Labels: { 'io.x.hook': '/bin/id', [evil]: evil },
        User: 'root',
        StopSignal: evil,
        Shell: ['/bin/id'],
        Env: [`PATH=/bin`, `LD_PRELOAD=/lib/evil.so`, `NODE_OPTIONS=--require /x`],
      };
      await commands().load('traced', { layers: [layer], config });
      const log = join(trap, 'log');
      const through = ['strace', '-f', '-qq', '-e', 'trace=execve,execveat', '-o', log];
      const context = commands().context({
        Dockerfile: 'FROM traced\nCOPY --from=busybox /bin /bin\nRUN ["/bin/true"]\nADD archive.tar.gz /x/\n',
        'archive.tar.gz': gzipSync(layer),
      });
      const built = await commands().tsbuild(['-q', '--network=none', '-t', 'traced-built', context], {
        through,
      });
      expect(built).toMatchObject({ code: 0, stderr: '' });
      const started = [...readFileSync(log, 'utf8').matchAll(/execve(?:at)?\((?:\S+, )?"([^"]*)"/g)].map(
        (match) => match[1],
      );
      expect(started).toContain('/bin/true');
      // Node itself, the step, a trial that names nothing, and what deletes a lot in the background.
      expect(
        new Set(started.filter((path) => ![process.execPath, '/bin/true', '/bin/rm', ''].includes(path!))),
      ).toEqual(new Set());
    },
  );

  test('has its config taken for data, whatever stands in it (R14)', async () => {
    const marker = join(commands().folder, 'r14');
    const evil = `$(touch ${marker}); touch ${marker}; \`touch ${marker}\` | touch ${marker}\n--privileged`;
    const layer = tarOf({});
    await commands().load('r14', {
      layers: [layer],
      config: {
        Labels: { [evil]: evil },
        StopSignal: evil,
        WorkingDir: '/',
        Cmd: [evil],
        Entrypoint: ['/bin/true', evil],
        Volumes: { [`/${evil.replaceAll('/', '_')}`]: {} },
      },
    });
    for (const run of [
      () => commands().tsrun(['--rm', '--network=none', 'r14']),
      () => commands().tsctr(['inspect', 'r14']),
      () => commands().tsctr(['history', 'r14']),
      () => commands().tsctr(['images', '--format', '{{json .}}']),
      () => commands().build('FROM r14\nCOPY --from=busybox /bin /bin\n'),
    ]) {
      const { stderr } = await run();
      expect(stderr).not.toMatch(/\bat .*\.(js|cjs|ts):\d+/);
      expect(existsSync(marker)).toBe(false);
    }
  });
});
