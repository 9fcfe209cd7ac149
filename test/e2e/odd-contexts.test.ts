import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, onTestFinished, test } from 'vitest';
import { describeCommands, type Outcome } from '../support/commands.ts';
import { hasProgram } from '../support/programs.ts';

/** It fails with these words, soon, and shows nothing of the program's inside. */
function expectError({ code, stderr }: Outcome, ...parts: readonly (string | RegExp)[]): void {
  expect(code, stderr).toBe(1);
  for (const part of parts) expect(stderr).toMatch(part);
  expect(stderr).not.toMatch(/^\s+at .*:\d+|node:internal/m);
}

/** As root without the right to read what its mode forbids. */
const plainRoot = ['setpriv', '--bounding-set=-dac_override,-dac_read_search'].concat(
  '--inh-caps=-dac_override,-dac_read_search',
);
const impatient = ['timeout', '-s', 'KILL', '20'];

describeCommands('a context', (commands) => {
  const build = (directory: string, through = impatient, ...args: string[]) =>
    commands().tsbuild(['-q', '--network=none', ...args, directory], { through });

  test.skipIf(!hasProgram('setpriv'))(
    'with files that must not be read fails where they are needed',
    async () => {
      const directory = commands().context({
        Dockerfile: 'FROM scratch\nCOPY src /src',
        '.dockerignore': '',
        'src/file': 'x',
        'src/dir/file': 'x',
      });
      const path = (name: string) => join(directory, name);
      chmodSync(path('src/file'), 0);
      expectError(
        await build(directory, plainRoot),
        'Cannot read "/src/file": EACCES: permission denied',
        '>>> COPY',
      );
      chmodSync(path('src/file'), 0o644);
      chmodSync(path('src/dir'), 0);
      expectError(await build(directory, plainRoot), 'Cannot read "/src/dir": EACCES: permission denied');
      writeFileSync(path('.dockerignore'), 'src/dir\n');
      expect(await build(directory, plainRoot)).toMatchObject({ code: 0, stderr: '' });
      for (const name of ['Dockerfile', '.dockerignore']) {
        chmodSync(path(name), 0);
        expectError(await build(directory, plainRoot), 'permission denied', name);
        chmodSync(path(name), 0o644);
      }
    },
  );

  test.each<[string, (path: string) => void, string | RegExp]>([
    ['a pipe', (path) => execFileSync('mkfifo', [path]), 'Dockerfile is not a file'],
    ['a device', (path) => execFileSync('mknod', [path, 'c', '1', '5']), 'Dockerfile is not a file'],
    ['a directory', (path) => mkdirSync(path), 'Dockerfile is a directory'],
    ['a link to itself', (path) => symlinkSync('Dockerfile', path), 'too many symbolic links'],
    [
      'a link that leads out',
      (path) => symlinkSync('/etc/passwd', path),
      'Dockerfile is a link that leads to nothing',
    ],
    [
      'a link to a device',
      (path) => symlinkSync('/dev/zero', path),
      'Dockerfile is a link that leads to nothing',
    ],
    ['missing', () => {}, 'open Dockerfile: no such file or directory'],
    ['empty', (path) => writeFileSync(path, ''), 'cannot be empty'],
    [
      'not text',
      (path) => writeFileSync(path, readFileSync(process.execPath).subarray(0, 1 << 20)),
      /ERROR: /,
    ],
    ['too large', (path) => writeFileSync(path, Buffer.alloc(17 << 20, '#\n')), 'more than 16777216'],
  ])('whose Dockerfile is %s fails at once', async (_, make, message) => {
    const directory = commands().context({});
    make(join(directory, 'Dockerfile'));
    expectError(await build(directory), message);
  });

  test('takes a Dockerfile that the user names from a pipe, and from nothing that never ends', async () => {
    const directory = commands().context({ file: 'x' });
    const shell = `exec "$@" -f <(echo FROM scratch; echo COPY file /) .`;
    const piped = await commands().tsbuild(['-q'], { cwd: directory, through: ['bash', '-c', shell, '-'] });
    expect(piped).toMatchObject({ code: 0, stderr: '' });
    execFileSync('mkfifo', [join(directory, 'pipe')]);
    const waiting = ['timeout', '--preserve-status', '-s', 'INT', '2'];
    expect(await build(directory, waiting, '-f', join(directory, 'pipe'))).toMatchObject({ code: 130 });
    for (const device of ['/dev/zero', '/dev/tty', '/dev/mem'])
      expectError(await build(directory, impatient, '-f', device), /read dockerfile|no such device/);
  });

  test.each([
    ['nothing', 'path "nothing" not found'],
    ['/dev/null', 'is not a directory'],
    ['', 'path "" not found'],
  ])('that is %j fails at once', async (directory, message) => {
    expectError(await build(directory), message);
  });

  test('with pipes and sockets keeps pipes, and waits for none', async () => {
    const directory = commands().context({
      Dockerfile: 'FROM busybox\nCOPY src /src\nRUN test -p /src/pipe',
    });
    mkdirSync(join(directory, 'src'));
    execFileSync('mkfifo', [join(directory, 'src/pipe')]);
    expect(await build(directory)).toMatchObject({ code: 0, stderr: '' });
    execFileSync('mkfifo', [join(directory, '.dockerignore')]);
    const { code } = await build(directory);
    expect(code).not.toBeNull(); // Whatever it says, it does not wait.
  });

  test('that changes and vanishes meanwhile gives an image or an error, and no stale file later', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 50 }, (_, index) => [`src/${index % 5}/${index}`, '0000']),
    );
    const directory = commands().context({ Dockerfile: 'FROM busybox\nCOPY src /src', ...files });
    const stop = new Int32Array(new SharedArrayBuffer(4));
    const changing = new Worker(CHANGE, {
      eval: true,
      workerData: { directory, names: Object.keys(files), stop },
    });
    const ended = new Promise((resolve) => changing.once('exit', resolve));
    onTestFinished(() => void Atomics.store(stop, 0, 1));
    for (let round = 0; round < 12; round++) {
      const outcome = await build(directory);
      if (outcome.code !== 0) expectError(outcome, /not found|is gone|no longer the file|no such file/);
      else expect(outcome.stderr).toBe('');
    }
    Atomics.store(stop, 0, 1);
    await ended;
    expect(await build(directory, impatient, '-t', 'settled')).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await commands().tsrun([
      '--rm',
      '--network=none',
      'settled',
      'sh',
      '-c',
      'cat /src/*/*',
    ]);
    const expected = Object.keys(files).map((name) => readFileSync(join(directory, name), 'latin1'));
    expect([...stdout.matchAll(/..../g)].map(String).toSorted()).toEqual(expected.toSorted());
    await expect(commands().tsctr(['check'])).resolves.toMatchObject({ code: 0 });
  });

  test('with names and paths at the limit is copied, beyond it is refused', async () => {
    const name = 'n'.repeat(255);
    const deep = `${'p'.repeat(200)}/`.repeat(19);
    const dockerfile = `FROM busybox\nCOPY src /src\nRUN find /src -name leaf | wc -c; cat /src/${name}`;
    const directory = commands().context({
      Dockerfile: dockerfile,
      [`src/${name}`]: 'x',
      [`src/${deep}leaf`]: 'y',
    });
    expect(await build(directory)).toMatchObject({ code: 0, stderr: '' });
    // Deeper than any path: made step by step.
    const code = `process.chdir(process.argv[1]); for (const i of [1, 2, 3, 4]) { require('fs').mkdirSync('d'.repeat(200)); process.chdir('d'.repeat(200)); }`;
    execFileSync(process.execPath, ['-e', code, join(directory, 'src', deep)]);
    expectError(await build(directory), 'name too long');
    for (const text of [`COPY src /${name}x`, `COPY src /${deep}${deep}`, `WORKDIR /${deep}${deep}`])
      expectError(
        await build(commands().context({ Dockerfile: `FROM busybox\n${text}`, 'src/file': '' })),
        'too long',
      );
  });
});

/** Writes, replaces and removes files and directories until it is told to stop, and then has all of them there. */
const CHANGE = `
  const fs = require('node:fs');
  const path = require('node:path');
  const { directory, names, stop } = require('node:worker_threads').workerData;
  let count = 0;
  const write = (name, how) => {
    const file = path.join(directory, name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const text = String(count++ % 10000).padStart(4, '0');
    if (how === 0) fs.writeFileSync(file, text);
    else { fs.writeFileSync(file + '.new', text); fs.renameSync(file + '.new', file); }
  };
  while (Atomics.load(stop, 0) === 0) {
    const name = names[count % names.length];
    if (count % 7 === 0) fs.rmSync(path.join(directory, name), { force: true });
    if (count % 61 === 0) fs.rmSync(path.dirname(path.join(directory, name)), { force: true, recursive: true });
    write(name, count % 2);
  }
  for (const name of names) write(name, 0);
`;
