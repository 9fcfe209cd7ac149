import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeCommands, outcome } from '../support/commands.ts';

const many = (count: number, line: (index: number) => string) =>
  Array.from({ length: count }, (_, index) => line(index)).join('\n');

describeCommands('a Dockerfile', (commands) => {
  test('of 300 steps gives an image of 300 layers that runs', async () => {
    const steps = many(300, (index) => `COPY <<EOF /f${index}\n${index}\nEOF`);
    const built = await commands().build(`FROM busybox\n${steps}\nRUN ls / | grep -c ^f`, {}, ['-t', 'many']);
    expect(built).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await commands().tsrun(['--rm', '--network=none', 'many', 'cat', '/f0', '/f299']);
    expect(stdout).toBe('0\n299\n');
  });

  test('of 1,000 stages, each on the one before, is built', async () => {
    const stages = many(
      1000,
      (index) => `FROM ${index === 0 ? 'busybox' : `s${index - 1}`} AS s${index}\nENV A${index}=1`,
    );
    const { code, stderr } = await commands().build(`${stages}\nRUN test $(env | grep -c ^A) = 1000`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('of 1,000 stages of which one is wanted runs that one', async () => {
    const stages = many(1000, (index) => `FROM busybox AS s${index}\nRUN exit ${index === 500 ? 0 : 1}`);
    const { code, stderr } = await commands().build(stages, {}, ['--target=s500']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('with as many layers as no kernel mounts is refused where it would be mounted', async () => {
    const steps = many(510, (index) => `COPY <<EOF /f\n${index}\nEOF`);
    const { code, stderr } = await commands().build(`FROM busybox\n${steps}\nRUN cat /f`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/ERROR: Cannot mount a root of 511 layers: the kernel takes 500\n$/);
  });

  test('with more environment than a program can have is refused by name', async () => {
    const variables = many(60, (index) => `ENV A${index}=${'v'.repeat(60_000)}`);
    const { code, stderr } = await commands().build(`FROM busybox\n${variables}\nRUN true`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/ERROR: exec \/bin\/sh: argument list too long\n$/);
    // As metadata it is allowed.
    expect((await commands().build(`FROM busybox\n${variables}`, {}, ['-t', 'large'])).code).toBe(0);
    expect((await commands().tsrun(['--rm', '--network=none', 'large', 'true'])).code).not.toBe(0);
  });
});

describeCommands('a step', (commands) => {
  test('that leaves processes behind ends with its own', async () => {
    const began = performance.now();
    const { code } = await commands().build(
      `FROM busybox\nRUN (setsid sleep 98761 >/dev/null 2>&1 &); setsid sleep 98762 & (trap '' TERM HUP INT; sleep 98763) & echo ok > /ok`,
    );
    expect(code).toBe(0);
    expect(performance.now() - began).toBeLessThan(20_000);
    expect(
      execFileSync('sh', ['-c', 'cat /proc/[0-9]*/cmdline 2>/dev/null | tr "\\0" " "; true'], {
        encoding: 'latin1',
      }),
    ).not.toMatch(/sleep 9876/);
  });

  test('that closes its output goes on', async () => {
    const { code } = await commands().build(
      'FROM busybox\nRUN exec >&- 2>&-; sleep 1; test ! -e /done && mkdir /done',
    );
    expect(code).toBe(0);
  });

  test('fills /dev/shm and no more', async () => {
    const fill = 'dd if=/dev/zero of=/dev/shm/fill bs=1M count=100';
    const { code, stderr } = await commands().build(`FROM busybox\nRUN ${fill}`);
    expect(code).toBe(1);
    expect(stderr).toContain('/dev/shm/fill');
    expect(stderr).toContain('No space left on device');
    expect((await commands().build(`FROM busybox\nRUN ${fill}`, {}, ['--shm-size=200m'])).code).toBe(0);
  });

  test.each([
    ['lines', 'yes 0123456789012345678901234567890123456789', 'plain'],
    ['one line', 'yes "" | tr "\\n" x', 'plain'],
    ['one line', 'yes "" | tr "\\n" x', 'tty'],
    ['bytes', 'cat /bin/busybox /bin/busybox /dev/zero', 'rawjson'],
  ])(
    'that prints 200 MB of %s (%s, --progress=%s) takes no more memory for it',
    async (_, program, progress) => {
      const context = commands().context({
        Dockerfile: `FROM busybox\nRUN (${program}) | head -c 200000000`,
      });
      const child = commands().start('tsbuild', [
        `--progress=${progress}`,
        '--no-cache',
        '--network=none',
        context,
      ]);
      let peak = 0;
      const watch = setInterval(() => {
        peak = Math.max(peak, highWater(child.pid!));
      }, 50);
      child.stderr!.resume();
      child.stderr!.setEncoding('latin1');
      let printed = 0;
      child.stderr!.on('data', (text: string) => {
        printed += text.length;
      });
      const [code] = await once(child, 'close');
      clearInterval(watch);
      expect(code).toBe(0);
      if (progress !== 'tty') expect(printed).toBeGreaterThan(200_000_000);
      expect(peak).toBeGreaterThan(20);
      expect(peak).toBeLessThan(300);
    },
  );

  test('that cannot be started says why, once', async () => {
    for (const [dockerfile, message] of [
      ['FROM busybox\nRUN ["/nothing"]', /nothing/],
      ['FROM busybox\nSHELL ["/bin/nothing", "-c"]\nRUN true', /nothing/],
      ['FROM scratch\nRUN true', /\/bin\/sh/],
      ['FROM busybox\nUSER nobody-knows\nRUN true', /nobody-knows/],
      ["FROM busybox\nRUN sh -c 'kill -9 $$'; exit $?", /exit code: 137/],
      ['FROM busybox\nRUN exit 300', /exit code: 44/],
    ] as const) {
      const { code, stderr } = await commands().build(dockerfile);
      expect(code, dockerfile).toBe(1);
      expect(stderr).toMatch(message);
      expect(stderr.match(/^ERROR: /gm), stderr).toHaveLength(1);
    }
  });

  test('whose reader goes away is stopped', async () => {
    const context = commands().context({ Dockerfile: 'FROM busybox\nRUN yes' });
    const child = commands().start('tsbuild', ['--progress=plain', '--network=none', context]);
    child.stderr!.once('data', () => child.stderr!.destroy());
    const end = await Promise.race([
      outcome(child).catch(() => undefined),
      new Promise((resolve) => setTimeout(resolve, 20_000, 'hangs').unref()),
    ]);
    child.kill('SIGKILL');
    expect(end).not.toBe('hangs');
  });
});

/** Peak of resident memory, MiB. */
function highWater(pid: number): number {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}
