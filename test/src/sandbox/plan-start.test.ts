import { describe, expect, test } from 'vitest';
import {
  MOUNT_ATTR__ATIME,
  MOUNT_ATTR_NOATIME,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_NOSUID,
  MOUNT_ATTR_RDONLY,
} from '../../../src/linux/constants.ts';
import { capabilityMasks } from '../../../src/sandbox/capabilities.ts';
import { parseCgroupMounts } from '../../../src/sandbox/cgroup-host.ts';
import { parseMountOptions } from '../../../src/sandbox/mount-options.ts';
import { type HostFacts, planStart } from '../../../src/sandbox/plan-start.ts';
import { planRlimits } from '../../../src/sandbox/rlimits.ts';
import type { LaunchOptions } from '../../../src/sandbox/sandbox.ts';
import { type SpecChanges, shellSpec } from '../../support/specs.ts';

const stdio = { kind: 'pipes', stdin: 'null' } as const;
const facts: HostFacts = {
  capabilities: (1n << 41n) - 1n,
  cgroups: { version: 2 },
  cgroupFiles: [],
  devicesGuarded: false,
};
const planOf = (changes: SpecChanges, host: Partial<HostFacts> = {}, options: Partial<LaunchOptions> = {}) =>
  planStart(
    shellSpec('true', changes),
    { stdio, overlay: { lower: ['/l'], upper: '/u', work: '/w' }, ...options },
    { ...facts, ...host },
  );

describe('planStart()', () => {
  test('makes every mount nodev but devpts, unless devices are guarded otherwise or all allowed', () => {
    const nodev = (changes: SpecChanges, host: Partial<HostFacts> = {}) =>
      planOf(changes, host).root?.mounts.map(({ set }) => (set & MOUNT_ATTR_NODEV) !== 0);
    const mounts = [
      { destination: '/dev', type: 'tmpfs', options: ['dev'] },
      { destination: '/dev/pts', type: 'devpts' },
      { destination: '/x/y', type: 'bind', source: '/x', options: ['rbind', 'dev'] },
    ];
    expect(nodev({ mounts })).toEqual([true, false, true]);
    expect(nodev({ mounts }, { devicesGuarded: true })).toEqual([false, false, false]);
    const everything = { devices: [{ allow: true, access: 'rwm' }] };
    expect(nodev({ mounts, linux: { resources: everything } })).toEqual([false, false, false]);
    const nothing = { devices: [...everything.devices, { allow: false, access: 'rwm' }] };
    expect(nodev({ mounts, linux: { resources: nothing } })).toEqual([true, false, true]);
  });

  test.each([
    [{ process: { args: [] } }, 'no command is given'],
    [{ process: { cwd: 'tmp' } }, 'a working directory is absolute'],
    [{ process: { user: { uid: 0, gid: 0, additionalGids: [-5] } } }, 'ids are 0 to 4294967294'],
    [
      { mounts: [{ destination: '/x', type: 'bind', source: 'relative' }] },
      'a bind mount needs an absolute source',
    ],
    [{ mounts: [{ destination: '/x', type: 'bind' }] }, 'a bind mount needs an absolute source'],
    [{ linux: { sysctl: { 'kernel.shmmaxx': '1' } } }, 'it is not of a namespace of the container'],
  ] as [SpecChanges, string][])('refuses %j', (changes, message) => {
    expect(() => planOf(changes)).toThrow(message);
  });

  test('gives a device of the spec the place of the default one', () => {
    const device = { path: '/dev/null', type: 'c', major: 7, minor: 8 } as const;
    const planned = planOf({ linux: { devices: [device] } }).root?.devices.find(
      ({ path }) => path === '/dev/null',
    );
    expect(planned).toMatchObject({ major: 7, minor: 8, mode: 0o20666 });
  });
});

describe('parseMountOptions()', () => {
  test('lets the last of two opposites count', () => {
    expect(parseMountOptions(['ro', 'rw', 'nosuid'], '/')).toMatchObject({
      set: MOUNT_ATTR_NOSUID,
      clear: MOUNT_ATTR_RDONLY,
    });
    expect(parseMountOptions(['rw', 'ro'], '/')).toMatchObject({ set: MOUNT_ATTR_RDONLY, clear: 0 });
  });

  test('treats the access time as one field', () => {
    expect(parseMountOptions(['noatime'], '/')).toMatchObject({
      set: MOUNT_ATTR_NOATIME,
      clear: MOUNT_ATTR__ATIME,
    });
    expect(parseMountOptions(['noatime', 'relatime'], '/')).toMatchObject({
      set: 0,
      clear: MOUNT_ATTR__ATIME,
    });
  });

  test('keeps what is for the file system apart', () => {
    const { parameters, bind } = parseMountOptions(
      ['rbind', 'size=1m', 'nr_inodes=5', 'newinstance', 'rprivate'],
      '/',
    );
    expect({ parameters, bind }).toEqual({
      parameters: [['size', '1m'], ['nr_inodes', '5'], ['newinstance']],
      bind: 'rbind',
    });
  });
});

