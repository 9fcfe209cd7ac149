import { existsSync, readdirSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { cgroupHost } from '../../src/sandbox/cgroup-host.ts';
import { type BackgroundContainer, backgroundContainer } from '../support/background-container.ts';
import { describeCommands } from '../support/commands.ts';

describeCommands('isolation options of tsrun', (commands) => {
  const sh = (script: string, ...options: string[]) =>
    commands().tsrun(['--rm', '--network=none', ...options, 'busybox', 'sh', '-c', script]);
  const namespaces = 'for n in pid mnt net ipc uts cgroup; do readlink /proc/self/ns/$n; done';
  const ofHost = (name: string) => readlinkSync(`/proc/self/ns/${name}`);
  let donor: BackgroundContainer;
  beforeAll(async () => {
    donor = await backgroundContainer(
      commands(),
      ['--ipc=shareable'],
      'echo shared > /dev/shm/file; exec sleep 600',
    );
  });
  afterAll(() => donor?.stop());

  test.each([
    ['--pid=host', ['pid']],
    ['--uts=host', ['uts']],
    ['--ipc=host', ['ipc']],
    ['--cgroupns=host', ['cgroup']],
    ['--cgroupns=private', []],
    ['--ipc=private', []],
    ['--userns=host', []],
  ])('%s shares with the host the namespaces %j', async (option, expected) => {
    const { stdout, stderr } = await sh(namespaces, option);
    expect(stderr).toBe('');
    const shared = ['pid', 'mnt', 'net', 'ipc', 'uts', 'cgroup'].filter((name) =>
      stdout.includes(ofHost(name)),
    );
    expect(shared).toEqual(expected);
  });

  test('--pid=container:NAME shows that container’s processes, and ends with it alone', async () => {
    const { stdout, code } = await sh('ps; readlink /proc/self/ns/pid', `--pid=container:${donor.name}`);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\s+1 root\s+.*sleep 600$/m);
    expect(stdout).toContain(readlinkSync(`/proc/${await donor.pid()}/ns/pid`));
  });

  test('what a container leaves in a PID namespace of others ends with it', async () => {
    const { stdout } = await sh('sleep 500 & sleep 500 & echo started', `--pid=container:${donor.name}`);
    expect(stdout).toBe('started\n');
    // PID 1 there waits for no children, so they stay as zombies.
    const living = 'for p in /proc/[0-9]*; do grep -q "^State:.[SRD]" $p/status && cat $p/comm; done';
    const left = await commands().tsctr(['exec', donor.name, 'sh', '-c', living]);
    expect(left.stdout.split('\n').filter((name) => name === 'sleep')).toEqual(['sleep']);
  });

  test('--ipc=container:NAME shares IPC and /dev/shm with a container that lets others', async () => {
    const script = 'cat /dev/shm/file; echo back > /dev/shm/answer; readlink /proc/self/ns/ipc';
    const { stdout, stderr } = await sh(script, `--ipc=container:${donor.name}`);
    expect(stderr).toBe('');
    expect(stdout).toBe(`shared\n${readlinkSync(`/proc/${await donor.pid()}/ns/ipc`)}\n`);
    const answer = await commands().tsctr(['exec', donor.name, 'cat', '/dev/shm/answer']);
    expect(answer.stdout).toBe('back\n');
  });

  test('namespaces of a container that does not run, is not there, or keeps its own cannot be joined', async () => {
    const closed = await backgroundContainer(commands());
    const kept = await sh('true', `--ipc=container:${closed.name}`);
    expect(kept).toMatchObject({ code: 125 });
    expect(kept.stderr).toContain('non-shareable IPC');
    await closed.stop();
    expect((await sh('true', '--pid=container:nosuch')).stderr).toContain('No such container: nosuch');
    await commands().tsrun(['--name=over', '--network=none', 'busybox', 'true']);
    const over = await sh('true', '--pid=container:over');
    await commands().tsctr(['rm', 'over']);
    expect(over.stderr).toMatch(/cannot join PID of a non running container: [0-9a-f]{64}/);
  });

  test('--ipc=none has no /dev/shm of its own', async () => {
    const { stdout } = await sh(
      'grep -c " /dev/shm " /proc/mounts; readlink /proc/self/ns/ipc',
      '--ipc=none',
    );
    expect(stdout.split('\n')[0]).toBe('0');
    expect(stdout).not.toContain(ofHost('ipc'));
  });

  test('--security-opt systempaths, mask and unmask say what of the kernel is seen', async () => {
    const script = 'grep -c " /proc/" /proc/mounts; head -c 1 /etc/passwd | wc -c';
    const all = await sh(script, '--security-opt=systempaths=unconfined');
    expect(all.stdout).toBe('0\n1\n');
    const masked = await sh(script, '--security-opt=mask=/etc/passwd');
    expect(masked.stdout).toMatch(/^[1-9]\d*\n0\n$/);
    const count = async (...options: string[]) =>
      Number((await sh(script, ...options)).stdout.split('\n')[0]);
    const [plain, fewer] = [await count(), await count('--security-opt=unmask=/proc/bus:/proc/fs')];
    expect(plain - fewer).toBe(2);
  });

  test('--security-opt tells of what it does not do, and refuses what it does not know', async () => {
    const label = await sh('true', '--security-opt=apparmor=mine');
    expect(label).toMatchObject({ code: 0 });
    expect(label.stderr).toContain('--security-opt apparmor=mine has no effect');
    expect((await sh('true', '--security-opt=apparmor=unconfined')).stderr).toBe('');
    expect(await sh('true', '--security-opt=other')).toMatchObject({ code: 125 });
  });

  test('a filter of one’s own goes on for exec, though its file is gone', async () => {
    const profile = join(commands().folder, 'profile.json');
    const syscalls = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO' }];
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }));
    const container = await backgroundContainer(commands(), [`--security-opt=seccomp=${profile}`]);
    writeFileSync(profile, JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW' }));
    const { stderr } = await commands().tsctr(['exec', container.name, 'mkdir', '/x']);
    await container.stop();
    expect(stderr).toBe("mkdir: can't create directory '/x': Operation not permitted\n");
  });

  const guarded = cgroupHost().version === 1;
  if (!guarded)
    console.log('skipped: devices of containers: the default rules cost a control group of version 2');
  test.skipIf(!guarded)('nodes of the usual devices can be made and used, and no others', async () => {
    const script = 'mknod /z c 1 5 && head -c 1 /z | wc -c; mknod /k c 1 11 && head -c 1 /k';
    const { stdout, stderr } = await sh(script);
    expect({ stdout, stderr }).toEqual({ stdout: '1\n', stderr: 'head: /k: Operation not permitted\n' });
  });

  test('--device gives the rights that it says, and --device-cgroup-rule those of nodes that are made', async () => {
    const script = '(exec 3< /dev/k) && echo read; (exec 3> /dev/k) 2>/dev/null && echo written';
    const { rdev } = statSync('/dev/loop-control');
    const number = `${rdev >> 8}:${rdev & 255}`;
    expect((await sh(script, '--device=/dev/loop-control:/dev/k:r')).stdout).toBe('read\n');
    const node = `mknod /k c ${number.replace(':', ' ')} && exec 3< /k && echo open`;
    const made = await sh(node, `--device-cgroup-rule=c ${number} r`);
    expect(made.stdout).toBe('open\n');
    const wrong = await sh('true', '--device-cgroup-rule=c 1:11');
    expect(wrong).toMatchObject({ code: 125 });
    expect(wrong.stderr).toContain("invalid device cgroup format 'c 1:11'");
  });

  test('no control group is left when containers have ended', async () => {
    await sh('true', '--pid=host');
    await sh('true', '--memory=50m');
    const host = cgroupHost();
    const roots = host.version === 1 ? [...host.roots.values()] : [host.root];
    const groups = roots.map((root) => join(root, 'tsbuild-isolation')).filter((path) => existsSync(path));
    await sh('true', '--cgroup-parent=tsbuild-isolation', '--memory=50m');
    for (const root of roots.map((each) => join(each, 'tsbuild-isolation')))
      if (existsSync(root))
        expect(readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory())).toEqual([]);
    expect(groups).toBeDefined();
  });
});
