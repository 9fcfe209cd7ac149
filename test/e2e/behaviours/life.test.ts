import { afterEach, expect, test } from 'vitest';
import { describeCommands, type Outcome } from '../../support/commands.ts';

describeCommands('the life of a container', (commands) => {
  const tsctr = (...args: string[]) => commands().tsctr(args);
  const start = (name: string, script: string, ...options: string[]) =>
    commands().tsrun(['-d', '--network=none', '--name', name, ...options, 'busybox', 'sh', '-c', script]);
  const inspect = async (format: string, name = 'one') =>
    (await tsctr('inspect', '-f', format, name)).stdout.trim();
  const fails = (outcome: Outcome, words: string, code = 1) => {
    expect(outcome.stderr).toContain(words);
    expect(outcome.code).toBe(code);
  };

  afterEach(async () => {
    const { stdout } = await tsctr('ps', '-aq');
    const ids = stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await tsctr('rm', '-f', ...ids);
  });

  test('goes from created to running, paused, running, exited, and back to running', async () => {
    const state = '{{.State.Status}} {{.State.Running}} {{.State.Paused}} {{.State.ExitCode}}';
    await tsctr(
      'create',
      '--network=none',
      '--name=one',
      'busybox',
      'sh',
      '-c',
      'trap "exit 4" TERM; while true; do sleep 0.05; done',
    );
    expect(await inspect(state)).toBe('created false false 0');
    fails(await tsctr('exec', 'one', 'true'), 'is not running');
    expect((await tsctr('start', 'one')).stdout).toBe('one\n');
    expect(await inspect(state)).toBe('running true false 0');
    expect(await tsctr('start', 'one')).toMatchObject({ code: 0, stdout: 'one\n' });
    expect((await tsctr('pause', 'one')).stdout).toBe('one\n');
    expect(await inspect(state)).toBe('paused true true 0');
    fails(await tsctr('pause', 'one'), 'is already paused');
    fails(await tsctr('exec', 'one', 'true'), 'Container one is paused, unpause the container before exec');
    expect((await tsctr('unpause', 'one')).stdout).toBe('one\n');
    fails(await tsctr('unpause', 'one'), 'is not paused');
    expect((await tsctr('stop', 'one')).stdout).toBe('one\n');
    expect(await inspect(state)).toBe('exited false false 4');
    for (const [args, words] of [
      [['kill', 'one'], 'is not running'],
      [['pause', 'one'], 'is not running'],
      [['exec', 'one', 'true'], 'is not running'],
      [['top', 'one'], 'is not running'],
    ] as const)
      fails(await tsctr(...args), words);
    expect(await tsctr('stop', 'one')).toMatchObject({ code: 0, stdout: 'one\n' });
    expect((await tsctr('start', 'one')).stdout).toBe('one\n');
    expect(Number(await inspect('{{.State.Pid}}'))).toBeGreaterThan(1);
  });

  test('ends by signals of any notation, and what is paused can be stopped, killed and removed', async () => {
    await start('one', 'trap "echo usr1" USR1; while true; do sleep 0.05; done');
    for (const signal of ['USR1', 'SIGUSR1', '10'])
      expect((await tsctr('kill', '-s', signal, 'one')).code).toBe(0);
    fails(await tsctr('kill', '-s', 'NOSUCH', 'one'), 'invalid signal: NOSUCH');
    await tsctr('pause', 'one');
    expect((await tsctr('kill', 'one')).code).toBe(0);
    expect((await tsctr('wait', 'one')).stdout).toBe('137\n');
    expect((await tsctr('logs', 'one')).stdout).toContain('usr1');
    await tsctr('start', 'one');
    await tsctr('pause', 'one');
    expect(await tsctr('stop', '-t', '0', 'one')).toMatchObject({ code: 0 });
    expect(await inspect('{{.State.Status}} {{.State.ExitCode}}')).toBe('exited 137');
    await tsctr('start', 'one');
    await tsctr('pause', 'one');
    fails(await tsctr('rm', 'one'), 'cannot remove container "one"');
    expect(await tsctr('rm', '-f', 'one')).toMatchObject({ code: 0, stdout: 'one\n' });
  });

  test('cannot begin twice under a name, nor be ended when there is none', async () => {
    await start('one', 'sleep 100');
    const twice = await start('one', 'true');
    fails(twice, 'The container name "/one" is already in use', 125);
    for (const command of ['kill', 'stop', 'start', 'pause', 'rm', 'wait', 'top', 'logs'])
      fails(await tsctr(command, 'nosuch'), 'No such container: nosuch');
    fails(await tsctr('rm', '-f', 'nosuch'), 'No such container: nosuch', 0);
    const some = await tsctr('rm', '-f', 'nosuch', 'one');
    expect(some).toMatchObject({ code: 0, stdout: 'one\n' });
    const odd = await start('../one', 'true');
    fails(odd, 'Invalid container name', 125);
  });

  test('is that of its first process: what else runs in it, exec included, goes with it', async () => {
    await start('one', 'sleep 1000 & sleep 1000 & exec sleep 1000');
    const exec = tsctr('exec', 'one', 'sh', '-c', 'sleep 1000; exit 5');
    for (let tries = 0; tries < 200 && !(await tsctr('top', 'one')).stdout.includes('exit 5'); tries++);
    expect((await tsctr('exec', 'one', 'sh', '-c', 'exit 42')).code).toBe(42);
    fails(await tsctr('exec', 'one', 'nosuch'), 'exec: "nosuch": executable file not found in $PATH', 127);
    fails(await tsctr('exec', 'one', '/etc'), 'is a directory', 126);
    fails(await tsctr('exec', '-u=nosuch', 'one', 'id'), 'unable to find user nosuch');
    expect((await tsctr('exec', 'one', 'sh', '-c', 'kill -KILL $$')).code).toBe(137);
    await tsctr('kill', 'one');
    expect((await exec).code).toBe(137);
    fails(await tsctr('exec', 'one', 'true'), 'is not running');
  });
});
