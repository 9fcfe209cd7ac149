import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { launch } from '../../../src/sandbox/launch.ts';
import { describeContainers, text } from '../../support/containers.ts';
import { hostMounts } from '../../support/host-mounts.ts';
import { shellSpec } from '../../support/specs.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const lines = (output: string) => output.trim().split('\n');

describeContainers('launch()', ({ run, root, mechanism }) => {
  test('runs a program as PID 1 and reports its output and exit code', async () => {
    const result = await run('echo $$; echo problem >&2; exit 3');
    expect(result).toMatchObject({ code: 3, stdout: '1\n', stderr: 'problem\n', oomKilled: false });
  });

  test('reports the signal that ended the program', async () => {
    // PID 1 has no default actions, so it is killed from outside.
    const running = await launch(shellSpec('echo ready; sleep 100'), {
      overlay: root().overlay(),
      mechanism,
      stdio: { kind: 'pipes', stdin: 'null' },
    });
    running.stdout!.once('data', () => running.kill(9));
    running.stderr!.resume();
    expect(await running.wait()).toEqual({ code: 137, signal: 9, oomKilled: false });
  });

  test('gives standard input to the program and ends it with the stream', async () => {
    const running = await launch(shellSpec('cat; echo end'), {
      overlay: root().overlay(),
      mechanism,
      stdio: { kind: 'pipes', stdin: 'pipe' },
    });
    running.stdin!.end('hello\n');
    running.stderr!.resume();
    expect(await text(running.stdout!)).toBe('hello\nend\n');
    expect((await running.wait()).code).toBe(0);
  });

  test('gives the program the environment of the spec and nothing else', async () => {
    process.env.TSBUILD_CANARY = 'leaked';
    const env = ['PATH=/bin', 'A=1', 'TSBUILD_CANARY', '=x', '', '*', 'B=two words'];
    const { stdout } = await run('env', { process: { env, args: ['env'] } });
    expect(lines(stdout).toSorted()).toEqual(['A=1', 'B=two words', 'PATH=/bin']);
  });

  test('isolates host name, processes, network and IPC by default', async () => {
    const { stdout } = await run('hostname; ls -d /proc/[0-9]*; cat /proc/net/dev; cat /proc/sysvipc/shm');
    const output = lines(stdout);
    expect(output[0]).toBe('box');
    expect(output.filter((line) => line.startsWith('/proc/'))).toHaveLength(1);
    expect(output.filter((line) => line.includes(':')).map((line) => line.split(':')[0]!.trim())).toEqual([
      'lo',
    ]);
  });

  test('brings up lo in a new network namespace', async () => {
    const { stdout } = await run('cat /sys/class/net/lo/flags');
    expect(Number(stdout) & 1).toBe(1);
  });

  test('confines the program as Docker does', async () => {
    const args = ['grep', '-E', '^(Cap|NoNewPrivs|Seccomp:|SigIgn|SigBlk)', '/proc/self/status'];
    const { stdout } = await run('', { process: { args } });
    expect(Object.fromEntries(lines(stdout).map((line) => line.split(/:\s+/)))).toEqual({
      CapInh: '0000000000000000',
      CapPrm: '00000000a80425fb',
      CapEff: '00000000a80425fb',
      CapBnd: '00000000a80425fb',
      CapAmb: '0000000000000000',
      NoNewPrivs: '0',
      Seccomp: '2',
      SigIgn: '0000000000000000',
      SigBlk: '0000000000000000',
    });
  });

  test('gives a user other than root its capabilities in the bounding set alone', async () => {
    const user = { uid: 1000, gid: 1001, umask: 0o027, additionalGids: [5, 6] };
    const { stdout } = await run(
      "grep -E '^(Cap|Uid|Gid|Groups)' /proc/self/status; umask; touch /tmp/f; cat /proc/self/loginuid >/dev/null; echo >/dev/stdout",
      { process: { user }, root: {} },
      {},
    );
    const status = Object.fromEntries(lines(stdout).map((line) => line.split(/:\s+/)));
    expect(status).toMatchObject({
      CapPrm: '0000000000000000',
      CapEff: '0000000000000000',
      CapBnd: '00000000a80425fb',
      CapInh: '0000000000000000',
      CapAmb: '0000000000000000',
      Uid: '1000\t1000\t1000\t1000',
      Gid: '1001\t1001\t1001\t1001',
    });
    expect(status.Groups!.trim()).toBe('5 6');
    expect(stdout).toContain('0027\n');
  });

  test('sets no_new_privs when the spec says so', async () => {
    const { stdout } = await run('grep -E "^(NoNewPrivs|Seccomp:|CapEff)" /proc/self/status', {
      process: { noNewPrivileges: true },
    });
    expect(stdout).toBe('CapEff:\t00000000a80425fb\nNoNewPrivs:\t1\nSeccomp:\t2\n');
  });

  test('gives the program the descriptors 0, 1 and 2 alone', async () => {
    const { stdout } = await run('ls -l /proc/self/fd | wc -l; ls /proc/self/fd');
    // The fourth is the listing's own.
    expect(lines(stdout).slice(1)).toEqual(['0', '1', '2', '3']);
  });

  test('makes /dev anew, with the devices and links of the runtime spec', async () => {
    const { stdout } = await run(
      'ls /dev | grep -v core; cat /dev/null; head -c 2 /dev/zero | wc -c; echo x >/dev/null; readlink /dev/ptmx',
    );
    expect(lines(stdout)).toEqual(
      'fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero 2 pts/ptmx'.split(' '),
    );
  });

  test('leaves the root writable and everything of the kernel read-only or hidden', async () => {
    const { stdout, stderr } = await run(`
      touch /new && echo root
      for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /sys/kernel/uevent_helper; do
        (echo x >$file) 2>/dev/null && echo wrote $file
      done
      cat /proc/kcore /proc/keys /proc/timer_list 2>/dev/null | wc -c
      ls /sys/firmware | wc -l
      mount -t tmpfs x /tmp 2>/dev/null && echo mounted
      true`);
    expect(stderr).toBe('');
    expect(lines(stdout)).toEqual(['root', '0', '0']);
  });

  test('mounts control groups read-only', async () => {
    const { stdout } = await run(
      'grep -c cgroup /proc/self/mounts; mkdir /sys/fs/cgroup/x 2>&1; ls /sys/fs/cgroup | wc -l',
      { linux: { resources: { pids: { limit: 100 } } } },
    );
    const [mounts, refusal, entries] = lines(stdout);
    expect(Number(mounts)).toBeGreaterThan(0);
    expect(refusal).toContain('Read-only file system');
    expect(Number(entries)).toBeGreaterThan(0);
  });

  test('writes to the upper directory, and reports the mount points it made there', async () => {
    const overlay = root().overlay();
    const { stubs } = await run(
      'echo new >/etc/new; rm /etc/passwd',
      {},
      {
        overlay,
        files: [
          { path: '/etc/resolv.conf', content: 'nameserver 1.2.3.4\n', mode: 0o644, readonly: false },
          { path: '/run/deep/hosts', content: 'x', mode: 0o644, readonly: true },
        ],
      },
    );
    expect(stubs).toEqual([
      '/proc',
      '/dev',
      '/sys',
      '/etc/resolv.conf',
      '/run',
      '/run/deep',
      '/run/deep/hosts',
    ]);
    expect(readFileSync(join(overlay.upper, 'etc/new'), 'utf8')).toBe('new\n');
    expect(readdirSync(overlay.upper).toSorted()).toEqual(['dev', 'etc', 'proc', 'run', 'sys']);
    expect(readFileSync(join(overlay.upper, 'etc/resolv.conf'), 'utf8')).toBe('');
  });

  test('shows the given files, writable or not, with their mode and owner', async () => {
    const file = { path: '/etc/hosts', content: 'here\n', mode: 0o640, uid: 7, gid: 8 };
    const files = (readonly: boolean) => ({ files: [{ ...file, readonly }] });
    const script =
      "cat /etc/hosts; stat -c '%a %u %g' /etc/hosts; (echo more >>/etc/hosts) 2>/dev/null && echo wrote; true";
    expect((await run(script, {}, files(true))).stdout).toBe('here\n640 7 8\n');
    expect((await run(script, {}, files(false))).stdout).toBe('here\n640 7 8\nwrote\n');
  });

  test('keeps a root without an upper directory, or a read-only one, from being written', async () => {
    const script = '(touch /new) 2>&1; echo x >/dev/shm/y && echo shm';
    const expected = 'touch: /new: Read-only file system\nshm\n';
    const { upper: _, work: __, ...lower } = root().overlay();
    expect((await run(script, {}, { overlay: lower })).stdout).toBe(expected);
    expect((await run(script, { root: { readonly: true } })).stdout).toBe(expected);
  });

  test('runs in a plain directory when there is no overlay', async () => {
    const { stdout } = await run(
      'cat /etc/passwd',
      { root: { path: root().layer } },
      { overlay: undefined as never },
    );
    expect(stdout).toContain('root:x:0:0');
  });

  test('stacks hundreds of layers, the last on top', async () => {
    const lower = Array.from({ length: 300 }, (_, index) => {
      const layer = join(root().base, `many/${index}`);
      mkdirSync(layer, { recursive: true });
      writeFileSync(join(layer, 'number'), String(index));
      return layer;
    });
    const overlay = root().overlay();
    const { stdout } = await run(
      'cat /number',
      {},
      { overlay: { ...overlay, lower: [root().layer, ...lower] } },
    );
    expect(stdout).toBe('299');
  });

  test('applies limits, OOM score, working directory and sysctls', async () => {
    const { stdout } = await run(
      'pwd; ulimit -n; ulimit -c; cat /proc/self/oom_score_adj /proc/sys/net/ipv4/ip_unprivileged_port_start',
      {
        process: {
          cwd: '/tmp',
          oomScoreAdj: 500,
          rlimits: [
            { type: 'RLIMIT_NOFILE', soft: 64, hard: 128 },
            { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
          ],
        },
        linux: { sysctl: { 'net.ipv4.ip_unprivileged_port_start': '0' } },
      },
    );
    expect(lines(stdout)).toEqual(['/tmp', '64', '0', '500', '0']);
  });

  test('leaves no mount on the host, while it runs and after', async () => {
    const before = hostMounts();
    const running = await launch(shellSpec('echo up; cat'), {
      overlay: root().overlay(),
      mechanism,
      stdio: { kind: 'pipes', stdin: 'pipe' },
    });
    await new Promise((resolve) => running.stdout!.once('data', resolve));
    expect(hostMounts()).toBe(before);
    running.stderr!.resume();
    running.stdin!.end();
    await running.wait();
    expect(hostMounts()).toBe(before);
  });

  test('ends every process of the container with PID 1', async () => {
    const marker = `100${process.pid}`;
    await run(`sleep ${marker} & (sleep ${marker} &) ; exit 0`);
    const running = readdirSync('/proc').filter((pid) => {
      const file = `/proc/${pid}/cmdline`;
      return /^\d+$/.test(pid) && existsSync(file) && readFileSync(file, 'utf8').includes(marker);
    });
    expect(running).toEqual([]);
  });

  test('leaves no descriptor behind', async () => {
    const open = () => readdirSync('/proc/self/fd').length;
    await run('true');
    const before = open();
    for (let index = 0; index < 3; index++) await run('true');
    await expect(run('true', { process: { args: ['nosuch'] } })).rejects.toThrow();
    expect(open()).toBeLessThanOrEqual(before);
  });
});

describeContainers('launch() with a read-only root', ({ run }) => {
  test('makes mount points of files in it first', async () => {
    const files = [{ path: '/etc/made/file', content: 'there', mode: 0o644, readonly: true }];
    const { stdout } = await run(
      'cat /etc/made/file; touch /x /etc/made/file || echo no',
      { root: { readonly: true } },
      { files },
    );
    expect(stdout).toBe('thereno\n');
  });
});

describeContainers('launch() of what cannot run', ({ run }) => {
  test.each([
    ['nosuch', 'NOT_FOUND', 'exec: "nosuch": executable file not found in $PATH'],
    ['/nosuch', 'NOT_FOUND', 'exec: "/nosuch": stat /nosuch: no such file or directory'],
    ['/etc', 'NOT_EXECUTABLE', 'exec: "/etc": is a directory'],
    ['/etc/passwd', 'NOT_EXECUTABLE', 'exec: "/etc/passwd": permission denied'],
    ['/etc/passwd/x', 'NOT_EXECUTABLE', 'exec: "/etc/passwd/x": stat /etc/passwd/x: not a directory'],
  ])('rejects %s as Docker does', async (command, code, message) => {
    await expect(run('', { process: { args: [command] } })).rejects.toMatchObject({ code, message });
  });

  test('rejects a file that is no program', async () => {
    const script = { path: '/script', content: 'not a program', mode: 0o755, readonly: true };
    const attempt = run('', { process: { args: ['/script'] } }, { files: [script] });
    await expect(attempt).rejects.toMatchObject({
      code: 'NOT_EXECUTABLE',
      message: 'exec /script: exec format error',
    });
  });

  test.each(['/etc/passwd', '/etc/passwd/x'])('rejects the working directory %s, a file', async (cwd) => {
    await expect(run('true', { process: { cwd } })).rejects.toMatchObject({
      code: 'BAD_SPEC',
      message: `Cannot change to working directory "${cwd}": not a directory`,
    });
  });

  test('rejects a bind mount whose source is not there', async () => {
    const mounts = [{ destination: '/x', type: 'bind', source: '/nosuch-source', options: ['rbind'] }];
    await expect(run('true', { mounts })).rejects.toMatchObject({
      code: 'SYSTEM',
      message: 'Cannot mount "/nosuch-source" at "/x": no such file or directory',
    });
  });
});

describeContainers('launch() in a working directory that is not there', ({ root, run }) => {
  test('makes it as Docker does, and not as a mount point to be removed again', async () => {
    const { stdout, stubs } = await run('pwd; stat -c %a:%u:%g /a /a/b', {
      process: { cwd: '/a/b', user: { uid: 1000, gid: 1000 } },
    });
    expect(stdout).toBe('/a/b\n755:0:0\n755:0:0\n');
    expect(stubs.filter((path) => path.startsWith('/a'))).toEqual([]);
  });

  test('makes it in a root that is read-only for the container', async () => {
    const { stdout } = await run('pwd; touch x || echo no', {
      process: { cwd: '/a' },
      root: { readonly: true },
    });
    expect(stdout).toBe('/a\nno\n');
  });

  test('makes it inside of the root, whatever links say', async () => {
    const canary = tempFolder();
    const overlay = root().overlay();
    symlinkSync(`../../../..${canary}`, join(overlay.upper, 'up'));
    const { stdout } = await run('pwd', { process: { cwd: '/up/a' } }, { overlay });
    expect(stdout).toBe(`${canary}/a\n`);
    expect(readdirSync(canary)).toEqual([]);
  });
});
