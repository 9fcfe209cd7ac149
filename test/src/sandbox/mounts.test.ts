import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { defaultMounts } from '../../../src/sandbox/defaults.ts';
import type { SpecMount } from '../../../src/sandbox/spec.ts';
import { describeContainers } from '../../support/containers.ts';

describeContainers('mounts of the spec', ({ run, root }) => {
  const withMounts = (...mounts: SpecMount[]) => ({ mounts: [...defaultMounts(), ...mounts] });
  const directory = (name: string) => {
    const path = join(root().base, name);
    mkdirSync(path, { recursive: true });
    return path;
  };

  test('bind directories and files of the host, read-only or not, in order', async () => {
    const source = directory('bind');
    writeFileSync(join(source, 'file'), 'host\n');
    const { stdout } = await run(
      'cat /data/file /etc/one; echo container >>/data/file; (echo x >>/etc/one) 2>/dev/null || echo refused; ls /data/inner',
      withMounts(
        { destination: '/data', type: 'bind', source, options: ['rbind', 'rw'] },
        { destination: '/data/inner', type: 'tmpfs', options: ['size=1m'] },
        { destination: '/etc/one', type: 'bind', source: join(source, 'file'), options: ['bind', 'ro'] },
      ),
    );
    expect(stdout).toBe('host\nhost\nrefused\n');
    expect(readFileSync(join(source, 'file'), 'utf8')).toBe('host\ncontainer\n');
  });

  test('bind what a descriptor of this process is open on', async () => {
    const source = directory('by-descriptor');
    writeFileSync(join(source, 'file'), 'here\n');
    const fd = openSync(source, 'r');
    const mount = {
      destination: '/data',
      type: 'bind',
      source: `/proc/self/fd/${fd}`,
      options: ['rbind', 'ro'],
    };
    const { stdout } = await run(
      'cat /data/file; (touch /data/x) 2>/dev/null || echo refused',
      withMounts(mount),
    );
    closeSync(fd);
    expect(stdout).toBe('here\nrefused\n');
  });

  test('keep read-only what is mounted below a read-only bind mount', async () => {
    const source = directory('nested');
    directory('nested/below');
    const { stdout } = await run(
      '(touch /data/below/x) 2>/dev/null || echo refused',
      withMounts(
        { destination: '/first', type: 'bind', source, options: ['rbind'] },
        { destination: '/data', type: 'bind', source: '/sys', options: ['rbind', 'ro'] },
      ),
    );
    expect(stdout).toBe('refused\n');
  });

  test('give a tmpfs its options', async () => {
    const { stdout } = await run(
      "stat -c '%a %u' /scratch; grep ' /scratch ' /proc/self/mounts; head -c 2000000 /dev/zero >/scratch/x 2>/dev/null || echo full",
      withMounts({
        destination: '/scratch',
        type: 'tmpfs',
        source: 'tmpfs',
        options: ['nosuid', 'nodev', 'noexec', 'size=1m', 'mode=1750', 'uid=7'],
      }),
    );
    expect(stdout).toMatch(
      /^1750 7\ntmpfs \/scratch tmpfs rw,nosuid,nodev,noexec,relatime,.*size=1024k.*\nfull\n$/,
    );
  });

  test('see a tmpfs at /tmp hide what the image has there, and leave nothing in the upper directory', async () => {
    const overlay = root().overlay();
    await run('echo x >/tmp/x', withMounts({ destination: '/tmp', type: 'tmpfs', options: [] }), { overlay });
    expect(() => readFileSync(join(overlay.upper, 'tmp/x'))).toThrow('ENOENT');
  });

  test.each([
    [
      'a directory on a file',
      '/etc/passwd',
      'layer',
      'Cannot mount a directory at "/etc/passwd": it is not a directory in the container',
    ],
    [
      'a file on a directory',
      '/etc',
      'layer/etc/passwd',
      'Cannot mount a file at "/etc": it is a directory in the container',
    ],
    ['on the root', '/..', 'layer', 'Cannot mount at "/..": the root is not a mount point'],
  ])('refuse to mount %s', async (_, destination, source, message) => {
    const mount = { destination, type: 'bind', source: join(root().base, source), options: ['bind'] };
    await expect(run('true', withMounts(mount))).rejects.toMatchObject({ message });
  });

  test('propagate neither way', async () => {
    const mount = { destination: '/data', type: 'bind', source: '/', options: ['rbind', 'ro'] };
    const { stdout } = await run('grep -cE " (shared|master):" /proc/self/mountinfo', withMounts(mount));
    expect(stdout).toBe('0\n');
  });

  test.each(['shared', 'rshared', 'slave', 'rslave', 'unbindable'])(
    'refuse propagation %s',
    async (option) => {
      const mount = { destination: '/x', type: 'bind', source: root().base, options: ['rbind', option] };
      await expect(run('true', withMounts(mount))).rejects.toMatchObject({ code: 'REFUSED' });
    },
  );

  test('refuse what is no option, and say which', async () => {
    const mount = (type: string) => ({ destination: '/x', type, source: root().base, options: ['wrong=1'] });
    await expect(run('true', withMounts(mount('bind')))).rejects.toThrow('option "wrong=1" is not known');
    await expect(run('true', withMounts(mount('tmpfs')))).rejects.toThrow(
      'Cannot mount tmpfs at "/x" with "wrong=1"',
    );
  });
});
