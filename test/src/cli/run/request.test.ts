import { cpus } from 'node:os';
import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { normaliseArguments } from '../../../../src/cli/arguments.ts';
import { declareRun } from '../../../../src/cli/run/command.ts';
import { runRequest } from '../../../../src/cli/run/request.ts';

function request(...args: readonly string[]) {
  const command = declareRun(new Command('x').exitOverride().configureOutput({ writeErr: () => {} }));
  command.parse(normaliseArguments(args, command, { passThrough: true }), { from: 'user' });
  const [image = '', ...rest] = command.args;
  return runRequest(command.opts(), image, rest);
}

describe('runRequest()', () => {
  test('leaves to the image what the command line does not say', () => {
    const { command, entrypoint, user, workdir, hostname, resources, name } = request('image');
    expect({ command, entrypoint, user, workdir, hostname, resources, name }).toEqual({});
    expect(request('image')).toMatchObject({
      image: 'image',
      remove: false,
      pull: 'missing',
      privileged: false,
    });
  });

  test('passes on everything behind the image untouched', () => {
    expect(request('-i', 'image', 'cmd', '-i', '--rm', '--', '-x=1').command).toEqual([
      'cmd',
      '-i',
      '--rm',
      '--',
      '-x=1',
    ]);
  });

  test('takes an empty entrypoint for none', () => {
    expect(request('--entrypoint', '', 'image').entrypoint).toEqual([]);
    expect(request('--entrypoint', 'a b', 'image').entrypoint).toEqual(['a b']);
  });

  test.each([
    [['--cpus', '0.5'], { cpuPeriod: 100_000, cpuQuota: 50_000 }],
    [['-m', '100m'], { memory: 104_857_600 }],
    [['-m', '100m', '--memory-swap', '-1'], { memory: 104_857_600, memorySwap: -1 }],
    [['--cpu-period', '50000', '--cpu-quota', '1000'], { cpuPeriod: 50_000, cpuQuota: 1000 }],
    [['--pids-limit', '-1'], { pidsLimit: -1 }],
    [['--cpus', '0', '-m', '0', '--blkio-weight', '0'], undefined],
  ])('limits by %j', (args, expected) => {
    expect(request(...args, 'image').resources).toEqual(expected);
  });

  test.each([
    [['-m', '5m'], 'Minimum memory limit allowed is 6MB'],
    [['--memory-swap', '50m'], 'You should always set the Memory limit'],
    [['-m', '100m', '--memory-swap', '50m'], 'Minimum memoryswap limit'],
    [['-m', '50m', '--memory-reservation', '100m'], 'can not be less than memory reservation'],
    [['--cpus', '1', '--cpu-quota', '5'], 'cannot both be set'],
    [['--cpus', String(cpus().length + 1)], 'range of CPUs is from 0.01'],
    [['--cpus', '0.001'], 'range of CPUs is from 0.01'],
    [['--oom-score-adj', '1001'], 'from -1000 to 1000'],
    [['--memory-swappiness', '101'], 'from 0 to 100'],
    [['--storage-opt', 'size=1g'], '--storage-opt is not supported'],
    [['--gpus', 'all'], '--gpus is not supported'],
    [['--userns', 'keep-id'], '--userns is not supported'],
    [['--pid', 'container:'], 'invalid PID mode "container:"'],
    [['--uts', 'container:x'], 'invalid UTS mode "container:x"'],
    [['--ipc', 'other'], 'invalid IPC mode "other": use host, private, shareable, none, container:NAME'],
    [['--cgroupns', 'other'], 'invalid CGROUP mode "other"'],
    [['--device-read-bps', '/dev/x'], 'bad format for path: /dev/x'],
    [['--device-write-iops', '/dev/x:0'], 'from 1 to'],
    [['--blkio-weight-device', '/dev/x:9'], 'from 10 to 1000'],
    [['--security-opt', 'seccomp=/nosuch'], 'opening seccomp profile (/nosuch) failed'],
    [['--device', 'dev/null'], 'invalid argument "dev/null" for "--device"'],
    [['--env-file', '/nosuch'], 'open /nosuch: no such file or directory'],
    [['--platform', 'foo'], 'Invalid platform "foo"'],
  ])('refuses %j', (args, message) => {
    expect(() => request(...args, 'image')).toThrow(message);
  });

  test.each([['--userns=host'], ['--detach=false'], ['--cgroupns=private']])(
    'takes %s, which changes nothing',
    (arg) => {
      expect(request(arg, 'image')).toEqual(request('image'));
    },
  );

  test('reads devices with and without a place and rights of their own', () => {
    expect(
      request(
        '--device=/dev/a',
        '--device=/dev/b:/dev/c',
        '--device=/dev/d:r',
        '--device=/dev/e:/dev/f:rwm',
        'i',
      ).devices,
    ).toEqual([
      { source: '/dev/a', target: '/dev/a' },
      { source: '/dev/b', target: '/dev/c' },
      { source: '/dev/d', target: '/dev/d', access: 'r' },
      { source: '/dev/e', target: '/dev/f', access: 'rwm' },
    ]);
  });

  test('shares namespaces with the host only when told', () => {
    expect(request('--pid=host', '--ipc=private', 'i').hostNamespaces).toEqual(['pid']);
    expect(request('--uts=host', '--cgroupns=host', 'i').hostNamespaces).toEqual(['uts', 'cgroup']);
  });

  test('joins namespaces of containers, and says whose', () => {
    const joined = request('--pid=container:a', '--ipc=container:b', 'i');
    expect(joined).toMatchObject({ hostNamespaces: [], joinNamespaces: { pid: 'a', ipc: 'b' } });
    expect(request('--ipc=shareable', 'i').ipc).toBe('shareable');
  });

  test('reads rates and weights of devices', () => {
    const options = [
      '--device-read-bps=/dev/a:1m',
      '--device-write-iops=/dev/a:10',
      '--blkio-weight-device=/dev/a:20',
    ];
    expect(request(...options, 'i').resources).toEqual({
      readBps: [{ path: '/dev/a', rate: 1_048_576 }],
      writeIops: [{ path: '/dev/a', rate: 10 }],
      blkioWeightDevices: [{ path: '/dev/a', weight: 20 }],
    });
  });
});
