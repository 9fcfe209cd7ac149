import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { syscallNumbers } from '../../../src/linux/syscall-table.ts';
import { backgroundContainer } from '../../support/background-container.ts';
import { describeCommands, type Outcome } from '../../support/commands.ts';
import { probeProgram } from '../../support/syscall-probe.ts';

const CAP_CHOWN = 1n << 0n;
const CAP_NET_BIND_SERVICE = 1n << 10n;
const CAP_NET_ADMIN = 1n << 12n;
const CAP_SYS_ADMIN = 1n << 21n;
const SIGSYS = 31;

describeCommands('the process of a container', (commands) => {
  const run = (options: readonly string[], script: string, image = 'busybox') =>
    commands().tsrun(['--rm', '--network=none', ...options, image, 'sh', '-c', script]);
  const sets = ({ stdout }: Outcome) =>
    Object.fromEntries(
      [...stdout.matchAll(/^Cap(\w+):\t(\w+)$/gm)].map(([, name, bits]) => [name, BigInt(`0x${bits}`)]),
    );

  test('has the capabilities that are left to it, and as a user none but those it could gain', async () => {
    const status = 'grep Cap /proc/self/status';
    const none = { Inh: 0n, Prm: 0n, Eff: 0n, Bnd: 0n, Amb: 0n };
    expect(sets(await run(['--cap-drop=ALL'], status))).toEqual(none);
    const two = CAP_CHOWN | CAP_NET_BIND_SERVICE;
    const some = ['--cap-drop=all', '--cap-add=NET_BIND_SERVICE', '--cap-add=cap_chown'];
    expect(sets(await run(some, status))).toEqual({ ...none, Prm: two, Eff: two, Bnd: two });
    expect(sets(await run([...some, '-u=1000'], status))).toEqual({ ...none, Bnd: two });
    const all = sets(await run(['--cap-add=ALL', '--cap-drop=SYS_ADMIN'], status));
    expect(all.Eff! & (CAP_SYS_ADMIN | CAP_NET_ADMIN)).toBe(CAP_NET_ADMIN);
    const unknown = await run(['--cap-add=NOSUCH'], 'true');
    expect(unknown).toMatchObject({ code: 125, stderr: 'tsrun: Unknown capability "NOSUCH"\n' });
  });

  test('gains nothing by setuid with no-new-privileges, and root without; exec is the same', async () => {
    const probe = Buffer.from(probeProgram(syscallNumbers('x64').get('setuid')!, [0]));
    const dockerfile = 'FROM busybox\nCOPY --chmod=4755 probe /probe\n';
    const made = await commands().build(dockerfile, { probe }, ['-t', 'suid']);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const become = (...options: string[]) => run(['-u=1000', ...options], '/probe; echo $?', 'suid');
    expect((await become()).stdout).toBe('0\n');
    expect((await become('--security-opt=no-new-privileges')).stdout).toBe(`${constants.errno.EPERM}\n`);
    const container = await backgroundContainer(commands(), [
      '--security-opt=no-new-privileges:true',
      '--cap-drop=ALL',
    ]);
    const exec = await commands().tsctr([
      'exec',
      container.name,
      'grep',
      '-E',
      '^(CapBnd|NoNewPrivs|Seccomp):',
      '/proc/self/status',
    ]);
    await container.stop();
    expect(exec.stdout).toBe('CapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2\n');
  });

  test('meets a filter of one’s own: errors of its choice, death, arguments, names that no kernel knows', async () => {
    const profile = join(commands().folder, 'filter.json');
    const errno = (names: string[], errnoRet?: number) => ({
      names,
      action: 'SCMP_ACT_ERRNO',
      ...(errnoRet !== undefined && { errnoRet }),
    });
    const filter = {
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        errno(['mkdir', 'mkdirat'], 5),
        errno(['symlink', 'symlinkat', 'no_such_call']),
        { names: ['chroot'], action: 'SCMP_ACT_KILL_PROCESS' },
        { ...errno(['kill'], 22), args: [{ index: 1, value: 10, op: 'SCMP_CMP_EQ' }] },
        { names: ['sync'], action: 'SCMP_ACT_LOG' },
      ],
    };
    writeFileSync(profile, JSON.stringify(filter));
    const script =
      'mkdir /x; ln -s a /b; sh -c "chroot / true"; echo $?; kill -USR1 1; kill -0 1 && sync && echo alive';
    const { stdout, stderr } = await run([`--security-opt=seccomp=${profile}`], `(${script}) 2>&1`);
    expect(stderr).toBe('');
    const lines = stdout.split('\n');
    expect(lines[0]).toContain('Input/output error');
    expect(lines[1]).toContain('Operation not permitted');
    expect(lines).toContain(String(128 + SIGSYS));
    expect(lines.some((line) => line.includes('Invalid argument'))).toBe(true);
    expect(lines.at(-2)).toBe('alive');
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_NOSUCH' }));
    expect(await run([`--security-opt=seccomp=${profile}`], 'true')).toMatchObject({ code: 125 });
    expect((await run(['--security-opt=seccomp=/nosuch'], 'true')).stderr).toContain(
      'opening seccomp profile (/nosuch) failed',
    );
  });

  test('has the user, the groups and the home that the image says, or plain numbers', async () => {
    const passwd = ['root:x:0:0::/root:/bin/sh', 'user:x:1000:1000::/home/user:/bin/sh'].join('\n');
    const group = ['root:x:0:', 'user:x:1000:', 'wheel:x:10:user', 'extra:x:77:'].join('\n');
    const made = await commands().build(
      'FROM busybox\nCOPY passwd group /etc/\n',
      { passwd: `${passwd}\n`, group: `${group}\n` },
      ['-t', 'users'],
    );
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const who = async (...options: string[]) =>
      (await run(options, 'id -u; id -g; id -G; echo $HOME; umask', 'users')).stdout.trim().split('\n');
    expect(await who()).toEqual(['0', '0', '0', '/root', '0022']);
    expect(await who('-u=user')).toEqual(['1000', '1000', '1000 10', '/home/user', '0022']);
    expect(await who('-u=1000:77', '--group-add=2000', '--group-add=extra')).toEqual([
      '1000',
      '77',
      '77 2000',
      '/home/user',
      '0022',
    ]);
    expect(await who('-u=4242')).toEqual(['4242', '0', '0', '/', '0022']);
    for (const [option, words] of [
      ['-u=nosuch', 'unable to find user nosuch'],
      ['-u=1:nosuch', 'unable to find group nosuch'],
      ['--group-add=nosuch', 'unable to find group nosuch'],
    ] as const)
      expect((await run([option], 'true', 'users')).stderr).toContain(words);
    const container = await backgroundContainer(commands(), ['-e=HOME=']);
    const home = await commands().tsctr([
      'exec',
      '-u=4242',
      container.name,
      'sh',
      '-c',
      'echo $HOME; id -G; umask',
    ]);
    await container.stop();
    expect(home.stdout).toBe('/\n0\n0022\n');
  });

  test('has each variable once, the last given, whole; an empty HOME is the user’s', async () => {
    const { stdout } = await run(['-e=A=1', '-e=A=2\nB=3', '-e=HOME=', '-e=EMPTY='], 'env');
    expect(stdout.match(/^A=/gm)).toHaveLength(1);
    expect(stdout).toContain('A=2\nB=3\n');
    expect(stdout.match(/^HOME=.*$/gm)).toEqual(['HOME=/root']);
    expect(stdout).toMatch(/^EMPTY=$/m);
    expect((await run(['-e=HOME=/x', '-e=HOME=/y'], 'env | grep HOME')).stdout).toBe('HOME=/y\n');
    const built = await commands().build('FROM busybox\nENV HOME=\nRUN echo $HOME > /home-of-run\n', {}, [
      '-t',
      'home',
    ]);
    expect(built).toMatchObject({ code: 0, stderr: '' });
    expect((await run([], 'cat /home-of-run', 'home')).stdout).toBe('/root\n');
  });

  test('starts in a directory that is made for it, also one that its user may not read', async () => {
    expect((await run(['-w=/made/for/it', '-u=1000'], 'pwd; stat -c %a:%u /made/for/it')).stdout).toBe(
      '/made/for/it\n755:0\n',
    );
    await commands().build(
      'FROM busybox\nRUN mkdir -m 700 /closed && ln -s /closed /link && chown 1000 /closed\n',
      {},
      ['-t', 'closed'],
    );
    expect((await run(['-w=/link', '-u=1000'], 'pwd -P', 'closed')).stdout).toBe('/closed\n');
    const foreign = await run(['-w=/closed', '-u=4242', '--cap-drop=ALL'], 'ls 2>&1; true', 'closed');
    expect(foreign.stdout + foreign.stderr).toMatch(/ermission denied/);
    expect(await run(['-w=/etc/passwd'], 'true')).toMatchObject({ code: 125 });
    expect((await run(['-w=relative'], 'true')).stderr).toContain(
      "the working directory 'relative' is invalid, it needs to be an absolute path",
    );
    const container = await backgroundContainer(commands());
    const exec = (...options: string[]) => commands().tsctr(['exec', ...options, container.name, 'pwd']);
    expect((await exec('-w=/tmp')).stdout).toBe('/tmp\n');
    expect(await exec('-w=/nosuch')).toMatchObject({ code: 127 });
    await container.stop();
  });

  test('that cannot be executed is told with 126, one that is not there with 127', async () => {
    const files = { script: 'no program\n', crooked: '#!/nosuch/interpreter\n' };
    await commands().build(
      'FROM busybox\nCOPY --chmod=755 script crooked /\nCOPY --chmod=644 script /plain\n',
      files,
      ['-t', 'odd'],
    );
    const start = (program: string) =>
      commands().tsrun(['--rm', '--network=none', '--entrypoint', program, 'odd']);
    const cases: readonly (readonly [string, number, RegExp])[] = [
      ['nosuch', 127, /exec: "nosuch": executable file not found in \$PATH/],
      ['/nosuch', 127, /exec: "\/nosuch": stat \/nosuch: no such file or directory/],
      ['/plain', 126, /exec: "\/plain": permission denied/],
      ['/etc', 126, /exec: "\/etc": is a directory/],
      ['/script', 126, /exec format error/],
      ['/crooked', 127, /no such file or directory/],
      ['./script', 126, /exec format error/],
    ];
    for (const [program, code, words] of cases) {
      const outcome = await start(program);
      expect({ program, code: outcome.code }).toEqual({ program, code });
      expect(outcome.stderr).toMatch(words);
    }
  });

  test('is PID 1, whom nothing inside can signal, and whose parent nobody sees; --init reaps orphans', async () => {
    const { stdout } = await run(
      [],
      'kill -TERM 1; kill -KILL 1; echo alive $$; grep PPid /proc/1/status; ls /proc | grep -c "^[0-9]"',
    );
    expect(stdout).toMatch(/^alive 1\nPPid:\t0\n[1-4]\n$/);
    const orphan =
      'sh -c "sleep 0.1 & exec true"; sleep 0.4; grep -l "^State:.Z" /proc/[0-9]*/status 2>/dev/null | wc -l; head -c4 /proc/1/comm';
    expect((await run(['--init'], orphan)).stdout).toBe('0\ninit');
    expect((await run(['--init'], 'exit 3')).code).toBe(3);
    expect((await run([], 'kill -SEGV $$; sh -c "kill -SEGV \\$\\$"; exit $?')).code).toBe(139);
  });

  test('has a terminal of its user’s, with a size, and devices of root’s that all may use', async () => {
    const terminal = await run(
      ['-t', '-u=1000'],
      'stat -c %u:%g:%a $(tty); tty; stty size; test -t 0 && test -t 1 && test -t 2 && echo all',
    );
    expect(terminal.stdout).toBe('1000:5:620\r\n/dev/pts/0\r\n24 80\r\nall\r\n');
    const nodes = await run(
      ['-u=1000'],
      'test -t 0 || echo none; stat -c %u:%a /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty | sort -u; echo x >/dev/null; readlink /dev/fd; readlink /dev/ptmx; ls /dev',
    );
    expect(nodes.stdout).toBe(
      'none\n0:666\n/proc/self/fd\npts/ptmx\ncore\nfd\nfull\nmqueue\nnull\nptmx\npts\nrandom\nshm\nstderr\nstdin\nstdout\ntty\nurandom\nzero\n'.replace(
        'core\n',
        '',
      ),
    );
    const container = await backgroundContainer(commands(), ['-t']);
    const exec = await commands().tsctr([
      'exec',
      '-t',
      '-u=1000',
      container.name,
      'sh',
      '-c',
      'stat -c %u:%a $(tty); stty size',
    ]);
    await container.stop();
    expect(exec.stdout).toBe('1000:620\r\n24 80\r\n');
  });

  test('has names of its own: host, domain; devices as on the host', async () => {
    const names = await run(
      ['-h=box', '--domainname=example.org'],
      'hostname; cat /proc/sys/kernel/domainname /etc/hostname',
    );
    expect(names.stdout).toBe('box\nexample.org\nbox\n');
    expect((await run(['--uts=host', '-h=box'], 'true')).stderr).toContain(
      'conflicting options: hostname and the UTS mode',
    );
    const device = await run(
      ['--device=/dev/null:/dev/deep/er/x:rw'],
      'stat -c %a:%t:%T:%u /dev/deep/er/x; echo a > /dev/deep/er/x && echo ok',
    );
    expect(device.stdout).toBe('666:1:3:0\nok\n');
    for (const [option, words] of [
      ['--device=/nosuch', 'error gathering device information while adding custom device "/nosuch"'],
      ['--device=/dev/null:/dev/x:q', 'rwm'],
    ] as const)
      expect((await run([option], 'true')).stderr).toContain(words);
  });
});
