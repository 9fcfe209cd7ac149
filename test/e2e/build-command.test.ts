import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Commands, describeCommands } from '../support/commands.ts';

const failing = 'FROM busybox\nWORKDIR /work\nRUN echo left > here; seq 50; exit 9\n';

describeCommands('tsbuild', (commands) => {
  const build = (dockerfile: string, ...args: readonly string[]) =>
    commands().tsbuild(['--network=none', ...args, commands().context({ Dockerfile: dockerfile })]);

  test('--check ends with 1 for findings, and with 0 without or where it is told to', async () => {
    const found = await build('FROM busybox AS One\n', '--check');
    expect(found).toMatchObject({ code: 1, stderr: '' });
    expect(found.stdout).toMatch(
      /^Check complete, 1 warning has been found!\n\nWARNING: StageNameCasing - http/,
    );
    expect(await build('FROM busybox\n', '--call=lint')).toMatchObject({
      code: 0,
      stdout: 'Check complete, no warnings found.\n',
    });
    expect((await build('FROM busybox AS One\n', '--call=check,ignorestatus=true')).code).toBe(0);
  });

  test('--check tells a mistake on standard error, and as JSON with what was found before', async () => {
    const dockerfile = 'FROM busybox AS One\nCOPY --from=9 a b\n';
    const text = await build(dockerfile, '--check');
    expect(text.code).toBe(1);
    expect(text.stderr).toContain('ERROR: invalid stage index 9\n');
    const { warnings, buildError } = JSON.parse((await build(dockerfile, '--call=check,format=json')).stdout);
    expect(warnings).toHaveLength(1);
    expect(buildError.message).toBe('invalid stage index 9');
  });

  test('--call outline and targets build nothing', async () => {
    const dockerfile = '# A one\nARG A=busybox\nFROM $A AS all\nRUN false\n';
    expect((await build(dockerfile, '--call=outline')).stdout).toBe(
      'TARGET: all\n\nBUILD ARG   VALUE     DESCRIPTION\nA           busybox   one\n\n',
    );
    expect((await build(dockerfile, '--call=targets')).stdout).toBe(
      'TARGET        DESCRIPTION\nall (default) \n',
    );
  });

  test('keeps the whole output of a failed step, names it, and prune removes it', async () => {
    const { code, stderr } = await build(failing);
    expect(code).toBe(1);
    expect(stderr).toContain('[10 lines before]\n11\n');
    const log = /^LOG: (.*)$/m.exec(stderr)![1]!;
    expect(log.startsWith(join(commands().root, 'logs/'))).toBe(true);
    expect(readFileSync(log, 'utf8').split('\n')).toHaveLength(51);
    expect((await commands().tsctr(['builder', 'prune', '-af'])).code).toBe(0);
    expect(existsSync(log)).toBe(false);
    expect(readdirSync(join(commands().root, 'logs'))).toEqual([]);
  });

  test('lists warnings before the error, and all of them with --debug', async () => {
    const dockerfile = 'FROM busybox AS One\nRUN false\n';
    expect((await build(dockerfile)).stderr).toMatch(
      / 1 warning found \(use --debug to expand\):\n - StageNameCasing: [^\n]*\(line 1\)\n(.|\n)*ERROR: /,
    );
    expect((await build(dockerfile, '--debug')).stderr).toContain('More info: https://docs.docker.com/');
    expect((await build('FROM busybox AS One\n', '-q')).stderr).toBe('');
  });

  test('--on-error=shell is refused off a terminal, before anything is built', async () => {
    const { code, stderr } = await build(failing, '--on-error=shell');
    expect(code).toBe(1);
    expect(stderr).toContain('--on-error=shell needs a terminal');
    expect(stderr).not.toContain('RUN');
  });

  test('--on-error=shell opens a shell on the terminal, in the failed step', async () => {
    if (!existsSync('/usr/bin/script')) {
      console.log('skipped: a shell on a terminal: there is no script(1)');
      return;
    }
    const { stdout } = await onTerminal(commands(), failing, 'pwd; cat here; echo sum $((40+2))\nexit\n');
    expect(stdout).toContain('as its command left it');
    expect(stdout).toMatch(/\/work\r?\n(.|\n)*left\r?\n(.|\n)*sum 42\r?\n/);
    expect(stdout).toMatch(/ERROR: process .* did not complete successfully: exit code: 9\r?\n/);
  });

  test('says of options without effect that they have none, but not when it is to be quiet', async () => {
    const { code, stderr } = await build('FROM busybox\n', '--load', '--compress');
    expect(code).toBe(0);
    expect(stderr).toContain('--load has no effect: the image is in the store in any case\n');
    expect(stderr).toContain('--compress has no effect: the context is read where it lies\n');
    expect((await build('FROM busybox\n', '--load', '--provenance=false', '-q')).stderr).toBe('');
  });
});

/** Builds on a terminal of script(1), with what is typed once there is a prompt. */
async function onTerminal(commands: Commands, dockerfile: string, typed: string) {
  const program = [process.execPath, join(import.meta.dirname, '../../dist/tsbuild.cjs')];
  const args = ['--network=none', '--on-error=shell', commands.context({ Dockerfile: dockerfile })];
  const child = spawn('/usr/bin/script', ['-qec', [...program, ...args].join(' '), '/dev/null'], {
    env: { PATH: process.env.PATH, HOME: commands.folder, TSBUILD_ROOT: commands.root, SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  let stdout = '';
  let isTyped = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    if (isTyped || !/as its command left it[\s\S]*# /.test(stdout)) return;
    isTyped = true;
    child.stdin.write(typed);
  });
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  return { code, stdout };
}
