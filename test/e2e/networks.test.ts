import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { describeCommands, type Outcome } from '../support/commands.ts';
import { traces } from '../support/host-network.ts';

const SERVER = 'while true; do echo hello from $(hostname) | nc -l -p 80; done';

describeCommands('networks', (commands) => {
  const tsctr = (...args: string[]) => commands().tsctr(args);
  const ok = async (outcome: Promise<Outcome>): Promise<string> => {
    const { code, stdout, stderr } = await outcome;
    expect(stderr).toBe('');
    expect(code).toBe(0);
    return stdout.trimEnd();
  };
  const serve = (name: string, ...options: string[]) =>
    ok(tsctr('run', '-d', '--name', name, ...options, 'busybox', 'sh', '-c', SERVER));
  /** What a shell in a running container puts out. */
  const inside = async (name: string, script: string) =>
    (await tsctr('exec', name, 'sh', '-c', script)).stdout;
  const lookUp = async (name: string, wanted: string) =>
    [
      ...(await inside(name, `nslookup ${wanted}`))
        .split('Name:')
        .slice(1)
        .join()
        .matchAll(/Address: (\S+)/g),
    ].map(([, address]) => address);
  const addressOf = (name: string, network: string) =>
    ok(tsctr('inspect', name, `--format={{(index .NetworkSettings.Networks "${network}").IPAddress}}`));

  afterEach(async () => {
    const ids = (await tsctr('ps', '-aq')).stdout.split('\n').filter(Boolean);
    if (ids.length > 0) await tsctr('rm', '-f', ...ids);
    await tsctr('network', 'prune', '-f');
  });

  test('are made, listed, shown and removed, their bridge with them', async () => {
    const id = await ok(tsctr('network', 'create', '--label', 'a=b', '--internal', 'first'));
    expect(id).toMatch(/^[0-9a-f]{64}$/);
    const bridge = `/sys/class/net/br-${id.slice(0, 12)}`;
    expect(existsSync(bridge)).toBe(true);
    expect(await ok(tsctr('network', 'ls', '--format={{.Name}} {{.Driver}} {{.Scope}}'))).toBe(
      'bridge bridge local\nfirst bridge local\nhost host local\nnone null local',
    );
    expect(await ok(tsctr('network', 'ls', '-q', '--filter', 'label=a'))).toBe(id.slice(0, 12));
    const [shown] = JSON.parse(await ok(tsctr('network', 'inspect', id.slice(0, 6)))) as [
      Record<string, unknown>,
    ];
    expect(shown).toMatchObject({
      Name: 'first',
      Id: id,
      Driver: 'bridge',
      Internal: true,
      Labels: { a: 'b' },
    });
    expect((await tsctr('network', 'create', 'first')).stderr).toContain(
      'network with name first already exists',
    );
    expect(await ok(tsctr('network', 'rm', 'first'))).toBe('first');
    expect(existsSync(bridge)).toBe(false);
    expect((await tsctr('network', 'rm', 'first')).stderr).toContain('network first not found');
    expect((await tsctr('network', 'rm', 'bridge')).stderr).toContain('pre-defined network');
  });

  test('have the subnets that are asked for, and never ones that overlap', async () => {
    const options = [
      '--subnet',
      '10.213.7.0/24',
      '--ip-range',
      '10.213.7.128/25',
      '--gateway',
      '10.213.7.254',
    ];
    await ok(tsctr('network', 'create', ...options, 'mine'));
    const overlap = await tsctr('network', 'create', '--subnet', '10.213.0.0/16', 'other');
    expect(overlap).toMatchObject({ code: 1 });
    expect(overlap.stderr).toContain('Pool overlaps with other one on this address space');
    const show = 'ip -4 a show eth0 | grep -o "inet [0-9./]*"; ip r | head -1';
    const run = (...more: string[]) =>
      tsctr('run', '--rm', '--network', 'mine', ...more, 'busybox', 'sh', '-c', show);
    expect(await ok(run())).toBe('inet 10.213.7.128/24\ndefault via 10.213.7.254 dev eth0');
    expect(await ok(run('--ip', '10.213.7.9'))).toContain('inet 10.213.7.9/24');
    const wrong = await run('--ip', '10.214.0.1');
    expect(wrong.code).toBe(125);
    expect(wrong.stderr).toContain('no configured subnet or ip-range contain the IP address 10.214.0.1');
  });

  test('let containers find each other by name, alias, short id and address', async () => {
    await ok(tsctr('network', 'create', 'net'));
    const id = await serve('web', '--network', 'net', '--network-alias', 'site', '--hostname', 'box');
    await serve('client', '--network', 'net');
    const address = await addressOf('web', 'net');
    for (const name of ['web', 'site', id.slice(0, 12), 'box', 'web.net', 'WEB'])
      expect([name, await lookUp('client', name)]).toEqual([name, [address]]);
    expect(await inside('client', `nslookup ${address}`)).toContain('name = web.net');
    expect(await inside('client', 'nc -w 3 site 80 </dev/null')).toBe('hello from box\n');
    await ok(tsctr('rm', '-f', 'web'));
    expect(await lookUp('client', 'web')).toEqual([]);
  });

  test('keep what is not of theirs apart, and those that are internal to themselves', async () => {
    await ok(tsctr('network', 'create', 'left'));
    await ok(tsctr('network', 'create', '--internal', 'right'));
    await serve('on-left', '--network', 'left');
    await serve('on-right', '--network', 'right');
    expect(await lookUp('on-left', 'on-right')).toEqual([]);
    const [left, right] = [await addressOf('on-left', 'left'), await addressOf('on-right', 'right')];
    expect(await inside('on-left', `nc -w 1 ${right} 80 </dev/null || echo unreachable`)).toBe(
      'unreachable\n',
    );
    expect(await inside('on-right', `nc -w 1 ${left} 80 </dev/null || echo unreachable`)).toBe(
      'unreachable\n',
    );
    expect(await inside('on-right', 'ip r')).not.toContain('default');
  });

  test('are joined and left by containers that run', async () => {
    await ok(tsctr('network', 'create', 'one'));
    await ok(tsctr('network', 'create', 'two'));
    await serve('web', '--network', 'one');
    await serve('client', '--network', 'two');
    await ok(tsctr('network', 'connect', '--alias', 'site', 'two', 'web'));
    const address = await addressOf('web', 'two');
    expect(await lookUp('client', 'site')).toEqual([address]);
    expect(await inside('client', 'nc -w 3 site 80 </dev/null')).toContain('hello');
    const [shown] = JSON.parse(await ok(tsctr('network', 'inspect', 'two'))) as [{ Containers: object }];
    const onTwo = Object.values(shown.Containers) as { Name: string }[];
    expect(onTwo.map(({ Name }) => Name).sort()).toEqual(['client', 'web']);
    const busy = await tsctr('network', 'rm', 'two');
    expect(busy).toMatchObject({ code: 1 });
    expect(busy.stderr).toContain('has active endpoints');
    await ok(tsctr('network', 'disconnect', 'two', 'web'));
    expect(await lookUp('client', 'site')).toEqual([]);
    expect(await inside('web', 'ls /sys/class/net')).toBe('eth0\nlo\n');
    await ok(tsctr('network', 'connect', 'two', 'web'));
    await ok(tsctr('restart', '-t', '0', 'web'));
    expect(await inside('web', 'ls /sys/class/net')).toBe('eth0\neth1\nlo\n');
  });

  test('of another container are shared with container:NAME', async () => {
    await serve('web', '--hostname', 'box');
    const script = 'hostname; ls /sys/class/net; nc -w 3 127.0.0.1 80 </dev/null';
    const { stdout } = await tsctr(
      'run',
      '--rm',
      '--network',
      'container:web',
      'busybox',
      'sh',
      '-c',
      script,
    );
    expect(stdout).toBe('box\neth0\nlo\nhello from box\n');
    const missing = await tsctr('run', '--rm', '--network', 'container:nope', 'busybox', 'true');
    expect(missing.code).toBe(125);
    expect(missing.stderr).toContain('No such container: nope');
  });

  test('twenty containers at once have twenty addresses', async () => {
    await ok(tsctr('network', 'create', 'many'));
    const names = Array.from({ length: 20 }, (_, index) => `many${index}`);
    await Promise.all(names.map((name) => serve(name, '--network', 'many')));
    const [shown] = JSON.parse(await ok(tsctr('network', 'inspect', 'many'))) as [
      { Containers: Record<string, { Name: string; IPv4Address: string }> },
    ];
    const containers = Object.values(shown.Containers);
    expect(containers.map(({ Name }) => Name).sort()).toEqual([...names].sort());
    expect(new Set(containers.map(({ IPv4Address }) => IPv4Address)).size).toBe(20);
  }, 60_000);

  test('nothing is left of a container whose owner is killed, whenever that is', async () => {
    const id = await ok(tsctr('network', 'create', '--ipv6', 'net'));
    const ports = () => readdirSync(`/sys/class/net/br-${id.slice(0, 12)}/brif`);
    const run = () =>
      commands().start('tsrun', ['--rm', '--network', 'net', '-p', '80', 'busybox', 'sh', '-c', SERVER]);
    const before = traces();
    for (const lifetime of [60, 90, 120, 150, 200, 300, 1000]) {
      const child: ChildProcess = run();
      await delay(lifetime);
      child.kill('SIGKILL');
    }
    for (let attempt = 0; attempt < 200 && ports().length > 0; attempt++) await delay(50);
    expect(ports()).toEqual([]);
    await expect
      .poll(() => traces().filter((name) => !before.includes(name)), { timeout: 10_000 })
      .toEqual([]);
    await tsctr('ps', '-a');
    const { stdout } = await tsctr('run', '--rm', '--network', 'net', 'busybox', 'ip', 'a', 'show', 'eth0');
    expect(stdout).toContain('.0.2/16');
  }, 60_000);
});
