import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackgroundContainer, backgroundContainer } from '../support/background-container.ts';
import { type CommandOptions, describeCommands, outcome } from '../support/commands.ts';
import { hasProgram } from '../support/programs.ts';
import { PseudoTerminal } from '../support/pseudo-terminal.ts';

const TSCTR = resolve(import.meta.dirname, '../../dist/tsctr.cjs');

describeCommands('tsctr exec', (commands) => {
  let container: BackgroundContainer;
  beforeAll(async () => {
    container = await backgroundContainer(commands(), [
      ...['-m', '64m', '-e', 'OWN=container', '--ulimit', 'nofile=100:200', '-w', '/tmp'],
    ]);
  });
  afterAll(() => container?.stop());
  const exec = (args: readonly string[], options?: CommandOptions) =>
    commands().tsctr(['exec', ...args], options);
  const sh = (script: string, ...options: string[]) => exec([...options, container.name, 'sh', '-c', script]);

  test.each([
    [0, ['true'], ''],
    [7, ['sh', '-c', 'exit 7'], ''],
    [137, ['sh', '-c', 'kill -9 $$'], ''],
    [127, ['nosuch'], 'exec: "nosuch": executable file not found in $PATH'],
    [127, ['/nosuch'], 'exec: "/nosuch": stat /nosuch: no such file or directory'],
    [127, [''], 'exec: "": executable file not found in $PATH'],
    [126, ['/etc'], 'exec: "/etc": is a directory'],
    [126, ['/etc/passwd'], 'exec: "/etc/passwd": permission denied'],
  ])('ends with %i for %j', async (code, args, message) => {
    const found = await exec([container.name, ...args]);
    expect(found).toMatchObject({ code, stderr: message === '' ? '' : `tsctr: ${message}\n` });
  });

  test.each([
    [127, ['-w', '/nosuch'], 'Cannot change to working directory "/nosuch": no such file or directory'],
    [1, ['-w', 'relative'], "the working directory 'relative' is invalid"],
    [1, ['-u', 'nosuch'], 'unable to find user nosuch: no matching entries in passwd file'],
    [1, ['-u', '0:nosuch'], 'unable to find group nosuch: no matching entries in group file'],
    [1, ['-u', '4294967296'], 'Invalid id 4294967296'],
  ])('ends with %i for the options %j', async (code, options, message) => {
    const { stderr, ...found } = await exec([...options, container.name, 'true']);
    expect(found.code).toBe(code);
    expect(stderr).toContain(message);
  });

  test.each([
    ['exec', () => [TSCTR, 'exec', '-i', container.name]],
    ['run', () => [TSCTR, 'run', '--rm', '-i', '--network=none', 'busybox']],
  ])('tsctr %s with a file for input loses nothing to a slow reader', async (_, argv) => {
    const file = join(commands().folder, 'large');
    writeFileSync(file, Buffer.alloc(3_000_000, 'a line\n'));
    const script = '"$@" cat < "$0" | { sleep 0.5; cksum; }; cksum < "$0"';
    const output = execFileSync('sh', ['-c', script, file, process.execPath, ...argv()], {
      env: { PATH: process.env.PATH, HOME: commands().folder, TSBUILD_ROOT: commands().root },
      encoding: 'utf8',
    });
    const [read, written] = output.trimEnd().split('\n');
    expect(read).toBe(written);
  });

  test('says which container is not there, or not running, and what is missing', async () => {
    expect(await exec(['nosuch', 'true'])).toMatchObject({
      code: 1,
      stderr: 'tsctr: No such container: nosuch\n',
    });
    await commands().tsrun(['--name', 'ended', '--network=none', 'busybox', 'true']);
    const { code, stderr } = await exec(['ended', 'true']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^tsctr: container [0-9a-f]{64} is not running\n$/);
    await commands().tsctr(['rm', 'ended']);
    expect(await exec([container.name])).toMatchObject({ code: 1 });
  });

  test('joins every namespace and control group of the container', async () => {
    const pid = await container.pid();
    const names = ['pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'];
    const { stdout } = await sh('for n in pid mnt net ipc uts cgroup; do readlink /proc/self/ns/$n; done');
    expect(stdout.trim().split('\n')).toEqual(names.map((name) => readlinkSync(`/proc/${pid}/ns/${name}`)));
    const child = commands().start('tsctr', ['exec', container.name, 'sh', '-c', 'echo up; exec sleep 50']);
    const ended = outcome(child);
    await new Promise((started) => child.stdout!.once('data', started));
    const { stdout: pids } = await sh('pidof sleep');
    expect(pids.trim().split(' ')).toHaveLength(2);
    const theirs = hostProcesses(pid).map((each) => readFileSync(`/proc/${each}/cgroup`, 'utf8'));
    expect(theirs.length).toBeGreaterThanOrEqual(2);
    expect(new Set(theirs).size).toBe(1);
    child.kill('SIGKILL');
    await ended;
    // Nothing is left of what was started by a command that was killed.
    for (let tries = 0; hostProcesses(pid).length > 1 && tries < 200; tries++) await delay(10);
    expect(hostProcesses(pid)).toEqual([pid]);
  });

  test('is confined, limited and set up as the container is', async () => {
    const status = 'grep -E "^(Cap|NoNewPrivs|Seccomp:|Umask)" /proc/self/status; ulimit -n; ulimit -Hn; pwd';
    const inside = (pid: string) => `grep -E "^(Cap|NoNewPrivs|Seccomp:|Umask)" /proc/${pid}/status`;
    const { stdout } = await sh(status);
    const { stdout: ofInit } = await sh(inside('1'));
    expect(stdout).toBe(`${ofInit}100\n200\n/tmp\n`);
    expect(ofInit).toMatch(/CapBnd:\t00000000a80425fb\nCapAmb:\t0+\nNoNewPrivs:\t0\nSeccomp:\t2\n$/);
  });

  test('keeps fewer rights where the container has fewer', async () => {
    const least = await backgroundContainer(commands(), [
      ...['--cap-drop', 'ALL', '--cap-add', 'CHOWN', '--security-opt', 'no-new-privileges'],
      ...['--security-opt', 'seccomp=unconfined', '-u', 'user', '--read-only'],
    ]);
    const { stdout } = await exec([
      least.name,
      'sh',
      '-c',
      'id -u; grep -E "^(CapEff|CapBnd|NoNewPrivs|Seccomp:)" /proc/self/status; touch /x 2>&1',
    ]);
    await least.stop();
    expect(stdout).toBe(
      '1000\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000001\nNoNewPrivs:\t1\nSeccomp:\t0\ntouch: /x: Read-only file system\n',
    );
  });

  test('gives all capabilities with --privileged, and the container’s filter stays', async () => {
    const caps = (await sh('grep -E "CapEff|Seccomp:" /proc/self/status', '--privileged')).stdout;
    const own = /CapBnd:\t(\w+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1];
    expect(caps).toBe(`CapEff:\t${own}\nSeccomp:\t2\n`);
    const ofUser = await sh('grep CapEff /proc/self/status', '--privileged', '-u', '1000');
    expect(ofUser.stdout).toBe('CapEff:\t0000000000000000\n');
  });

  test('has the container’s environment, then that of -e, and HOME of its own user', async () => {
    const file = join(commands().folder, 'env');
    writeFileSync(file, 'FILE=1\nOWN=file\n');
    const options = ['-e', 'MORE=2', '-e', 'FROM_HOST', '-e', 'PATH=/bin:/x', '-u', 'user'];
    const { stdout } = await exec([...options, '--env-file', file, container.name, 'env'], {
      env: { FROM_HOST: 'given', SECRET_OF_HOST: 'hidden' },
    });
    expect(stdout.split('\n').sort().join('\n').trim()).toMatch(
      /^FILE=1\nFROM_HOST=given\nHOME=\/home\nHOSTNAME=[0-9a-f]{12}\nMORE=2\nOWN=file\nPATH=\/bin:\/x$/,
    );
  });

  test('looks up its user in the container as it is now', async () => {
    await sh('echo late:x:77:78::/late:/bin/sh >> /etc/passwd; echo more:x:79:late >> /etc/group');
    const { stdout } = await sh('id -u; id -g; id -G; echo $HOME', '-u', 'late');
    expect(stdout).toBe('77\n78\n78 79\n/late\n');
    const named = await sh('id -u; id -G', '-u', 'late:more');
    expect(named.stdout).toBe('77\n79\n');
  });

  test('passes standard input with -i, and nothing without', async () => {
    expect((await exec(['-i', container.name, 'cat'], { input: 'typed' })).stdout).toBe('typed');
    expect((await exec([container.name, 'cat'], { input: 'typed' })).stdout).toBe('');
  });

  test('returns though a process in the background holds its output', async () => {
    const begun = performance.now();
    const { code, stdout } = await sh('sleep 60 & echo "started"');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'started\n' });
    expect(performance.now() - begun).toBeLessThan(30_000);
    await sh('kill $(pidof sleep | tr " " "\\n" | grep -v "^1$")');
  });

  test('goes on in the background with -d, and ends with the container', async () => {
    const short = await backgroundContainer(commands());
    const pid = await short.pid();
    expect(await exec(['-d', short.name, 'sh', '-c', 'echo went > /out; exec sleep 500'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: '',
    });
    const wait = 'until [ -s /out ]; do sleep 0.05; done; cat /out; pidof sleep | wc -w';
    expect((await exec([short.name, 'sh', '-c', wait])).stdout).toBe('went\n2\n');
    const processes = hostProcesses(pid);
    expect(processes).toHaveLength(2);
    await short.stop();
    for (const each of processes) expect(() => process.kill(each, 0)).toThrow('ESRCH');
    expect(await exec(['-d', short.name, 'nosuch'])).toMatchObject({ code: 1 });
  });

  test('says in the background, too, that a command is not there', async () => {
    expect(await exec(['-d', container.name, 'nosuch'])).toMatchObject({
      code: 127,
      stderr: 'tsctr: exec: "nosuch": executable file not found in $PATH\n',
    });
  });

  test('ends with 137 when the container ends', async () => {
    const short = await backgroundContainer(commands());
    const child = commands().start('tsctr', ['exec', short.name, 'sh', '-c', 'echo up; exec sleep 500']);
    const ended = outcome(child);
    await new Promise((started) => child.stdout!.once('data', started));
    await short.stop();
    expect(await ended).toMatchObject({ code: 137, stdout: 'up\n' });
  });

  test.skipIf(!hasProgram('setsid'))(
    'has a terminal of its own with -t, which takes keys with -i',
    async () => {
      const { root, folder } = commands();
      const env = { PATH: process.env.PATH, HOME: folder, TSBUILD_ROOT: root };
      const argv = [process.execPath, TSCTR, 'exec', '-it', container.name, 'sh'];
      const terminal = await PseudoTerminal.start(argv, env);
      await terminal.until(/# /);
      await terminal.line('tty; echo $TERM; stty size', /\/dev\/pts\/0\s+xterm\s+24 80/);
      terminal.resize(50, 132);
      await terminal.line('sleep 0.2; stty size', /50 132/);
      await terminal.line('ls /dev/console; echo end', /No such file or directory\s+end/);
      terminal.type('exit 5\r');
      expect(await terminal.ended()).toBe(5);
      const refused = await exec(['-it', container.name, 'sh']);
      expect(refused).toMatchObject({ code: 1 });
      expect(refused.stderr).toContain('the input device is not a TTY');
    },
  );

  test.skipIf(!hasProgram('nsenter'))('is what nsenter does with the PID that inspect shows', async () => {
    const pid = await container.pid();
    const spaces = ['--mount', '--uts', '--ipc', '--net', '--pid'];
    const shown = execFileSync('nsenter', ['--target', String(pid), ...spaces, 'ps'], { encoding: 'utf8' });
    expect(shown).toMatch(/^\s+1 root\s+.*sleep 600$/m);
    expect(shown).not.toContain('tsrun');
    expect((await sh('ps')).stdout).toMatch(/^\s+1 root\s+.*sleep 600$/m);
  });
});

/** As the host numbers them: all in the PID namespace of `pid`. */
function hostProcesses(pid: number): number[] {
  const namespace = readlinkSync(`/proc/${pid}/ns/pid`);
  return execFileSync('ps', ['-e', '-o', 'pid='], { encoding: 'utf8' })
    .split('\n')
    .map(Number)
    .filter((each) => each > 0 && namespaceOf(each) === namespace);
}

function namespaceOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return undefined;
  }
}
