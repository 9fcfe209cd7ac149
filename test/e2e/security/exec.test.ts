import { createHash } from 'node:crypto';
import { chmodSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackgroundContainer, backgroundContainer } from '../../support/background-container.ts';
import { describeCommands, outcome } from '../../support/commands.ts';
import { hasProgram } from '../../support/programs.ts';

const hasStrace = hasProgram('strace');
if (!hasStrace) console.log('skipped: what a container sees of exec: there is no strace');

/**
 * Changes the programs of processes that come and go, and writes down whose it could. A mode is what can be changed of a
 * program while it runs, if it can be written at all; this one it has anyway.
 */
const CHANGE_EVERY_PROGRAM = `
  while :; do
    for p in /proc/[0-9]*; do chmod 755 $p/exe 2> /dev/null && readlink $p/exe >> /opened; done
  done
`;

describeCommands('tsctr exec into a hostile container', (commands) => {
  let container: BackgroundContainer;
  const canary = () => join(commands().folder, 'canary');
  beforeAll(async () => {
    writeFileSync(canary(), 'canary-content');
    container = await backgroundContainer(commands());
  });
  afterAll(() => container?.stop());
  const exec = (args: readonly string[]) => commands().tsctr(['exec', ...args]);
  const sh = (script: string, ...options: string[]) => exec([...options, container.name, 'sh', '-c', script]);

  test('cannot begin in a descriptor of anybody’s, and has 0, 1 and 2 alone (R01)', async () => {
    const up = '../'.repeat(20);
    for (const fd of [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 20, 30]) {
      for (const directory of [`/proc/self/fd/${fd}`, `/proc/self/fd/${fd}/..`]) {
        const { code, stdout } = await exec(['-w', directory, container.name, 'cat', `${up}${canary()}`]);
        expect({ directory, stdout }).toEqual({ directory, stdout: '' });
        expect(code).not.toBe(0);
      }
    }
    // `ls` has the directory itself open as the fourth.
    expect((await sh('ls /proc/self/fd')).stdout).toBe('0\n1\n2\n3\n');
  });

  test('sees what is masked as the container does, and cannot write what is read-only (R02, R04, R09)', async () => {
    const script = [
      'cat /proc/keys /proc/timer_list /proc/interrupts | wc -c',
      'for f in /proc/sys/kernel/core_pattern /proc/sysrq-trigger; do (: > $f) 2>/dev/null && echo wrote $f; done',
      'find /sys -type f -perm -200 2>/dev/null | while read f; do (: >> "$f") 2>/dev/null && echo wrote $f; done | head -3',
    ].join('; ');
    expect(await sh(script)).toMatchObject({ stdout: '0\n' });
  });

  test('stays in its root though the working directory is swapped for links all the time (R06, R12)', async () => {
    const flipping = await backgroundContainer(
      commands(),
      [],
      'mkdir -p /d /real; while :; do rmdir /d 2>/dev/null || rm -f /d; ln -s ../../../../../.. /d; rm -f /d; mkdir /d; done',
    );
    for (let round = 0; round < 20; round++) {
      const { stdout } = await exec(['-w', '/d', flipping.name, 'sh', '-c', `cat ./${canary()} ${canary()}`]);
      expect(stdout).toBe('');
    }
    await flipping.stop();
  });

  test('does not run this program itself, whatever a script names as its interpreter (R07)', async () => {
    await sh('printf "#!/proc/self/exe\\n" > /x; chmod 755 /x; ln -s /proc/self/exe /y');
    for (const program of ['/x', '/y', '/proc/self/exe', '/proc/thread-self/exe'])
      expect(await exec([container.name, program])).toMatchObject({ code: 126, stdout: '' });
  });

  test.each([
    ['with Docker’s capabilities', []],
    ['that may trace', ['--cap-add=SYS_PTRACE']],
  ])('a container %s cannot write the program that starts the command (R07)', async (_, options) => {
    const node = () => createHash('sha256').update(readFileSync(process.execPath)).digest('hex');
    const before = node();
    const attacker = await backgroundContainer(commands(), options, CHANGE_EVERY_PROGRAM);
    const opened = async () => (await exec([attacker.name, 'sh', '-c', 'cat /opened'])).stdout;
    let found = '';
    for (let round = 0; round < 30; round++) found = await opened();
    await attacker.stop();
    // It has changed programs of its own.
    expect(found).toContain('/bin/');
    expect(found.split('\n').filter((line) => line.startsWith('/') && !line.startsWith('/bin/'))).toEqual([]);
    expect(node()).toBe(before);
  });

  test.skipIf(!hasStrace)(
    'shows the container nothing of the host before the command runs: program, rights, namespaces (R07)',
    async () => {
      const ended = outcome(
        commands().start('tsctr', ['exec', container.name, 'true'], {
          // Each process that is about to execute something waits, so that it can be looked at.
          through: ['strace', '-f', '-o', '/dev/null', '-e', 'inject=execve:delay_enter=400000'],
        }),
      );
      const pid = await container.pid();
      const namespaces = (process: number | string) =>
        ['pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'].map((type) =>
          readlinkSync(`/proc/${process}/ns/${type}`),
        );
      // Once it waits: with the filter behind it, it has nothing that the container has not.
      const born = await eventually(() => strangersIn(pid).find((each) => status(each, 'Seccomp') === '2'));
      expect(statSync(`/proc/${born}/exe`).ino).toBe(statSync(process.execPath).ino);
      expect(() => chmodSync(`/proc/${born}/exe`, 0o755)).toThrow('EROFS');
      expect(namespaces(born)).toEqual(namespaces(pid));
      expect(statSync(`/proc/${born}/root/.`).ino).toBe(statSync(`/proc/${pid}/root/.`).ino);
      const open = readdirSync(`/proc/${born}/fd`).map((fd) => readlinkSync(`/proc/${born}/fd/${fd}`));
      expect(open.filter((path) => path.startsWith('/') && !['/', '/dev/null'].includes(path))).toEqual([]);
      expect(status(born, 'CapPrm')).toBe(status(pid, 'CapPrm'));
      expect(await ended).toMatchObject({ code: 0, stderr: '' });
    },
  );

  test('a container that kills whatever is started in it can be ended and removed like any other', async () => {
    const killAll =
      'cd /proc; while :; do for p in [0-9]*; do [ $p -gt 1 ] && kill -9 $p 2>/dev/null; done; done';
    const options = [
      '--network=none',
      '--name',
      'killer',
      '--health-cmd',
      'exit 0',
      '--health-interval',
      '50ms',
    ];
    expect(await commands().tsrun(['-d', ...options, 'busybox', 'sh', '-c', killAll])).toMatchObject({
      code: 0,
    });
    await delay(4000);
    expect(await commands().tsctr(['kill', 'killer'])).toMatchObject({ code: 0 });
    expect((await commands().tsctr(['wait', 'killer'])).stdout).toBe('137\n');
    expect(await commands().tsctr(['rm', 'killer'])).toMatchObject({ code: 0, stderr: '' });
  });

  test('gives no inheritable or ambient capability, as any user (R08)', async () => {
    for (const user of ['0', '1000']) {
      const { stdout } = await sh('grep -E "Cap(Inh|Amb)" /proc/self/status', '-u', user);
      expect(stdout).toBe(`CapInh:\t${'0'.repeat(16)}\nCapAmb:\t${'0'.repeat(16)}\n`);
    }
  });

  test.each([
    ['a link to an endless device', 'ln -sf /dev/zero /etc/passwd'],
    ['a FIFO', 'rm -f /etc/passwd; mkfifo /etc/passwd'],
    ['a link to the host’s', 'ln -sf ../../../../../../proc/1/root/etc/passwd /etc/passwd'],
  ])('does not hang on, or read elsewhere, when /etc/passwd is %s (R11)', async (_, command) => {
    const odd = await backgroundContainer(commands(), [], `${command}; exec sleep 600`);
    const { code, stdout } = await exec(['-u', 'daemon', odd.name, 'id']);
    await odd.stop();
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
  });

  test('cannot become root by a user that looks like a number (R10)', async () => {
    const named = await backgroundContainer(
      commands(),
      [],
      'for n in 4294967296 1e3 0x0 00 +0 -1; do echo "$n:x:0:0::/:/bin/sh" >> /etc/passwd; done; exec sleep 600',
    );
    for (const user of ['4294967296', '4294967295', '1e3', '0x0', '+0', '-1', ' 0']) {
      const { code, stdout } = await exec([`--user=${user}`, named.name, 'id', '-u']);
      expect({ user, code, stdout }).toMatchObject({ user, code: 1, stdout: '' });
    }
    await named.stop();
  });

  test('takes nothing from the environment of whoever asks (R13)', async () => {
    const { stdout } = await commands().tsctr(['exec', container.name, 'env'], {
      env: { SECRET_OF_THE_HOST: 'canary-value', LD_PRELOAD_X: 'canary-value' },
    });
    expect(stdout).not.toContain('canary-value');
  });

  test('cannot get at the processes of the host, nor outlive the container (R20)', async () => {
    expect((await sh('kill -9 -1; echo survived')).stdout).toBe('survived\n');
    expect((await sh('ps | grep -c "[t]sctr"')).stdout).toBe('0\n');
  });
});

/** Processes of a container that run this program: those that are about to run another. */
function strangersIn(pid: number): string[] {
  const namespace = readlinkSync(`/proc/${pid}/ns/pid`);
  return readdirSync('/proc').filter((name) => {
    try {
      const isThere = /^\d+$/.test(name) && readlinkSync(`/proc/${name}/ns/pid`) === namespace;
      return isThere && statSync(`/proc/${name}/exe`).ino === statSync(process.execPath).ino;
    } catch {
      return false; // It has ended.
    }
  });
}

async function eventually<T>(look: () => T | undefined): Promise<T> {
  for (let tries = 0; tries < 1000; tries++) {
    const found = look();
    if (found !== undefined) return found;
    await delay(10);
  }
  throw new Error('It has not come to be');
}

function status(pid: number | string, field: string): string | undefined {
  return new RegExp(`^${field}:\\t(.*)$`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
}
