import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import type { ContainerConfig } from '../../../layers/index.ts';
import type { ContainerOptions } from '../../../src/runtime/container-options.ts';
import {
  type ContainerSpecInput,
  commandLine,
  containerSpec,
  specResources,
} from '../../../src/runtime/container-spec.ts';
import type { SpecMount } from '../../../src/sandbox/spec.ts';

const ID = '0123456789ab'.padEnd(64, 'f');

function spec(
  options: ContainerOptions = {},
  config: ContainerConfig = { Cmd: ['true'] },
  more: {
    readonly host?: boolean;
    readonly mounts?: readonly SpecMount[];
    readonly devices?: ContainerSpecInput['devices'];
  } = {},
) {
  return containerSpec({
    id: ID,
    config,
    options,
    user: { uid: 1, gid: 2, additionalGids: [2, 3], home: '/home/user' },
    network: { host: more.host ?? false },
    mounts: more.mounts ?? [],
    devices: more.devices ?? [],
  });
}

describe('commandLine()', () => {
  const image = { Entrypoint: ['entry'], Cmd: ['cmd'] };

  test.each([
    [{}, ['entry', 'cmd']],
    [{ command: ['mine'] }, ['entry', 'mine']],
    [{ entrypoint: ['other'] }, ['other']],
    [{ entrypoint: ['other'], command: ['mine'] }, ['other', 'mine']],
    [{ entrypoint: [], command: ['mine'] }, ['mine']],
  ])('combines with %j', (options, expected) => {
    expect(commandLine(image, options)).toEqual(expected);
  });

  test('refuses to run nothing', () => {
    expect(() => commandLine({}, {})).toThrow('No command specified');
    expect(() => commandLine(image, { entrypoint: [] })).toThrow('No command specified');
  });
});

describe('the environment of containerSpec()', () => {
  test('is the image’s with the options’ over it, and HOME of the user', () => {
    const config = { Cmd: ['x'], Env: ['PATH=/bin', 'A=image', 'B=image', 'C=image'] };
    expect(spec({ env: ['A=mine', 'B', 'D=new=1'] }, config).process.env).toEqual([
      'PATH=/bin',
      'HOSTNAME=0123456789ab',
      'A=mine',
      'C=image',
      'D=new=1',
      'HOME=/home/user',
    ]);
  });

  test('has TERM in a terminal alone, and leaves a HOME of the image', () => {
    const config = { Cmd: ['x'], Env: ['HOME=/own'] };
    const env = spec({ terminal: { rows: 1, columns: 2 } }, config).process.env;
    expect(env).toContain('TERM=xterm');
    expect(env).toContain('HOME=/own');
    expect(spec().process.env.join()).not.toContain('TERM');
  });

  test('takes nothing from the host for what an image names without a value', () => {
    process.env.TEST_OF_THE_HOST = 'secret';
    const { env } = spec({}, { Cmd: ['x'], Env: ['TEST_OF_THE_HOST', '*', '=x', '', 'A'] }).process;
    delete process.env.TEST_OF_THE_HOST;
    expect(env).toEqual([expect.stringMatching(/^PATH=/), 'HOSTNAME=0123456789ab', 'HOME=/home/user']);
  });
});

describe('the host name of containerSpec()', () => {
  test('is the short id, what was asked for, or the host’s with its network', () => {
    expect(spec().hostname).toBe('0123456789ab');
    expect(spec({ hostname: 'mine' }, undefined, { host: true }).hostname).toBe('mine');
    expect(spec({}, undefined, { host: true }).hostname).toBe(hostname());
  });

  test('is not set at all where the name is shared with the host', () => {
    const shared = spec({ hostNamespaces: ['uts'] });
    expect(shared.hostname).toBeUndefined();
    expect(shared.linux.namespaces).not.toContainEqual({ type: 'uts' });
  });
});

describe('the working directory of containerSpec()', () => {
  test.each([
    [undefined, undefined, '/'],
    [undefined, '/image', '/image'],
    [undefined, 'relative/..//image/', '/image'],
    ['/mine/../x', '/image', '/x'],
    ['', '/image', '/image'],
  ])('of option %j and image %j is %s', (workdir, WorkingDir, expected) => {
    const config = { Cmd: ['x'], ...(WorkingDir !== undefined && { WorkingDir }) };
    expect(spec(workdir === undefined ? {} : { workdir }, config).process.cwd).toBe(expected);
  });

  test('must be absolute where it is asked for', () => {
    expect(() => spec({ workdir: 'x' })).toThrow("the working directory 'x' is invalid");
  });
});

