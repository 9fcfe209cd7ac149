import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { launch } from '../../../src/sandbox/launch.ts';
import { initProblem } from '../../../src/sandbox/tiny-init.ts';
import { describeContainers, text } from '../../support/containers.ts';
import { shellSpec } from '../../support/specs.ts';

if (initProblem() !== undefined) console.log(`skipped: the init: ${initProblem()}`);
else
  describeContainers('a program behind the init', ({ run, root, mechanism }) => {
    const behindInit = (script: string, changes = {}) => run(script, changes, { init: true });

    test('is its child, with its own arguments and environment', async () => {
      const { stdout } = await behindInit('', {
        process: {
          args: ['sh', '-c', 'echo $$ $PPID "$0" "$1" $MARK', 'zero', 'one'],
          env: ['PATH=/bin', 'MARK=m'],
        },
      });
      expect(stdout).toMatch(/^\d+ 1 zero one m\n$/);
    });

    test('has its exit code passed on', async () => {
      for (const code of [0, 1, 42, 255]) expect((await behindInit(`exit ${code}`)).code).toBe(code);
      expect((await behindInit('kill -9 $$')).code).toBe(137);
    });

    test('is rejected, when it cannot be found, as without the init', async () => {
      await expect(behindInit('', { process: { args: ['nosuch'] } })).rejects.toMatchObject({
        code: 'NOT_FOUND',
      });
    });

    test('runs as the user of the spec', async () => {
      const user = { uid: 1000, gid: 1000 };
      const { stdout } = await behindInit('grep -h ^Uid /proc/1/status /proc/self/status', {
        process: { user },
      });
      expect(stdout).toBe('Uid:\t1000\t1000\t1000\t1000\n'.repeat(2));
    });

    test('leaves its orphans to the init, which waits for them', async () => {
      const { stdout } = await behindInit(
        '(sleep 0.1 & exec true); (true & exec true); sleep 0.3; grep -l "State:.Z" /proc/[0-9]*/status; echo $?',
      );
      expect(stdout).toBe('1\n');
    });

    test('is sent the signals of PID 1, and keeps its default actions', async () => {
      for (const [script, code] of [
        ["trap 'exit 9' TERM; echo up; while :; do sleep 0.02; done", 9],
        ['echo up; exec sleep 100', 143],
      ] as const) {
        const running = await launch(shellSpec(script), {
          overlay: root().overlay(),
          mechanism,
          init: true,
          stdio: { kind: 'pipes', stdin: 'null' },
        });
        await once(running.stdout!, 'data');
        await delay(30);
        running.stdout!.resume();
        running.stderr!.resume();
        running.kill(15);
        expect((await running.wait()).code).toBe(code);
      }
    });

    test('has the terminal, and is interrupted once by ^C', async () => {
      const script = "trap 'echo once' INT; echo up; sleep 0.3; sleep 0.1; echo end";
      const running = await launch(shellSpec(script), {
        overlay: root().overlay(),
        mechanism,
        init: true,
        stdio: { kind: 'terminal', rows: 24, columns: 80 },
      });
      await once(running.terminal!, 'data');
      running.terminal!.write('\x03');
      const output = await text(running.terminal!);
      expect(output.match(/once/g)).toHaveLength(1);
      expect(output).toContain('end');
      await running.wait();
    });

    test('is all that is seen of it: no descriptor is left', async () => {
      const { stdout } = await behindInit('ls /proc/1/fd; ls /proc/self/fd');
      expect(stdout).toBe('0\n1\n2\n0\n1\n2\n3\n');
    });
  });
