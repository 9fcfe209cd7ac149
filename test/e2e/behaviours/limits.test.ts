import { describe, expect, test } from 'vitest';
import { cgroupHost } from '../../../src/sandbox/cgroup-host.ts';
import { limitSupport } from '../../../src/sandbox/limit-support.ts';
import { backgroundContainer } from '../../support/background-container.ts';
import { describeCommands } from '../../support/commands.ts';

const isV1 = cgroupHost().version === 1;
if (!isV1) console.log('skipped: what files of control groups of version 1 say: this system has version 2');

describeCommands('a limit', (commands) => {
  const run = (options: readonly string[], script: string) =>
    commands().tsrun(['--rm', '--network=none', ...options, 'busybox', 'sh', '-c', script]);
  const tsctr = (...args: string[]) => commands().tsctr(args);

  describe('of memory', () => {
    test('kills what passes it, also by files in memory, and is told of as Docker tells', async () => {
      const options = ['--network=none', '--name=greedy', '-m=20m'];
      const grows = 'x=a; while true; do x=$x$x; done';
      expect((await commands().tsrun(['-d', ...options, 'busybox', 'sh', '-c', grows])).code).toBe(0);
      expect((await tsctr('wait', 'greedy')).stdout).toBe('137\n');
      const state = await tsctr('inspect', '-f', '{{.State.OOMKilled}} {{.State.ExitCode}}', 'greedy');
      expect(state.stdout).toBe('true 137\n');
      await tsctr('rm', 'greedy');
      const write = (megabytes: number) =>
        `dd if=/dev/zero of=/dev/shm/f bs=1M count=${megabytes} 2>&1; echo $?`;
      expect((await run(['-m=20m'], write(40))).stdout).toContain('137\n');
      expect((await run(['-m=20m'], write(10))).stdout).toMatch(/\n0\n$/);
    });

    test.skipIf(!isV1)('covers twice as much with swap, unless told otherwise', async () => {
      const read =
        'cd /sys/fs/cgroup/memory; cat memory.limit_in_bytes memory.memsw.limit_in_bytes memory.soft_limit_in_bytes memory.swappiness';
      const [plain, none, all] = await Promise.all([
        run(['-m=20m'], read),
        run(['-m=20m', '--memory-swap=20m', '--memory-reservation=10m', '--memory-swappiness=7'], read),
        run(['-m=20m', '--memory-swap=-1'], read),
      ]);
      expect(plain.stdout.split('\n').slice(0, 2)).toEqual(['20971520', '41943040']);
      expect(none.stdout).toBe('20971520\n20971520\n10485760\n7\n');
      expect(Number(all.stdout.split('\n')[1])).toBeGreaterThan(2 ** 50);
      const control = 'grep oom_kill_disable /sys/fs/cgroup/memory/memory.oom_control';
      const spared = await run(['-m=20m', '--oom-kill-disable'], control);
      expect(spared.stdout).toBe('oom_kill_disable 1\n');
    });

    test('is refused where Docker refuses it', async () => {
      const wrong: readonly (readonly [readonly string[], string])[] = [
        [['-m=1m'], 'Minimum memory limit allowed is 6MB'],
        [['-m=50m', '--memory-swap=40m'], 'Minimum memoryswap limit should be larger than memory limit'],
        [['--memory-swap=40m'], 'You should always set the Memory limit when using Memoryswap limit'],
        [
          ['-m=50m', '--memory-reservation=60m'],
          'Minimum memory limit can not be less than memory reservation',
        ],
      ];
      for (const [options, words] of wrong) {
        const { code, stderr } = await run(options, 'true');
        expect(code).toBe(125);
        expect(stderr).toContain(words);
      }
    });
  });

  test.skipIf(!isV1)('--cpus holds back what computes, by the counts of the group', async () => {
    // 5 ms in each period of 100 ms; slices of other processors may be lent once (CFS bandwidth control).
    const read = (file: string) => `cat /sys/fs/cgroup/${file}`;
    const script = `${read('cpuacct/cpuacct.usage')}; i=0; while [ $i -lt 60000 ]; do i=$((i+1)); done; ${read('cpuacct/cpuacct.usage')}; ${read('cpu/cpu.stat')}`;
    const { stdout } = await run(['--cpus=0.05'], script);
    const [before, after] = stdout.split('\n').map(Number);
    const count = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(stdout)![1]);
    expect(count('nr_throttled')).toBeGreaterThan(0);
    expect(count('throttled_time')).toBeGreaterThan(0);
    expect(after! - before!).toBeLessThan((count('nr_periods') + 3) * 5e6 * 2);
  });

  test('--cpuset-cpus says where it runs; processors and nodes that are not there are refused', async () => {
    const { stdout } = await run(
      ['--cpuset-cpus=0', '--cpuset-mems=0'],
      'grep _allowed_list /proc/self/status; nproc',
    );
    expect(stdout).toBe('Cpus_allowed_list:\t0\nMems_allowed_list:\t0\n1\n');
    for (const [option, what] of [
      ['--cpuset-cpus', 'CPUs'],
      ['--cpuset-mems', 'memory nodes'],
    ] as const) {
      const wrong = await run([`${option}=0,999`], 'true');
      expect(wrong.code).toBe(125);
      expect(wrong.stderr).toContain(`Requested ${what} are not available - requested 0,999, available: 0`);
      expect((await run([`${option}=1-`], 'true')).stderr).toContain('Invalid value 1-');
    }
  });

  test('--cpu-shares, --cpu-period and --cpu-quota are those of the group, within the bounds of the kernel', async () => {
    const options = ['--cpu-shares=77', '--cpu-period=50000', '--cpu-quota=20000'];
    const read = isV1
      ? 'cd /sys/fs/cgroup/cpu; cat cpu.shares cpu.cfs_period_us cpu.cfs_quota_us'
      : 'echo 77; cat /sys/fs/cgroup/cpu.max | tr " " "\\n" | sort -r';
    expect((await run(options, read)).stdout).toBe('77\n50000\n20000\n');
    expect((await run(['--cpu-period=10'], 'true')).stderr).toContain(
      'CPU cfs period can not be less than 1ms',
    );
    expect((await run(['--cpu-quota=10'], 'true')).stderr).toContain(
      'CPU cfs quota can not be less than 1ms',
    );
    expect((await run(['--cpus=999'], 'true')).stderr).toContain('range of CPUs is from 0.01 to');
  });

  test('--pids-limit makes forks fail; 0 and -1 are none', async () => {
    const forks = 'for i in 1 2 3 4 5 6 7; do sleep 5 & done';
    const few = await run(['--pids-limit=5'], forks);
    expect(few.stderr).toContain("can't fork: Resource temporarily unavailable");
    const limit = `cat /sys/fs/cgroup/${isV1 ? 'pids/' : ''}pids.max`;
    for (const none of ['0', '-1'])
      expect(
        (await run([`--pids-limit=${none}`, '-m=50m'], `${limit}; ${forks}; kill $(jobs -p)`)).stdout,
      ).toBe('max\n');
  });

  test('--ulimit holds for opening and writing files, and cannot be raised again', async () => {
    const options = [
      '--ulimit=nofile=12:20',
      '--ulimit=fsize=100000',
      '--ulimit=core=0',
      '--cap-drop=SYS_RESOURCE',
    ];
    const script = `touch /f; ulimit -n; sh -c 'exec 3</f 4</f 11</f; echo open'; sh -c 'exec 12</f' 2>/dev/null || echo refused; dd if=/dev/zero of=/f bs=200000 count=1 2>&1; echo $?; ulimit -n 30 2>&1`;
    const { stdout } = await run(options, script);
    expect(stdout).toMatch(/^12\nopen\nrefused\n.*153\n.*Operation not permitted\n$/s);
    for (const wrong of ['nofile=20:10', 'nosuch=1', 'nofile=x'])
      expect((await run([`--ulimit=${wrong}`], 'true')).stderr).toContain(
        `invalid ulimit argument: ${wrong}`,
      );
  });

  test('--shm-size is how much /dev/shm holds', async () => {
    const { stdout } = await run(
      ['--shm-size=1m'],
      'dd if=/dev/zero of=/dev/shm/f bs=1M count=2 2>&1; stat -c %s /dev/shm/f',
    );
    expect(stdout).toContain('No space left on device');
    expect(stdout).toMatch(/\n1048576\n$/);
  });

  test('--oom-score-adj and --sysctl hold for all processes of the container, exec’s too, and not for the host', async () => {
    const read =
      'cat /proc/self/oom_score_adj /proc/sys/kernel/msgmax /proc/sys/net/ipv4/ip_unprivileged_port_start';
    const host = await commands().run('tsctr', ['version'], { through: ['cat', '/proc/sys/kernel/msgmax'] });
    const container = await backgroundContainer(commands(), [
      ...[
        '--oom-score-adj=500',
        '--sysctl=kernel.msgmax=1234',
        '--sysctl=net.ipv4.ip_unprivileged_port_start=5',
      ],
    ]);
    expect((await tsctr('exec', container.name, 'sh', '-c', read)).stdout).toBe('500\n1234\n5\n');
    await container.stop();
    expect(host.stdout).not.toBe('1234\n');
    for (const wrong of ['kernel.hostname=x', 'vm.swappiness=1', 'kernel.nosuch=1'])
      expect(await run([`--sysctl=${wrong}`], 'true')).toMatchObject({ code: 125 });
    expect(await run(['--sysctl=net.nosuch=1'], 'true')).toMatchObject({ code: 125 });
    expect((await run(['--oom-score-adj=2000'], 'true')).stderr).toContain('-1000 to 1000');
  });

  test.skipIf(!isV1)(
    'of the rate of a device is the group’s; a weight that no scheduler heeds is left out with a warning',
    async () => {
      const rate = await run(
        ['--device-write-bps=/dev/loop0:1mb', '--device-read-iops=/dev/loop0:7'],
        'cd /sys/fs/cgroup/blkio; cat blkio.throttle.write_bps_device blkio.throttle.read_iops_device',
      );
      expect(rate.stdout).toBe('7:0 1048576\n7:0 7\n');
      const weights = await run(['--blkio-weight=100', '--blkio-weight-device=/dev/loop0:100'], 'echo runs');
      expect(weights).toMatchObject({ code: 0, stdout: 'runs\n' });
      const { ioWeight, ioWeightDevice } = limitSupport();
      expect(weights.stderr).toBe(
        `${ioWeight ? '' : 'WARNING: Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.\n'}${
          ioWeightDevice
            ? ''
            : 'WARNING: Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.\n'
        }`,
      );
    },
  );

  test.skipIf(!isV1)(
    'changed by update is read back, also of a paused container, and has its effect',
    async () => {
      const container = await backgroundContainer(commands(), ['-m=50m', '--pids-limit=50']);
      const { name } = container;
      const exec = (script: string) => tsctr('exec', name, 'sh', '-c', script);
      await tsctr('pause', name);
      const memory = await tsctr(
        'update',
        '-m=20m',
        '--memory-swap=20m',
        '--pids-limit=20',
        '--cpus=0.5',
        '--cpu-shares=512',
        '--cpuset-cpus=0',
        name,
      );
      expect(memory).toMatchObject({ code: 0, stdout: `${name}\n`, stderr: '' });
      await tsctr('unpause', name);
      const files =
        'pids/pids.max cpu/cpu.cfs_quota_us cpu/cpu.shares cpuset/cpuset.cpus memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes';
      expect((await exec(`cd /sys/fs/cgroup; cat ${files}`)).stdout).toBe(
        '20\n50000\n512\n0\n20971520\n20971520\n',
      );
      expect((await exec('dd if=/dev/zero of=/dev/shm/f bs=1M count=40 2>/dev/null; echo $?')).stdout).toBe(
        '137\n',
      );
      const more = await tsctr('update', '-m=30m', name);
      expect(more.code).toBe(1);
      expect(more.stderr).toContain('Memory limit should be smaller than already set memoryswap limit');
      expect((await tsctr('update', '--blkio-weight=100', name)).code).toBe(0);
      const kept = await tsctr(
        'inspect',
        '-f',
        '{{.HostConfig.Memory}} {{.HostConfig.NanoCpus}} {{.HostConfig.PidsLimit}}',
        name,
      );
      expect(kept.stdout).toMatch(/^20971520 \d+ 20\n$/);
      await container.stop();
    },
  );
});