describe('the mounts of containerSpec()', () => {
  const bind = (destination: string): SpecMount => ({ destination, type: 'bind', source: '/x', options: [] });
  const at = (mounts: readonly SpecMount[]) => mounts.map(({ destination }) => destination);

  test('come after Docker’s, of which each is left out that one takes the place of', () => {
    const { mounts } = spec({}, undefined, { mounts: [bind('/dev/shm'), bind('/data')] });
    expect(at(mounts).slice(-2)).toEqual(['/dev/shm', '/data']);
    expect(at(mounts).filter((path) => path === '/dev/shm')).toHaveLength(1);
  });

  test('leave nothing of Docker’s in a /dev of one’s own', () => {
    const { mounts } = spec({}, undefined, { mounts: [bind('/dev')] });
    expect(at(mounts).filter((path) => path.startsWith('/dev'))).toEqual(['/dev']);
  });

  test('have /dev/shm in the size asked for, and the host’s with its IPC', () => {
    const shm = (options: ContainerOptions) =>
      spec(options).mounts.find(({ destination }) => destination === '/dev/shm');
    expect(shm({ shmSize: 4096 })?.options).toContain('size=4096');
    expect(shm({ shmSize: 0 })?.options).toContain('size=67108864');
    expect(shm({ hostNamespaces: ['ipc'] })).toMatchObject({ source: '/dev/shm' });
  });
});

test('containerSpec() makes a privileged container of all there is', () => {
  const { linux, process } = spec({ privileged: true });
  expect(linux).toMatchObject({
    maskedPaths: [],
    readonlyPaths: [],
    resources: { devices: [{ allow: true }] },
  });
  expect(linux.seccomp).toBeUndefined();
  expect(process.capabilities?.bounding).toContain('CAP_SYS_ADMIN');
  // A user other than root holds none until a setuid program gives them.
  expect(process.capabilities?.effective).toEqual([]);
});

describe('the rules for devices of containerSpec()', () => {
  const rules = (options: ContainerOptions, devices: ContainerSpecInput['devices'] = []) =>
    spec(options, undefined, { devices }).linux.resources?.devices ?? [];

  test('are Docker’s, then those of devices, then those asked for', () => {
    const node = { path: '/dev/fuse', type: 'c', major: 10, minor: 229, access: 'rw' } as const;
    const found = rules({ deviceRules: ['b 8:* r'] }, [node]);
    expect(found[0]).toEqual({ allow: false, access: 'rwm' });
    expect(found.slice(-2)).toEqual([
      { allow: true, type: 'c', major: 10, minor: 229, access: 'rw' },
      { allow: true, type: 'b', major: 8, access: 'r' },
    ]);
  });

  test('must be rules', () => {
    expect(() => rules({ deviceRules: ['x 1:2 r'] })).toThrow("invalid device cgroup format 'x 1:2 r'");
  });
});

test.each<[string[], number, number]>([
  [[], 12, 5],
  [['systempaths=unconfined'], 0, 0],
  [['unmask=ALL'], 0, 0],
  [['unmask=/proc/acpi:/proc/bus', 'mask=/a:/b'], 13, 4],
])('containerSpec() with %j hides %i paths, and %i are read-only', (securityOptions, masked, readonly) => {
  const { maskedPaths, readonlyPaths } = spec({ securityOptions }).linux;
  expect([maskedPaths?.length, readonlyPaths?.length]).toEqual([masked, readonly]);
});

test.each([
  [[], false],
  [['no-new-privileges'], true],
  [['no-new-privileges:true', 'no-new-privileges=false'], false],
])('containerSpec() takes no-new-privileges from %j', (securityOptions, expected) => {
  expect(spec({ securityOptions }).process.noNewPrivileges).toBe(expected);
});

describe('specResources()', () => {
  test('is nothing when nothing is limited, so that no control group is joined', () => {
    expect(specResources(undefined)).toBeUndefined();
    expect(specResources({ pidsLimit: -1, cgroupParent: '/x' })).toBeUndefined();
  });

  test('doubles memory for memory and swap, as Docker does', () => {
    expect(specResources({ memory: 100 })?.memory).toEqual({ limit: 100, swap: 200 });
    expect(specResources({ memory: 100, memorySwap: -1 })?.memory).toEqual({ limit: 100, swap: -1 });
  });

  test('puts the group where it is told', () => {
    expect(spec({ resources: { cgroupParent: 'a/b' } }).linux.cgroupsPath).toBe(`/a/b/${ID}`);
    expect(spec({ resources: { memory: 1e8 } }).linux.cgroupsPath).toBe(`/tsbuild/${ID}`);
  });
});

test('containerSpec() passes unlimited limits on as -1', () => {
  expect(spec({ ulimits: [{ name: 'core', soft: 0, hard: -1 }] }).process.rlimits).toEqual([
    { type: 'RLIMIT_CORE', soft: 0, hard: -1 },
  ]);
});
