import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { waitForContainer } from '../../src/index.ts';
import { describeCommands, type Outcome } from '../support/commands.ts';

/** Asks again until the answer is right; the last one is what a failure shows. */
async function eventually(ask: () => Promise<string>, right: (text: string) => boolean): Promise<string> {
  let answer = '';
  for (let attempt = 0; attempt < 200; attempt++) {
    answer = await ask();
    if (right(answer)) return answer;
    await delay(50);
  }
  return answer;
}

describeCommands('containers in the background', (commands) => {
  const tsctr = (...args: string[]) => commands().tsctr(args);
  const ok = async (outcome: Promise<Outcome>): Promise<string> => {
    const { code, stdout, stderr } = await outcome;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return stdout.trimEnd();
  };
  const detached = (name: string, script: string, ...options: string[]) =>
    ok(
      commands().tsrun([
        ...['-d', '--network=none', '--name', name, ...options],
        ...['busybox', 'sh', '-c', script],
      ]),
    );
  const status = (name: string) => ok(tsctr('ps', '-a', '--filter', `name=${name}`, '--format={{.Status}}'));

  afterEach(async () => {
    const ids = (await ok(tsctr('ps', '-aq'))).split('\n').filter(Boolean);
    if (ids.length > 0) await tsctr('rm', '-f', '-v', ...ids);
    const directory = join(commands().root, 'containers');
    expect(existsSync(directory) ? readdirSync(directory) : []).toEqual([]);
  });

  test('tsrun -d prints the id, and the container goes on without it', async () => {
    const id = await detached('loop', 'while true; do echo hello; sleep 0.1; done');
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    expect(await ok(tsctr('ps', '-q', '--no-trunc'))).toBe(id);
    const lines = await eventually(
      () => ok(tsctr('logs', 'loop')),
      (text) => text.split('\n').length > 2,
    );
    expect(new Set(lines.split('\n'))).toEqual(new Set(['hello']));
    expect(await status('loop')).toMatch(/^Up /);
  });

  test('tsctr logs keeps standard output and standard error apart, and follows to the end', async () => {
    await detached('two', 'sleep 0.3; echo out; echo err >&2; printf end');
    const { stdout, stderr } = await tsctr('logs', '-f', 'two');
    expect([stdout, stderr]).toEqual(['out\nend', 'err\n']);
    const timed = await tsctr('logs', '-t', '--tail=1', 'two');
    expect(timed.stdout).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z end$/);
  });

  test('tsctr logs shows what a container in the foreground has put out, too', async () => {
    const args = ['--network=none', '--name=front', 'busybox', 'sh', '-c', 'echo out; echo err >&2; exit 2'];
    const { code, stdout, stderr } = await commands().tsrun(args);
    expect([code, stdout, stderr]).toEqual([2, 'out\n', 'err\n']);
    const logged = await tsctr('logs', 'front');
    expect([logged.stdout, logged.stderr]).toEqual(['out\n', 'err\n']);
  });

  test('tsctr stop ends a container with its signal, and its code is told', async () => {
    await detached('trap', 'trap "exit 7" TERM; echo ready; while true; do sleep 0.05; done');
    await eventually(
      () => ok(tsctr('logs', 'trap')),
      (text) => text === 'ready',
    );
    expect(await ok(tsctr('stop', 'trap'))).toBe('trap');
    expect(await status('trap')).toMatch(/^Exited \(7\) /);
    expect(await ok(tsctr('wait', 'trap'))).toBe('7');
    expect(await ok(tsctr('start', 'trap'))).toBe('trap');
    expect(await status('trap')).toMatch(/^Up /);
  });

  test('waitForContainer() tells how a container has ended, also one that is gone with its end', async () => {
    const location = { storeRoot: commands().root };
    await detached('gone', 'until test -e /go; do sleep 0.01; done; exit 3', '--rm');
    const ended = waitForContainer('gone', location);
    await ok(tsctr('exec', 'gone', 'touch', '/go'));
    expect(await ended).toBe(3);
    await detached('killed', 'sleep 100', '--rm');
    const waiting = waitForContainer('killed', location);
    const pid = Number(await ok(tsctr('inspect', '-f', '{{.State.Pid}}', 'killed')));
    const [, supervisor = ''] = /PPid:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    process.kill(Number(supervisor), 'SIGKILL');
    expect(await waiting).toBe(137);
  });

  test('tsctr rm -f is content with what is not there', async () => {
    const { code, stdout, stderr } = await tsctr('rm', '-f', 'nobody');
    expect([code, stdout, stderr]).toEqual([0, '', 'Error: No such container: nobody\n']);
    expect((await tsctr('rm', 'nobody')).code).toBe(1);
  });

  test('tsctr rm -f and tsctr start of one container at once leave it whole or gone', async () => {
    for (let round = 0; round < 5; round++) {
      await ok(tsctr('create', '--network=none', '--name', `race${round}`, 'busybox', 'sleep', '100'));
      await Promise.all([tsctr('start', `race${round}`), tsctr('rm', '-f', `race${round}`)]);
      const left = await ok(tsctr('ps', '-aq', '--filter', `name=race${round}`));
      expect(left).toBe('');
    }
  });

  test('tsctr pause and unpause beside stop and start say what is so, and leave a true state', async () => {
    await detached('busy', 'sleep 100');
    const acts = [['pause'], ['unpause'], ['stop', '-t0'], ['start'], ['restart', '-t0'], ['pause']];
    const outcomes = await Promise.all(acts.map((act) => tsctr(...act, 'busy')));
    const told = outcomes.map(({ stderr }) => stderr).join('');
    expect(told).not.toMatch(/\/proc|ENOENT|ESRCH|no such file/);
    await tsctr('unpause', 'busy');
    await ok(tsctr('restart', '-t0', 'busy'));
    expect(await status('busy')).toMatch(/^Up /);
    expect(await ok(tsctr('exec', 'busy', 'echo', 'alive'))).toBe('alive');
  });

  test('tsctr ps -s and inspect -s tell how much a container has written', async () => {
    await detached('large', 'head -c 3000000 /dev/zero > /big; echo done; sleep 100');
    await eventually(
      () => ok(tsctr('logs', 'large')),
      (text) => text === 'done',
    );
    const [table = '', row = ''] = (await ok(tsctr('ps', '-s'))).split('\n');
    expect(table).toMatch(/NAMES\s+SIZE$/);
    expect(row).toMatch(/large\s+3MB \(virtual \d[\d.]*MB\)$/);
    expect(await ok(tsctr('ps', '--format={{.Size}}'))).toMatch(/^3MB \(virtual /);
    const [written, whole] = (
      await ok(tsctr('inspect', '-s', '-f', '{{.SizeRw}} {{.SizeRootFs}}', 'large'))
    ).split(' ');
    expect(Number(written)).toBe(3_000_000);
    expect(Number(whole)).toBeGreaterThan(3_500_000);
  });

  test('tsctr ps --filter finds by ports, by age, and by all labels at once', async () => {
    await detached('older', 'sleep 100', '--label', 'a=1', '--label', 'b=2', '--expose', '80');
    await detached('newer', 'sleep 100', '--label', 'a=1');
    const found = (...filters: string[]) =>
      ok(tsctr('ps', '--format={{.Names}}', ...filters.flatMap((filter) => ['--filter', filter])));
    expect(await found('label=a=1', 'label=b')).toBe('older');
    expect(await found('label=toString')).toBe('');
    expect(await found('expose=80')).toBe('older');
    expect(await found('expose=79-81/tcp')).toBe('older');
    expect(await found('publish=80')).toBe('');
    expect(await found('before=newer')).toBe('older');
    expect(await found('since=older')).toBe('newer');
    expect(await found('network=none')).toBe('newer\nolder');
    expect((await tsctr('ps', '--filter', 'since=nobody')).stderr).toContain('No such container: nobody');
  });

  test('tsctr inspect has what scripts ask for, also where there is nothing', async () => {
    await detached('asked', 'sleep 100', '--label', 'a=b', '--cpus', '0.5', '-m', '32m', '--expose', '80');
    const asked = (template: string) => ok(tsctr('inspect', '-f', template, 'asked'));
    expect(await asked('{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}')).toBe('none');
    expect(await asked('{{index .Config.Labels "a"}}{{index .Config.Labels "c"}}')).toBe('b');
    expect(await asked('{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}')).toBe('none');
    expect(await asked('{{.HostConfig.NanoCpus}} {{.HostConfig.CpuQuota}} {{.HostConfig.MemorySwap}}')).toBe(
      '500000000 0 67108864',
    );
    expect(await asked('{{json .Config.ExposedPorts}} {{.Config.Entrypoint}}')).toBe('{"80/tcp":{}} []');
    expect(existsSync(await asked('{{.NetworkSettings.SandboxKey}}'))).toBe(true);
  });

  describe('--restart', () => {
    test('on-failure starts it again so many times', async () => {
      await detached('again', 'echo life; exit 3', '--restart=on-failure:2');
      await eventually(
        () => status('again'),
        (text) => text.startsWith('Exited'),
      );
      expect(await ok(tsctr('logs', 'again'))).toBe('life\nlife\nlife');
      expect(await status('again')).toMatch(/^Exited \(3\)/);
    });

    test('always goes on until somebody stops it', async () => {
      await detached('always', 'exit 1', '--restart=always');
      await eventually(
        () => status('always'),
        (text) => text.startsWith('Restarting'),
      );
      await ok(tsctr('stop', 'always'));
      await delay(300);
      expect(await status('always')).toMatch(/^Exited \(1\)/);
    });
  });

  test('tsctr start runs a container that tsctr create has made, with what it wrote before', async () => {
    const create = [
      'create',
      '--network=none',
      '--name=made',
      'busybox',
      'sh',
      '-c',
      'echo x >>/f; wc -l </f',
    ];
    expect(await ok(tsctr(...create))).toMatch(/^[0-9a-f]{64}$/);
    expect(await status('made')).toBe('Created');
    for (const count of [1, 2]) {
      await ok(tsctr('start', 'made'));
      await ok(tsctr('wait', 'made'));
      const lines = (await ok(tsctr('logs', 'made'))).split('\n');
      expect(lines.at(-1)).toBe(String(count));
    }
  });

  test('tsrun -d tells why a container cannot be started, with its exit code, and leaves nothing', async () => {
    const { code, stderr } = await commands().tsrun(['-d', '--network=none', 'busybox', 'nosuch']);
    expect(stderr).toContain('"nosuch": executable file not found');
    expect(code).toBe(127);
    expect(await ok(tsctr('ps', '-aq'))).toBe('');
  });

  test('a supervisor that is killed takes its container along, and the next command says so', async () => {
    const id = await detached('victim', 'sleep 1000');
    const { owner, process: init } = recordOf(commands().root, id);
    process.kill(owner.pid, 'SIGKILL');
    expect(
      await eventually(
        () => status('victim'),
        (text) => text.startsWith('Exited'),
      ),
    ).toMatch(/^Exited \(137\)/);
    await eventually(
      async () => String(existsSync(`/proc/${init.pid}`)),
      (text) => text === 'false',
    );
    expect(existsSync(`/proc/${init.pid}`)).toBe(false);
  });

  test('tsctr attach and start -ai pass streams on, and end with the exit code', async () => {
    await ok(
      tsctr(
        'create',
        '-i',
        '-a',
        'stdin',
        '--network=none',
        '--name=talk',
        'busybox',
        'sh',
        '-c',
        'cat; exit 4',
      ),
    );
    const { code, stdout } = await commands().tsctr(['start', '-ai', 'talk'], { input: 'hello\n' });
    expect([code, stdout]).toEqual([4, 'hello\n']);
    const { stderr } = await tsctr('attach', 'talk');
    expect(stderr).toContain('cannot attach to a stopped container, start it first');
  });

  test('tsrun --restart stays with the first life of its container', async () => {
    const args = ['--network=none', '--name=fore', '--restart=on-failure:1', 'busybox', 'sh', '-c'];
    const { code, stdout } = await commands().tsrun([...args, 'echo life; exit 3']);
    expect([code, stdout]).toEqual([3, 'life\n']);
    await eventually(
      () => status('fore'),
      (text) => text.startsWith('Exited'),
    );
    expect(await ok(tsctr('logs', 'fore'))).toBe('life\nlife');
    expect(await ok(tsctr('inspect', '-f', '{{.RestartCount}}', 'fore'))).toBe('1');
  });

  test('tsctr pause, unpause, rename, update, top and stats act on a running container', async () => {
    await detached('busy', 'sleep 1000', '-m=100m');
    await ok(tsctr('pause', 'busy'));
    expect(await status('busy')).toMatch(/^Up .* \(Paused\)$/);
    expect((await tsctr('start', 'busy')).stderr).toContain('cannot start a paused container');
    await ok(tsctr('unpause', 'busy'));
    await ok(tsctr('rename', 'busy', 'calm'));
    await ok(tsctr('update', '-m=50m', '--memory-swap=100m', 'calm'));
    expect(await ok(tsctr('inspect', '-f', '{{.HostConfig.Memory}}', 'calm'))).toBe(String(50 * 1024 ** 2));
    expect(await ok(tsctr('top', 'calm'))).toMatch(
      /UID +PID +PPID +C +STIME +TTY +TIME +CMD\n.* sleep 1000$/,
    );
    expect(await ok(tsctr('stats', '--no-stream', '--format={{.Name}} {{.MemUsage}}', 'calm'))).toMatch(
      /^calm .*B \/ 50MiB$/,
    );
    const events = await ok(
      tsctr('events', '--since=1m', '--until=0s', '--filter=container=calm', '--format={{.Action}}'),
    );
    expect(events.split('\n')).toEqual(expect.arrayContaining(['rename', 'update']));
  });

  test('--health-cmd is run and shown', async () => {
    const health = ['--health-cmd=test -f /ok', '--health-interval=100ms', '--health-retries=2'];
    await detached('ill', 'sleep 1000', ...health);
    const is = (word: string) =>
      eventually(
        () => status('ill'),
        (text) => text.endsWith(`(${word})`),
      );
    expect(await is('unhealthy')).toMatch(/\(unhealthy\)$/);
    await ok(tsctr('exec', 'ill', 'touch', '/ok'));
    expect(await is('healthy')).toMatch(/\(healthy\)$/);
    expect(await ok(tsctr('inspect', '-f', '{{(index .State.Health.Log 0).ExitCode}}', 'ill'))).toMatch(
      /^[01]$/,
    );
  });

  test('tsctr start --restart-policy brings back what was running when the machine went down', async () => {
    const ids = {
      wanted: await detached('wanted', 'sleep 1000', '--restart=unless-stopped'),
      stopped: await detached('stopped', 'sleep 1000', '--restart=unless-stopped'),
      plain: await detached('plain', 'sleep 1000'),
    };
    await ok(tsctr('stop', '-t=0', 'stopped'));
    for (const id of [ids.wanted, ids.plain])
      process.kill(recordOf(commands().root, id).owner.pid, 'SIGKILL');
    await eventually(
      () => ok(tsctr('ps', '-q')),
      (text) => text === '',
    );
    expect(await ok(tsctr('start', '--restart-policy'))).toBe('wanted');
    expect(await ok(tsctr('ps', '--format={{.Names}}'))).toBe('wanted');
  });

  test('tsrun -d --rm leaves nothing when it has ended', async () => {
    await detached('gone', 'exit 0', '--rm');
    expect(
      await eventually(
        () => ok(tsctr('ps', '-aq')),
        (text) => text === '',
      ),
    ).toBe('');
  });
});

interface Identity {
  readonly pid: number;
}

function recordOf(root: string, id: string): { readonly owner: Identity; readonly process: Identity } {
  const directory = join(root, 'records/container');
  const file = readdirSync(directory).find((name) => name.includes(id))!;
  return (
    JSON.parse(readFileSync(join(directory, file), 'utf8')) as {
      value: { owner: Identity; process: Identity };
    }
  ).value;
}
