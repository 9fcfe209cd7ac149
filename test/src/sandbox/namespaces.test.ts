import { once } from 'node:events';
import { closeSync, openSync, readlinkSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DEFAULT_NAMESPACES } from '../../../src/sandbox/defaults.ts';
import { launch } from '../../../src/sandbox/launch.ts';
import { planNamespaces } from '../../../src/sandbox/namespaces.ts';
import type { Namespace } from '../../../src/sandbox/spec.ts';
import { describeContainers } from '../../support/containers.ts';
import { shellSpec } from '../../support/specs.ts';

describeContainers('namespaces', ({ run, root, mechanism }) => {
  const script = 'for n in mnt pid uts ipc net cgroup; do readlink /proc/self/ns/$n; done';
  const host = () =>
    ['mnt', 'pid', 'uts', 'ipc', 'net', 'cgroup'].map((name) => readlinkSync(`/proc/self/ns/${name}`));

  test('are all new by default, and those of this process stay what they were', async () => {
    const before = host();
    const { stdout } = await run(script);
    const inside = stdout.trim().split('\n');
    expect(inside.filter((name) => before.includes(name))).toEqual([]);
    expect(host()).toEqual(before);
  });

  test('that the spec does not name are shared', async () => {
    const namespaces: Namespace[] = [{ type: 'mount' }, { type: 'pid' }];
    const { stdout } = await run(script, { linux: { namespaces }, hostname: null });
    expect(stdout.trim().split('\n').slice(2)).toEqual(host().slice(2));
  });

  test('of the host are not given a host name', async () => {
    const namespaces: Namespace[] = [{ type: 'mount' }, { type: 'pid' }];
    await expect(run('true', { linux: { namespaces }, hostname: 'x' })).rejects.toMatchObject({
      code: 'BAD_SPEC',
    });
  });

  test('can be joined by descriptor', async () => {
    const other = await launch(shellSpec('echo up; cat'), {
      overlay: root().overlay(),
      mechanism,
      stdio: { kind: 'pipes', stdin: 'pipe' },
    });
    await once(other.stdout!, 'data');
    const fd = openSync(`/proc/${other.pid}/ns/net`, 'r');
    const namespaces = DEFAULT_NAMESPACES.map((namespace) =>
      namespace.type === 'network' ? { ...namespace, path: `/proc/self/fd/${fd}` } : namespace,
    );
    const { stdout } = await run(script, { linux: { namespaces } });
    expect(stdout).toContain(readlinkSync(`/proc/${other.pid}/ns/net`));
    closeSync(fd);
    other.stderr!.resume();
    other.stdin!.end();
    await other.wait();
  });

  test('of a container can all be joined: a further process in it', async () => {
    const other = await launch(shellSpec('echo up; cat; exit 7', { hostname: 'first' }), {
      overlay: root().overlay(),
      mechanism,
      stdio: { kind: 'pipes', stdin: 'pipe' },
    });
    await once(other.stdout!, 'data');
    const names = {
      mount: 'mnt',
      pid: 'pid',
      uts: 'uts',
      ipc: 'ipc',
      network: 'net',
      cgroup: 'cgroup',
    } as const;
    const namespaces = Object.entries(names).map(([type, name]) => ({
      type: type as Namespace['type'],
      path: `/proc/${other.pid}/ns/${name}`,
    }));
    const joined = { linux: { namespaces }, hostname: null, process: { cwd: '/etc' } };
    const inside = await run(
      'hostname; pwd; cat /proc/1/cmdline | tr "\\0" " "; grep -E "Seccomp:|CapBnd" /proc/self/status',
      joined,
    );
    expect(inside.stdout).toBe(
      'first\n/etc\nsh -c echo up; cat; exit 7 CapBnd:\t00000000a80425fb\nSeccomp:\t2\n',
    );
    other.stderr!.resume();
    other.stdin!.end();
    expect((await other.wait()).code).toBe(7);
  });
});

test.each([
  [[{ type: 'pid' }], 'a container needs a mount namespace of its own'],
  [[{ type: 'mount' }, { type: 'mount' }], 'it is named twice'],
  [[{ type: 'mount' }, { type: 'user' }], 'start the whole program in one instead'],
] as [Namespace[], string][])('planNamespaces() refuses %j', (namespaces, message) => {
  expect(() => planNamespaces(namespaces)).toThrow(message);
});
