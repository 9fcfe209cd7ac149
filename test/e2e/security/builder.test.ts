import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeCommands, importBusybox } from '../../support/commands.ts';
import type { RawImage } from '../../support/raw-image.ts';
import { TarBuilder } from '../../support/tar-builder.ts';
import { watchedHost } from '../../support/watched-host.ts';

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

  test('cannot be led out of its caches by their names or sources (B07)', async () => {
    const odd = [
      '..',
      '../..',
      '/',
      '.',
      '../../../../etc',
      'a/../../b',
      '%2e%2e',
      'x'.repeat(4000),
      '~',
      '-rf',
      '"a,b"',
      canary,
    ];
    for (const text of odd) {
      for (const option of [`id=${text}`, `id=b07,source=${text}`]) {
        const mount = `--mount=type=cache,target=/cache,${option}`;
        const { code, stderr } = await commands().build(
          `FROM busybox\nRUN ${mount} ls -A /cache > /seen; echo x > /cache/written-by-b07; ! grep -q -e secret -e passwd /seen\n`,
        );
        // Where the source is not in the cache, it is an error; the cache itself is harmless.
        expect({ text, code, stderr: code === 1 ? stderr : '' }).toMatchObject({
          text,
          stderr: code === 1 ? expect.stringMatching(/ERROR: /) : '',
        });
        if (code === 1) expect(stderr).not.toContain('did not complete successfully');
      }
    }
    expect(readdirSync(canary)).not.toContain('written-by-b07');
    for (const place of ['/', '/etc', commands().root, join(commands().root, 'cache-mounts')])
      expect(existsSync(join(place, 'written-by-b07')), place).toBe(false);
  });

  test('cannot have the source of a mount changed under it by another step (B08)', async () => {
    const mount = '--mount=type=cache,id=b08,target=/cache';
    const flip = `while [ ! -e /cache/stop ]; do rm -rf /cache/sub; ln -s ${canary} /cache/sub; rm -f /cache/sub; ln -s ../../../../../..${canary} /cache/sub; rm -f /cache/sub; mkdir /cache/sub; usleep 3000; done`;
    expect((await commands().build(`FROM busybox\nRUN ${mount} mkdir -p /cache/sub\n`)).code).toBe(0);
    const flipping = commands().build(`FROM busybox\nRUN ${mount} ${flip}\n`);
    const step = (index: number) =>
      `RUN --mount=type=cache,id=b08,source=sub,target=/s ls -A /s >> /seen; echo x > /s/written-by-b08 || true; : ${index}`;
    // On a busy machine the source is a directory for a small part of the time: until it was one for some step.
    let accepted = 0;
    for (let index = 0; index < 40 || (accepted === 0 && index < 400); index++) {
      const { code, stderr } = await commands().build(
        `FROM busybox\n${step(index)}\nRUN ! grep secret /seen\n`,
      );
      if (code === 0) accepted++;
      else expect(stderr).not.toContain('>>> RUN ! grep');
    }
    await commands().build(`FROM busybox\nRUN ${mount} touch /cache/stop\n`, {}, ['--no-cache']);
    expect((await flipping).code).toBe(0);
    expect(readdirSync(canary)).not.toContain('written-by-b08');
    expect(accepted).toBeGreaterThan(0);
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

  test('uses nothing of a context archive that is cut short, or whose directories lead out (B12)', async () => {
    writeFileSync(join(canary, 'Dockerfile'), 'FROM busybox\nLABEL stolen=yes\n');
    const whole = new TarBuilder()
      .symlink('Dockerfile', join(canary, 'written'))
      .file('Dockerfile', 'FROM busybox\n')
      .bytes();
    const cut = await commands().tsbuild(['-q', '-'], { input: whole.subarray(0, 512 + 512 + 5) });
    expect(cut.code).toBe(1);
    const entire = await commands().tsbuild(['-q', '-'], {
      input: Buffer.concat([whole, Buffer.alloc(1024)]),
    });
    expect(entire).toMatchObject({ code: 0 });
    for (const target of ['/', canary, `../../../../..${canary}`]) {
      const input = new TarBuilder().symlink('sub', target).end();
      const path = target === '/' ? `sub${canary}/Dockerfile` : 'sub/Dockerfile';
      const { code, stderr } = await commands().tsbuild(['-q', '-f', path, '-'], { input });
      expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringContaining('no such file') });
    }
    expect(readdirSync(canary).toSorted()).toEqual(
      ['Dockerfile', 'ignore', 'secret'].filter((name) => existsSync(join(canary, name))),
    );
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
  });

  test('takes no step from an image that looks as if it had been made by it (B15)', async () => {
    const dockerfile = 'FROM scratch\nCOPY file /file\nHEALTHCHECK CMD true\nONBUILD RUN true\n';
    const files = { file: 'ours' };
    const first = await commands().build(dockerfile, files, ['-t', 'ours']);
    expect(first).toMatchObject({ code: 0, stderr: '' });
    const [made] = JSON.parse((await commands().tsctr(['inspect', 'ours'])).stdout);
    const history = JSON.parse(
      `[${(await commands().tsctr(['history', '--no-trunc', '--format', '{{json .CreatedBy}}', 'ours'])).stdout.trim().split('\n').join(',')}]`,
    );
    const layer = tarOfDirectory(commands().context({ file: 'poison' }));
    const look = {
      layers: [layer],
      config: made.Config,
      document: {
        created: made.Created,
        history: history.toReversed().map((created_by: string, index: number) => ({
          created_by,
          ...(index > 0 && { empty_layer: true }),
        })),
      },
    };
    expect(await commands().load('poison', look)).toMatchObject({ code: 0 });
    expect((await commands().tsctr(['builder', 'prune', '-f'])).code).toBe(0);
    const again = await commands().build(dockerfile, files, ['-t', 'again']);
    expect(again).toMatchObject({ code: 0, stderr: '' });
    const out = join(commands().folder, 'again');
    expect(
      (await commands().build('FROM scratch\nCOPY --from=again /file /', {}, [`--output=${out}`])).code,
    ).toBe(0);
    expect(readFileSync(join(out, 'file'), 'utf8')).toBe('ours');
  });

  test('keeps apart here-documents, file names and directories that read the same one after the other (B16)', async () => {
    const contents = async (dockerfile: string, files: Record<string, string> = {}) => {
      const out = mkdtempSync(join(commands().folder, 'b16-'));
      const { code, stderr } = await commands().build(dockerfile, files, [`--output=${out}`]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      return execFileSync('sh', ['-c', 'cd "$0" && find . -type f | sort | xargs grep -H ""', out], {
        encoding: 'utf8',
      });
    };
    const copy = (first: string, second: string) =>
      `FROM scratch\nCOPY <<ONE /one\n${first}\nONE\nCOPY <<TWO /two\n${second}\nTWO\n`;
    expect(await contents(copy('a', 'bc'))).toBe('./one:a\n./two:bc\n');
    expect(await contents(copy('ab', 'c'))).toBe('./one:ab\n./two:c\n');
    expect(await contents(copy('abc', ''))).toBe('./one:abc\n./two:\n');
    const all = 'FROM scratch\nCOPY src /\n';
    expect(await contents(all, { 'src/a/b': 'x', 'src/c': 'y' })).toBe('./a/b:x\n./c:y\n');
    expect(await contents(all, { 'src/a': 'x', 'src/b/c': 'y' })).toBe('./a:x\n./b/c:y\n');
    expect(await contents(all, { 'src/ab': 'x', 'src/c': 'y' })).toBe('./ab:x\n./c:y\n');
    expect(await contents(all, { 'src/ab': 'xy', 'src/c': '\n' })).toBe('./ab:xy\n./c:\n');
  });

  test('changes nothing on the host outside its store (B21)', async () => {
    const archive = new TarBuilder()
      .file('/etc/passwd', 'mine')
      .symlink('lib', '/usr/bin')
      .file('lib/env', 'mine')
      .end();
    const dockerfile = `FROM busybox
RUN rm -rf /bin/ls /etc /root /home /var; echo gone > /usr-gone; mkdir -p /usr/bin && ln -s /etc /opt && ln -s / /host
RUN mount -o remount,rw / ; mount --bind /tmp /etc; mknod /disk b 254 0; echo x > /proc/sys/kernel/core_pattern; echo b > /proc/sysrq-trigger; true
COPY passwd /etc/
COPY passwd /opt/
COPY passwd /host/etc/hosts
ADD archive.tar /
WORKDIR /opt/made/by/the/build
VOLUME /etc /var/lib
RUN --mount=type=bind,target=/host/usr,rw rm -rf /host/usr/*; rm -rf /host/usr/* /host/etc/* || true
`;
    const host = watchedHost(commands().folder);
    const { through } = host;
    const context = commands().context({ Dockerfile: dockerfile, passwd: 'mine', 'archive.tar': archive });
    const args = ['-q', '--network=none', '-t', 'b21', context];
    const { code, stderr } = await commands().tsbuild(args, { through });
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const remove = ['rm', '-rf', '/etc', '/var', '/usr', '/opt'];
    const ran = await commands().tsrun(['--rm', '--network=none', 'b21', ...remove], { through });
    expect(ran.code).not.toBe(125);
    expect(host.changes()).toEqual([]);
    for (const name of ['usr-gone', 'host', 'disk']) expect(existsSync(`/${name}`)).toBe(false);
    // It does notice.
    execFileSync(through[0]!, [...through.slice(1), 'sh', '-c', 'touch /etc/b21; rm /etc/passwd']);
    expect(host.changes()).toEqual(['/etc/b21 f', '/etc/passwd c']);
  });

  test('refuses or uses an image whose config is not as configs are, without a stack (B04)', async () => {
    const layer = new TarBuilder().file('file', 'x').end();
    const odd: readonly RawImage[] = [
      { layers: [layer], document: { config: null } },
      { layers: [layer], document: { config: [] } },
      { layers: [layer], document: { config: { Env: 'A=1' } } },
      { layers: [layer], document: { rootfs: { type: 'layers', diff_ids: ['../../etc'] } } },
      { layers: [layer], document: { rootfs: null } },
      { layers: [layer, layer], document: { history: [{}, {}, {}] } },
      { layers: [layer], document: { architecture: '../../x', os: '\0' } },
      { layers: [], document: {} },
      {
        layers: [layer],
        config: { Env: ['A=\0', '='.repeat(100), 'B=\ud800'], Cmd: ['\0'], WorkingDir: 'relative/../..' },
      },
      {
        layers: [layer],
        config: { User: '\0:\n', Volumes: { '': {}, '../..': {}, '/proc': {} }, ExposedPorts: { x: {} } },
      },
      {
        layers: [layer],
        config: { OnBuild: ['FROM busybox', 'NONSENSE', 'RUN \0', 'COPY --from=../.. a b'] },
      },
      {
        layers: [layer],
        config: { Labels: { '': '', __proto__: 'x', 'a\nb': '\u001b[2J' }, StopSignal: 'x', Shell: [''] },
      },
      {
        layers: [layer],
        config: { Healthcheck: { Test: [1, {}], Interval: -1 }, Entrypoint: [''], Cmd: null },
      },
    ];
    for (const [index, image] of odd.entries()) {
      const name = `odd${index}`;
      const outcomes = [
        await commands().load(name, image),
        await commands().tsctr(['inspect', name]),
        await commands().tsctr(['history', name]),
        await commands().build(`FROM ${name}\nCOPY --from=busybox /bin /bin\nRUN true\n`),
        await commands().tsrun(['--rm', '--network=none', name, '/file']),
      ];
      for (const { code, signal, stderr } of outcomes) {
        expect({ index, code, signal }).toMatchObject({ index, code: expect.any(Number), signal: null });
        expect(stderr).not.toMatch(/^\s+at .*:\d+|TypeError|is not a function|undefined/m);
      }
    }
    expect((await commands().tsctr(['images'])).code).toBe(0);
    expect((await commands().tsctr(['prune', '-af'])).code).toBe(0);
    await importBusybox(commands());
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
