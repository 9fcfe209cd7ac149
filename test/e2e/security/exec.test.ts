import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type BackgroundContainer, backgroundContainer } from '../../support/background-container.ts';
import { describeCommands } from '../../support/commands.ts';

/**
 * Changes the programs of processes that come and go, and writes down what it is told. A mode is what can be changed of
 * a program while it runs, if it can be written at all; this one it has anyway.
 */
const CHANGE_EVERY_PROGRAM = `
  while :; do
    for p in /proc/[0-9]*; do chmod 755 $p/exe 2>> /answers && readlink $p/exe >> /opened; done
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
    ['with Docker’s capabilities', [], /Permission denied/],
    ['that may trace', ['--cap-add=SYS_PTRACE'], /Read-only file system/],
  ])('a container %s cannot write the program that starts the command (R07)', async (_, options, met) => {
    const node = () => createHash('sha256').update(readFileSync(process.execPath)).digest('hex');
    const before = node();
    const attacker = await backgroundContainer(commands(), options, CHANGE_EVERY_PROGRAM);
    const answers = async () => (await exec([attacker.name, 'sh', '-c', 'cat /answers /opened'])).stdout;
    let found = '';
    for (let round = 0; round < 30 && !met.test(found); round++) found = await answers();
    await attacker.stop();
    // It has met the set-up process, so that the answer is about that.
    expect(found).toMatch(met);
    expect(found.split('\n').filter((line) => line.startsWith('/') && !line.startsWith('/bin/'))).toEqual([]);
    expect(node()).toBe(before);
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
