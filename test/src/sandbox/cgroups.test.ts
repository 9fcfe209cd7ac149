import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cgroupHost } from '../../../src/sandbox/cgroup-host.ts';
import { createCgroup } from '../../../src/sandbox/cgroups.ts';
import { DEFAULT_DEVICE_RULES } from '../../../src/sandbox/defaults.ts';
import { describeContainers } from '../../support/containers.ts';

const namespaces = [{ type: 'mount' as const }];

describeContainers('limits', ({ run }) => {
  test('kill what needs more memory, and say so', async () => {
    const memory = { limit: 32 * 1024 * 1024, swap: 32 * 1024 * 1024 };
    const result = await run('x=$(head -c 100000000 /dev/zero | tr "\\0" x); echo survived', {
      linux: { resources: { memory } },
    });
    expect(result.oomKilled).toBe(true);
    expect(result.stdout).not.toContain('survived');
  });

  test('keep a container from more processes', async () => {
    const { stderr } = await run('for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; true', {
      linux: { resources: { pids: { limit: 5 } } },
    });
    expect(stderr).toContain("can't fork");
  });

  test('show in the control group of the container, which is its root', async () => {
    const { stdout } = await run(
      'cat /proc/self/cgroup; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null',
      {
        linux: { resources: { memory: { limit: 64 * 1024 * 1024 } } },
      },
    );
    expect(stdout).toContain(':/\n');
    expect(stdout).not.toContain('tsbuild');
    expect(stdout).toContain('67108864');
  });

  test.skipIf(cgroupHost().version !== 1)(
    'of devices let nodes be made, and the usual ones be opened',
    async () => {
      const { stdout, stderr } = await run(
        'mknod /zero c 1 5 && head -c 3 /zero | wc -c; mknod /disk b 254 0 && head -c 1 /disk; ls /dev | grep -vc core; rm /dev/random',
        { linux: { resources: { devices: DEFAULT_DEVICE_RULES } } },
      );
      expect(stdout).toBe('3\n14\n');
      expect(stderr).toBe('head: /disk: Operation not permitted\n');
    },
  );

  test('leave no group behind', async () => {
    const host = cgroupHost();
    const parent =
      host.version === 1 ? join(host.roots.get('memory')!, 'tsbuild') : join(host.root, 'tsbuild');
    await run('true', { linux: { resources: { memory: { limit: 64 * 1024 * 1024 } } } });
    expect(readdirSync(parent).filter((name) => name.startsWith(`${process.pid}-`))).toEqual([]);
  });
});

describe('createCgroup()', () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'tsbuild-cgroup-'));
  });
  afterAll(() => rmSync(root, { recursive: true }));

  test('makes nothing when nothing is limited', () => {
    expect(createCgroup({ namespaces })).toBeUndefined();
    expect(createCgroup({ namespaces, resources: { memory: {}, cpu: { shares: 0 } } })).toBeUndefined();
  });

  test('writes limits into every hierarchy of version 1 that they concern', () => {
    const roots = new Map(['memory', 'cpu', 'cpuset', 'pids'].map((name) => [name, join(root, 'v1', name)]));
    for (const directory of roots.values()) mkdirSync(join(directory, 'g'), { recursive: true });
    for (const directory of [roots.get('cpuset')!, join(roots.get('cpuset')!, 'g')]) {
      writeFileSync(join(directory, 'cpuset.cpus'), directory.endsWith('g') ? '' : '0-1');
      writeFileSync(join(directory, 'cpuset.mems'), directory.endsWith('g') ? '' : '0');
    }
    const group = createCgroup(
      {
        namespaces,
        cgroupsPath: '/g',
        resources: {
          memory: { limit: 100, swap: 200 },
          cpu: { shares: 512, quota: 5000, period: 10000, cpus: '1' },
          pids: { limit: -1 },
        },
      },
      { version: 1, roots, hierarchies: [] },
    )!;
    const value = (path: string) => readFileSync(join(root, 'v1', path), 'utf8');
    expect(value('memory/g/memory.limit_in_bytes')).toBe('100');
    expect(value('memory/g/memory.memsw.limit_in_bytes')).toBe('200');
    expect(value('cpu/g/cpu.shares')).toBe('512');
    expect(value('cpu/g/cpu.cfs_quota_us')).toBe('5000');
    expect(value('cpuset/g/cpuset.cpus')).toBe('1');
    expect(value('cpuset/g/cpuset.mems')).toBe('0');
    expect(value('pids/g/pids.max')).toBe('max');
    expect(group.joinFiles).toContain(join(root, 'v1/memory/g/tasks'));
  });

  test('enables the controllers of version 2 from the root down, and converts limits', () => {
    const directory = join(root, 'v2');
    mkdirSync(join(directory, 'a/b'), { recursive: true });
    writeFileSync(join(directory, 'cgroup.controllers'), 'cpu memory pids\n');
    const group = createCgroup(
      {
        namespaces,
        cgroupsPath: '/a/b',
        resources: {
          memory: { limit: 100, swap: 300 },
          cpu: { shares: 1024, quota: 5000 },
          pids: { limit: 7 },
        },
      },
      { version: 2, root: directory, controllers: ['cpu', 'memory', 'pids'] },
    )!;
    const value = (path: string) => readFileSync(join(directory, path), 'utf8');
    expect(value('cgroup.subtree_control')).toBe('+memory +cpu +pids');
    expect(value('a/cgroup.subtree_control')).toBe('+memory +cpu +pids');
    expect(value('a/b/memory.max')).toBe('100');
    expect(value('a/b/memory.swap.max')).toBe('200');
    expect(value('a/b/cpu.weight')).toBe('39');
    expect(value('a/b/cpu.max')).toBe('5000 100000');
    expect(value('a/b/pids.max')).toBe('7');
    expect(group.joinFiles).toEqual([join(directory, 'a/b/cgroup.procs')]);
    writeFileSync(join(directory, 'a/b/memory.events'), 'oom 3\noom_kill 2\n');
    expect(group.oomKills()).toBe(2);
    writeFileSync(join(directory, 'a/b/memory.current'), '42\n');
    writeFileSync(join(directory, 'a/b/memory.stat'), 'inactive_file 12\n');
    writeFileSync(join(directory, 'a/b/cpu.stat'), 'usage_usec 5\n');
    expect(group.statistics()).toEqual({
      memory: { usage: 42, inactiveFile: 12, limit: 100 },
      cpuTime: 5000,
    });
  });

  test('refuses a limit whose controller this system has not', () => {
    const host = { version: 1, roots: new Map(), hierarchies: [] } as const;
    const limited = { namespaces, resources: { memory: { limit: 1 } } };
    expect(() => createCgroup(limited, host)).toThrow('this system has no "memory" controller here');
  });
});

describe.skipIf(process.getuid?.() !== 0)('a group that could not be set up', () => {
  const host = cgroupHost();
  const parent = join(host.version === 1 ? host.roots.get('pids')! : host.root, 'tsbuild');

  test('is not left', () => {
    const resources = { pids: { limit: 10 }, cpu: { cpus: '4095' } };
    expect(() => createCgroup({ namespaces, resources })).toThrow('Cannot write "4095"');
    expect(readdirSync(parent).filter((name) => name.startsWith(`${process.pid}-`))).toEqual([]);
  });
});
