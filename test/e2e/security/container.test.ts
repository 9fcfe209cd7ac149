import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { describeCommands } from '../../support/commands.ts';
import { tarOf } from '../../support/tar-files.ts';

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
