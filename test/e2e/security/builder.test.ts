import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeCommands } from '../../support/commands.ts';

/** Something outside of everything, to be neither read nor changed. */
let canary: string;

beforeAll(() => {
  canary = mkdtempSync(join(tmpdir(), 'tsbuild-canary-'));
  writeFileSync(join(canary, 'secret'), 'canary');
});

afterAll(() => rmSync(canary, { recursive: true }));

const tarOfDirectory = (directory: string) => execFileSync('tar', ['-C', directory, '-cf', '-', '.']);

describeCommands('a build under attack', (commands) => {
  test('leaves alone what a mount point was replaced by, and keeps its stub out of the layer (B02)', async () => {
    const dockerfile = `FROM busybox
RUN --mount=type=tmpfs,target=/a/b mkdir /moved && ln -s ${canary} /link && (mv /a /moved/a; rm -rf /a; ln -s ${canary} /a; true)
RUN --mount=type=tmpfs,target=/c/d true
RUN ls / /moved /a > /seen 2>&1; true`;
    const { code, stderr } = await commands().build(dockerfile, {}, ['-t', 'b02']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readFileSync(join(canary, 'secret'), 'utf8')).toBe('canary');
    const { stdout } = await commands().tsrun(['--rm', '--network=none', 'b02', 'cat', '/seen']);
    expect(stdout).not.toContain('secret');
    expect(stdout).not.toMatch(/^c$/m);
    expect(stdout).toMatch(/^moved$/m);
  });

  test('does not follow a Dockerfile or a source that is a link out of a context archive (B12)', async () => {
    writeFileSync(join(canary, 'Dockerfile'), 'FROM busybox\nLABEL stolen=yes\n');
    const outside = commands().context({ file: '' });
    symlinkSync(join(canary, 'Dockerfile'), join(outside, 'Dockerfile'));
    const first = await commands().tsbuild(['-q', '-'], { input: tarOfDirectory(outside) });
    expect(first.code).toBe(1);
    expect(first.stderr).toContain('Dockerfile is a link that leads to nothing in the context');
    const copying = commands().context({ Dockerfile: 'FROM busybox\nCOPY link /stolen\n' });
    symlinkSync(join(canary, 'secret'), join(copying, 'link'));
    const second = await commands().tsbuild(['-q', '-'], { input: tarOfDirectory(copying) });
    expect(second.code).toBe(1);
    expect(second.stderr).toContain('"/link": not found');
  });

  test('refuses an ignore file that leads out of the context (B13)', async () => {
    writeFileSync(join(canary, 'ignore'), '*\n');
    const context = commands().context({ Dockerfile: 'FROM busybox\nCOPY . /all\n', file: '' });
    symlinkSync(join(canary, 'ignore'), join(context, '.dockerignore'));
    const { code, stderr } = await commands().tsbuild(['-q', context]);
    expect(code).toBe(1);
    expect(stderr).toContain('.dockerignore');
  });

  test('runs a step again when any part of it changes, and never takes one from an image that looks alike (B15)', async () => {
    const base = ['FROM busybox', 'ENV A=1', 'ARG P=1', 'WORKDIR /w', 'USER 0', 'RUN echo run'];
    const build = async (lines: readonly string[], args: readonly string[] = []) => {
      const context = commands().context({ Dockerfile: lines.join('\n') });
      const { code, stderr } = await commands().tsbuild([
        '--network=none',
        '--progress=plain',
        ...args,
        context,
      ]);
      expect({ code, stderr }).toMatchObject({ code: 0 });
      const run = stderr.split('\n').findIndex((line) => /^#\d+ \[.*\] RUN /.test(line));
      const number = /^#(\d+)/.exec(stderr.split('\n')[run]!)![1];
      return stderr.includes(`\n#${number} CACHED`);
    };
    expect(await build(base)).toBe(false);
    expect(await build(base)).toBe(true);
    const changed = (line: number, text: string) => base.map((old, index) => (index === line ? text : old));
    for (const variant of [
      changed(1, 'ENV A=2'),
      changed(1, 'ENV B=1'),
      changed(2, 'ARG P=2'),
      changed(2, 'ARG Q=1'),
      changed(3, 'WORKDIR /v'),
      changed(4, 'USER 1'),
      changed(5, 'RUN echo run '.concat('again')),
      changed(5, 'RUN ["echo", "run"]'),
      changed(5, 'RUN --network=none echo run'),
      changed(5, 'RUN --mount=type=tmpfs,target=/t echo run'),
    ]) {
      expect({ variant, cached: await build(variant) }).toEqual({
        variant,
        cached: variant[5]!.includes('--network'),
      });
    }
    // An image of the same history, but other files, is another base.
    const layer = tarOfDirectory(commands().context({ marker: 'x' }));
    await commands().load('lookalike', { layers: [layer], config: { Env: ['PATH=/bin'] } });
    expect(await build(['FROM busybox', 'COPY --from=lookalike /marker /', ...base.slice(1)])).toBe(false);
  });

  test('changes nothing on the host outside its store (B21)', async () => {
    const marker = join(canary, 'marker');
    writeFileSync(marker, '');
    const dockerfile =
      'FROM busybox\nRUN rm -rf /bin/ls /etc; echo gone > /usr-gone; mkdir -p /usr/bin\nCOPY . /etc/\nWORKDIR /usr/local\n';
    const { code } = await commands().build(dockerfile, { passwd: 'mine' });
    expect(code).toBe(0);
    const folders = ['/etc', '/usr', '/home', '/srv'].filter((path) => existsSync(path));
    const found = execFileSync('find', [...folders, '-xdev', '-newer', marker, '-not', '-type', 'd'], {
      encoding: 'utf8',
    });
    expect(found).toBe('');
  });

  test('fails with words, not with a stack, whatever bytes stand in a field (B04)', async () => {
    const odd = [
      '\u0000',
      '\u001b[2J',
      '\ud800',
      '__proto__',
      'constructor',
      '%s%n',
      '${',
      '`',
      '"',
      "'",
      '\\',
    ];
    for (const text of odd) {
      const { code, stderr } = await commands().build(
        `FROM busybox\nLABEL a=${text}\nENV ${text}=1\nCOPY ${text} /x\nRUN ${text}\n`,
      );
      expect([0, 1]).toContain(code);
      expect(stderr).not.toMatch(/\bat .*\.(js|cjs|ts):\d+/);
    }
  });
});
