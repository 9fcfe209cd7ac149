import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { type Commands, describeCommands } from '../support/commands.ts';
import { hasProgram } from '../support/programs.ts';
import { PseudoTerminal } from '../support/pseudo-terminal.ts';

const TSRUN = resolve(import.meta.dirname, '../../dist/tsrun.cjs');
const problem = hasProgram('setsid') ? undefined : 'there is no setsid';
if (problem !== undefined) console.log(`skipped: tsrun in a terminal: ${problem}`);

describeCommands('tsrun in a terminal', (commands) => {
  const environment = ({ root, folder }: Commands) => ({
    PATH: process.env.PATH,
    HOME: folder,
    TSBUILD_ROOT: root,
    PS1: 'outer$ ',
    TERM: 'xterm',
  });
  const tsrun = (...args: string[]) =>
    PseudoTerminal.start(
      [process.execPath, TSRUN, '--rm', '--network=none', ...args],
      environment(commands()),
    );
  const outerShell = () => PseudoTerminal.start(['sh', '-i'], environment(commands()));
  const containers = () => {
    const path = join(commands().root, 'containers');
    return existsSync(path) ? readdirSync(path) : [];
  };

  test.skipIf(problem)('shows only the container’s processes, in a terminal of its own', async () => {
    const terminal = await tsrun('-it', 'busybox', 'sh');
    await terminal.until(/# /);
    const [shown] = await terminal.line('ps; tty 2>&1; echo "shell $$"; echo end', /PID[\s\S]*shell 1\s+end/);
    expect(shown).toMatch(/^\s+1 \S+\s+.*sh\r?$/m);
    expect(shown).not.toContain('tsrun');
    await terminal.line('readlink /proc/self/fd/0', /\n\/dev\/pts\/0/);
    terminal.type('exit 7\r');
    expect(await terminal.ended()).toBe(7);
    expect(containers()).toEqual([]);
  });

  test.skipIf(problem)('passes on the size of the window, and its changes', async () => {
    const terminal = await tsrun('-it', 'busybox', 'sh');
    await terminal.until(/# /);
    await terminal.line('stty size', /24 80/);
    terminal.resize(50, 132);
    await terminal.line('sleep 0.2; stty size', /50 132/);
    terminal.type('\x04');
    expect(await terminal.ended()).toBe(0);
  });

  test.skipIf(problem)(
    'passes on every key: ^C ends what runs in the container, and not the container',
    async () => {
      const terminal = await tsrun('-it', 'busybox', 'sh');
      await terminal.until(/# /);
      terminal.type('echo before; sleep 100\r');
      await terminal.until(/\nbefore/);
      terminal.type('\x03');
      await terminal.line('echo "status $?"', /status 130/);
      terminal.type('exit\r');
      expect(await terminal.ended()).toBe(0);
    },
  );

  test.skipIf(problem)('leaves the terminal as it was, however it ends', async () => {
    const terminal = await outerShell();
    const command = `${process.execPath} ${TSRUN} --rm --network=none -it busybox`;
    const modes = async () => (await terminal.line('stty -g; echo end', /\n([0-9a-f:]+)\s+end/))[1];
    await terminal.until(/\$ /);
    const before = await modes();
    await terminal.line(`${command} sh -c 'stty raw -echo; exit 3'; echo "ended $?"`, /ended 3/);
    expect(await modes()).toBe(before);
    await terminal.line(`${command} sh -c 'echo r''eady; read x'`, /ready/);
    execFileSync('sh', ['-c', `kill -TERM $(pgrep -f '^[^ ]*node.*read x')`]);
    await terminal.until(/\nready[\s\S]*outer\$ /);
    expect(await modes()).toBe(before);
    terminal.type('exit\r');
  });

  test.skipIf(problem)('is left by ctrl-p ctrl-q, and goes on; tsctr attach comes back to it', async () => {
    const terminal = await tsrun('-it', '--name=left', 'busybox', 'sh');
    await terminal.until(/# /);
    await terminal.line('V=kept; stty size', /24 80/);
    terminal.type('\x10\x11');
    expect(await terminal.ended()).toBe(0);
    expect((await commands().tsctr(['ps', '--format={{.Names}} {{.State}}'])).stdout).toBe('left running\n');
    const tsctr = resolve(import.meta.dirname, '../../dist/tsctr.cjs');
    const again = await PseudoTerminal.start(
      [process.execPath, tsctr, 'attach', 'left'],
      environment(commands()),
    );
    again.resize(40, 100);
    await again.line('echo "$V $(stty size)"', /kept 40 100/);
    again.type('exit 5\r');
    expect(await again.ended()).toBe(5);
    expect(containers()).toEqual([]);
  });

  test.skipIf(problem)('tells on a terminal that is itself again why nothing runs', async () => {
    const terminal = await tsrun('-it', 'busybox', 'nosuch');
    expect(await terminal.ended()).toBe(127);
    expect(terminal.output).toContain('executable file not found in $PATH\r\n');
    expect(containers()).toEqual([]);
  });

  test.skipIf(problem)('ends with its window, though the container would not', async () => {
    const terminal = await tsrun('-it', 'busybox', 'sh', '-c', 'trap "" HUP; echo ready; read x; sleep 1');
    await terminal.until(/ready/);
    terminal.hangUp();
    await terminal.ended();
    expect(containers()).toEqual([]);
  });

  test.skipIf(problem)('does not translate output a second time', async () => {
    const terminal = await tsrun(
      '-it',
      'busybox',
      'sh',
      '-c',
      'stty -opost; echo a; echo b; stty opost; echo c',
    );
    expect(await terminal.ended()).toBe(0);
    expect(terminal.output).toBe('a\nb\nc\r\n');
  });

  test.skipIf(problem)('refuses -it without a terminal', async () => {
    const { code, stderr } = await commands().tsrun(['-it', 'busybox', 'sh'], { input: '' });
    expect(code).toBe(125);
    expect(stderr).toContain('the input device is not a TTY');
  });

  test.skipIf(problem)('gives a terminal without input where there is none outside', async () => {
    const args = [
      '--rm',
      '--network=none',
      '-t',
      'busybox',
      'sh',
      '-c',
      'stty size; test -t 1 && echo terminal',
    ];
    const { code, stdout } = await commands().tsrun(args);
    expect(code).toBe(0);
    expect(stdout).toBe('24 80\r\nterminal\r\n');
  });
});
