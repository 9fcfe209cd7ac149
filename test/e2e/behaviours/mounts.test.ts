import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { describeCommands } from '../../support/commands.ts';

describeCommands('mounts of a container', (commands) => {
  let source: string;
  const run = (options: readonly string[], script: string, image = 'busybox') =>
    commands().tsrun(['--rm', '--network=none', ...options, image, 'sh', '-c', script]);
  /** With a tmpfs on `sub` of the source, in a mount namespace of the command's own. */
  const withSubmount = (options: readonly string[], script: string) =>
    commands().tsrun(['--rm', '--network=none', ...options, 'busybox', 'sh', '-c', script], {
      through: [
        'unshare',
        '--mount',
        '--propagation=private',
        'sh',
        '-c',
        'mount -t tmpfs -o noexec,nosuid,noatime x "$0/sub" && touch "$0/sub/inner" && exec "$@"',
        source,
      ],
    });

  beforeAll(async () => {
    source = join(commands().folder, 'source');
    mkdirSync(join(source, 'sub'), { recursive: true });
    writeFileSync(join(source, 'file'), 'of the host\n');
    symlinkSync('sub', join(source, 'link'));
    execFileSync('mkfifo', [join(source, 'fifo')]);
    execFileSync('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind("socket")'], {
      cwd: source,
    });
    await commands().build(
      `FROM busybox\nRUN mkdir -p /real && ln -s /real /absolute && ln -s real /relative && ln -s /gone/away /dangling && ln -s ../../../../real /out && mkdir -m 710 /mode && chmod 2755 /\n`,
      {},
      ['-t', 'links'],
    );
  });

  test('that are read-only are so with what is mounted below, as far as asked', async () => {
    const write = 'touch /m/x 2>&1; touch /m/sub/x 2>&1; ls /m/sub';
    const denied = (path: string) => `touch: ${path}: Read-only file system\n`;
    for (const option of [
      `-v=${source}:/m:ro`,
      `--mount=type=bind,src=${source},dst=/m,readonly,bind-recursive=readonly,bind-propagation=rprivate`,
    ])
      expect((await withSubmount([option], write)).stdout).toBe(
        `${denied('/m/x')}${denied('/m/sub/x')}inner\n`,
      );
    const alone = `--mount=type=bind,src=${source},dst=/m,readonly,bind-recursive=disabled`;
    expect((await withSubmount([alone], write)).stdout).toBe(`${denied('/m/x')}${denied('/m/sub/x')}`);
    expect((await withSubmount([`-v=${source}:/m`], 'touch /m/sub/x && echo written')).stdout).toBe(
      'written\n',
    );
    expect(readdirSync(join(source, 'sub'))).toEqual([]);
  });

  test('keep nosuid, noexec and noatime of what is mounted on the host', async () => {
    const { stdout } = await withSubmount(
      [`-v=${source}/sub:/m`],
      'cp /bin/busybox /m/b; /m/b true 2>&1; grep " /m " /proc/mounts',
    );
    expect(stdout).toMatch(/Permission denied\n.* \/m tmpfs rw,nosuid,noexec,noatime/);
  });

  test('propagate in neither direction', async () => {
    const { stdout, stderr } = await run(
      [`-v=${source}:/m`, `-v=${source}:/s:rslave`],
      'grep -cE "shared:|master:" /proc/self/mountinfo',
    );
    expect(stdout).toBe('0\n');
    expect(stderr).toContain('has no effect');
  });

  test('go on a file, a new file, or a place that links lead to, inside the root', async () => {
    const file = `${source}/file`;
    const options = [
      ...[
        `-v=${file}:/etc/passwd`,
        `-v=${file}:/made/for/it`,
        `-v=${file}:/absolute/a`,
        `-v=${file}:/relative/r`,
      ],
      ...[
        `-v=${file}:/dangling/d`,
        `-v=${file}:/out/o`,
        `-v=${file}:/bin/..//tmp///t`,
        `-v=${source}/link:/l`,
      ],
    ];
    const { stdout, stderr, code } = await run(
      options,
      'cat /etc/passwd /made/for/it /real/a /real/r /gone/away/d /real/o /tmp/t; stat -c %F /l; ls /gone',
      'links',
    );
    expect({ stderr, code }).toEqual({ stderr: '', code: 0 });
    expect(stdout).toBe(`${'of the host\n'.repeat(7)}directory\naway\n`);
  });

  test('can be sockets and FIFOs, and must be of the kind that they cover', async () => {
    const odd = await run([`-v=${source}/fifo:/f`, `-v=${source}/socket:/s`], 'stat -c %F /f /s');
    expect(odd.stdout).toBe('fifo\nsocket\n');
    const onFile = await run([`-v=${source}:/etc/passwd`], 'true');
    expect(onFile.stderr).toContain(
      'Cannot mount a directory at "/etc/passwd": it is not a directory in the container',
    );
    const onDirectory = await run([`-v=${source}/file:/bin`], 'true');
    expect(onDirectory.stderr).toContain('Cannot mount a file at "/bin": it is a directory in the container');
    expect([onFile.code, onDirectory.code]).toEqual([125, 125]);
  });

  test('are made in order, so that one can lie in another, and in a root with setgid', async () => {
    const { stdout } = await run(
      [`-v=${source}/file:/a/b/file`, `-v=${source}:/a/b`, '--tmpfs=/a'],
      'ls /a/b; cat /a/b/file',
      'links',
    );
    expect(stdout).toBe('fifo\nfile\nlink\nsocket\nsub\nof the host\n');
  });

  test('that are tmpfs have Docker’s options, or those asked for, and the mode of what they cover', async () => {
    const options = [
      '--tmpfs=/x',
      '--tmpfs=/y:size=4m,mode=711,exec,uid=1000',
      '--tmpfs=/z:ro',
      '--tmpfs=/mode',
      '--tmpfs=/mode/o:mode=700',
      '--mount=type=tmpfs,target=/w,tmpfs-size=1m,tmpfs-mode=0770',
    ];
    const script =
      'grep -E " /(x|z) " /proc/mounts | cut -d" " -f2,4; stat -c %a:%u /x /y /mode /mode/o /w; cp /bin/busybox /y/b && cp /bin/busybox /x/b; dd if=/dev/zero of=/y/f bs=1M count=5 2>&1 | grep -o "No space.*"; touch /z/f 2>&1; /x/b true 2>&1';
    const { stdout } = await run(options, script, 'links');
    expect(stdout.replaceAll(/^tsbuild:.*$/gm, '')).toContain('No space left on device');
    expect(stdout).toContain('/x rw,nosuid,nodev,noexec,relatime');
    expect(stdout).toContain('/z ro,nosuid,nodev,noexec,relatime');
    expect(stdout).toContain('\n1777:0\n711:1000\n710:0\n700:0\n770:0\n');
    expect(stdout).toMatch(/touch: \/z\/f: Read-only file system\n.*\/x\/b: Permission denied\n$/);
    expect((await run(['--tmpfs=/x:nosuch'], 'true')).stderr).toContain('invalid tmpfs option "nosuch"');
  });

  test('are the kernel’s with their options, and cannot be changed from inside', async () => {
    const script = `grep -E ' (/proc|/dev|/dev/pts|/sys|/dev/mqueue|/dev/shm) ' /proc/mounts | cut -d' ' -f2,4 | sort; mkdir /sys/fs/cgroup/x 2>&1; for d in /sys/fs/cgroup /sys/fs/cgroup/*; do touch $d/x 2>/dev/null && echo wrote $d; done; mount -t tmpfs x /tmp 2>&1; umount /proc 2>&1; mount -o remount,rw /sys 2>&1; true`;
    const { stdout } = await run([], script);
    expect(stdout.split('\n').slice(0, 6)).toEqual([
      '/dev rw,nosuid,size=65536k,mode=755',
      '/dev/mqueue rw,nosuid,nodev,noexec,relatime',
      '/dev/pts rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666',
      '/dev/shm rw,nosuid,nodev,noexec,relatime,size=65536k',
      '/proc rw,nosuid,nodev,noexec,relatime',
      '/sys ro,nosuid,nodev,noexec,relatime',
    ]);
    expect(stdout).toContain("mkdir: can't create directory '/sys/fs/cgroup/x'");
    expect(stdout).not.toContain('wrote');
    expect(stdout.match(/(permission denied|Operation not permitted|must be superuser)/gi)).toHaveLength(3);
  });

  test('in place of /sys and /dev leave nothing behind in what is mounted there', async () => {
    const [own, kept] = ['sys', 'dev'].map((name) => join(commands().folder, name));
    for (const path of [own!, kept!]) mkdirSync(path);
    expect((await run([`-v=${own}:/sys`], 'ls /sys')).stdout).toBe('');
    expect((await run([`-v=${kept}:/dev`], 'ls /dev')).stderr).toContain('Cannot mask paths');
    expect([readdirSync(own!), readdirSync(kept!)]).toEqual([[], []]);
    for (const place of ['/proc', '/proc/1', '/'])
      expect(await run([`-v=${source}:${place}`], 'true')).toMatchObject({ code: 125 });
  });

  test('of a read-only root leave /dev/shm, tmpfs and volumes writable, and nothing else', async () => {
    const options = ['--read-only', '--tmpfs=/run', `-v=${source}:/m`];
    const tries =
      'for p in / /tmp /etc /bin /dev/shm /run /m; do touch $p/.x 2>/dev/null && echo $p; done; rm -f /m/.x; echo x > /etc/hosts || echo no';
    const { stdout } = await run(options, tries, 'busybox');
    expect(stdout).toBe('/dev/shm\n/run\n/m\nno\n');
  });

  test('hide masked files and directories, in one read-only file system', async () => {
    const script =
      'for f in keys timer_list; do wc -c </proc/$f; done; for d in /proc/acpi /sys/firmware; do ls $d 2>/dev/null; (: > $d/x) 2>/dev/null && echo wrote; done; for f in /proc/sys/kernel/domainname /proc/sysrq-trigger /proc/irq/default_smp_affinity; do (echo x > $f) 2>/dev/null && echo wrote $f; done; echo end';
    expect((await run([], script)).stdout).toBe('0\n0\nend\n');
    const twice = ['--security-opt=mask=/etc/passwd:/etc/passwd:/home', '--read-only'];
    expect((await run(twice, 'wc -c < /etc/passwd; ls /home; echo end')).stdout).toBe('0\nend\n');
  });
});
