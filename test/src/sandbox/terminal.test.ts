import { expect, test } from 'vitest';
import { launch } from '../../../src/sandbox/launch.ts';
import { describeContainers, text } from '../../support/containers.ts';
import { type SpecChanges, shellSpec } from '../../support/specs.ts';

describeContainers('a terminal', ({ root, mechanism }) => {
  const start = (script: string, changes: SpecChanges = {}) =>
    launch(shellSpec(script, changes), {
      overlay: root().overlay(),
      mechanism,
      stdio: { kind: 'terminal', rows: 33, columns: 99 },
    });

  test('is the standard streams and /dev/console of its container, with the given size', async () => {
    const running = await start(
      'test -t 0 && test -t 1 && test -t 2 && echo all; readlink /proc/self/fd/0; stty size; test -c /dev/console && echo console',
    );
    expect(await text(running.terminal!)).toBe('all\r\n/dev/pts/0\r\n33 99\r\nconsole\r\n');
    expect((await running.wait()).code).toBe(0);
  });

  test('is the controlling one: ^C interrupts', async () => {
    const running = await start(
      "trap 'echo interrupted; exit 5' INT; echo ready; while :; do sleep 0.05; done",
    );
    let seen = '';
    running.terminal!.on('data', (chunk) => {
      if (!seen.includes('ready') && String(chunk).includes('ready')) running.terminal!.write('\x03');
      seen += chunk;
    });
    expect((await running.wait()).code).toBe(5);
    expect(seen).toContain('interrupted');
  });

  test('takes input and a new size', async () => {
    const running = await start('read line; echo "got $line"; stty size');
    running.resize(10, 20);
    running.terminal!.write('words\n');
    expect(await text(running.terminal!)).toContain('got words\r\n10 20\r\n');
    await running.wait();
  });

  test('gives all of its last words, also to one who reads them when its processes are gone', async () => {
    const running = await start('i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo $i; done');
    // The kernel hands them out in pieces of 4 KiB at most.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    const lines = (await text(running.terminal!)).split('\r\n');
    expect(lines.length).toBe(3001);
    await running.wait();
  });

  test('belongs to the user', async () => {
    const running = await start('stat -c %u:%a /dev/pts/0; echo >/dev/tty && echo ok', {
      process: { user: { uid: 1234, gid: 1234 } },
    });
    expect(await text(running.terminal!)).toBe('1234:620\r\n\r\nok\r\n');
  });
});