describe('capabilityMasks()', () => {
  test('gives what the spec names and this process has', () => {
    const set = ['CAP_CHOWN', 'CAP_SYS_ADMIN'];
    const masks = capabilityMasks(
      { bounding: set, effective: set, permitted: set, inheritable: [], ambient: [] },
      1n,
    );
    expect(masks).toEqual({ bounding: 1n, effective: 1n, permitted: 1n, inheritable: 0n, ambient: 0n });
  });

  test('gives none without sets, and refuses unknown names', () => {
    expect(capabilityMasks(undefined, ~0n).bounding).toBe(0n);
    const wrong = { bounding: ['CAP_ALL'], effective: [], permitted: [], inheritable: [], ambient: [] };
    expect(() => capabilityMasks(wrong, ~0n)).toThrow('Cannot give capability "CAP_ALL"');
  });
});

describe('planRlimits()', () => {
  test('takes numbers and infinity', () => {
    expect(planRlimits([{ type: 'RLIMIT_NOFILE', soft: 1024, hard: 2 ** 64 }])).toEqual([
      { name: 'RLIMIT_NOFILE', resource: 7, soft: 1024n, hard: -1n },
    ]);
    expect(planRlimits([{ type: 'RLIMIT_CORE', soft: 0, hard: -1 }])).toEqual([
      { name: 'RLIMIT_CORE', resource: 4, soft: 0n, hard: -1n },
    ]);
  });

  test.each([
    [{ type: 'RLIMIT_X', soft: 1, hard: 1 }, 'there is none of that name'],
    [{ type: 'RLIMIT_CPU', soft: 1.5, hard: 2 }, 'it must be a whole number'],
    [{ type: 'RLIMIT_CPU', soft: -2, hard: 2 }, 'it must be a whole number'],
  ])('refuses %j', (limit, message) => {
    expect(() => planRlimits([limit])).toThrow(message);
  });
});

describe('parseCgroupMounts()', () => {
  const line = (path: string, type: string, options: string) =>
    `1 2 0:3 / ${path} rw,relatime - ${type} x ${options}`;

  test('finds the hierarchies of version 1, those with several controllers and named ones too', () => {
    const mountinfo = [
      line('/sys/fs/cgroup/cpu,cpuacct', 'cgroup', 'rw,cpu,cpuacct'),
      line('/sys/fs/cgroup/systemd', 'cgroup', 'rw,xattr,name=systemd'),
      line('/sys/fs/cgroup/unified', 'cgroup2', 'rw'),
      line('/', 'ext4', 'rw'),
    ].join('\n');
    const host = parseCgroupMounts(mountinfo, () => '');
    expect(host).toEqual({
      version: 1,
      unified: '/sys/fs/cgroup/unified',
      roots: new Map([
        ['cpu', '/sys/fs/cgroup/cpu,cpuacct'],
        ['cpuacct', '/sys/fs/cgroup/cpu,cpuacct'],
        ['name=systemd', '/sys/fs/cgroup/systemd'],
      ]),
      hierarchies: [
        {
          path: '/sys/fs/cgroup/cpu,cpuacct',
          directory: 'cpu,cpuacct',
          parameters: [['cpu'], ['cpuacct']],
          links: ['cpu', 'cpuacct'],
        },
        {
          path: '/sys/fs/cgroup/systemd',
          directory: 'systemd',
          parameters: [['none'], ['name', 'systemd']],
          links: [],
        },
      ],
    });
  });

  test('finds version 2 and its controllers', () => {
    const host = parseCgroupMounts(line('/sys/fs/my\\040cgroup', 'cgroup2', 'rw'), (path) =>
      path === '/sys/fs/my cgroup/cgroup.controllers' ? 'cpu memory\n' : '',
    );
    expect(host).toEqual({ version: 2, root: '/sys/fs/my cgroup', controllers: ['cpu', 'memory'] });
  });
});

test('planStart() orders mounts by depth, so that none is covered by one above it', () => {
  const mounts = [
    { destination: '/a/b/c', type: 'tmpfs' },
    { destination: '/a', type: 'tmpfs' },
  ];
  const trees = [{ destination: '/a/b', root: { lower: ['/layer'] }, source: '/' }];
  const plan = planOf({ mounts }, {}, { trees });
  expect(plan.root?.mounts.map(({ destination }) => destination)).toEqual(['/a', '/a/b', '/a/b/c']);
});
