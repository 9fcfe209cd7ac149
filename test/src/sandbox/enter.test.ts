import { constants } from 'node:os';
import { expect, test } from 'vitest';
import {
  CLONE_NEWNS,
  CLONE_NEWPID,
  CLOSE_RANGE_CLOEXEC,
  MNT_DETACH,
  MOUNT_ATTR_NODEV,
  MOUNT_ATTR_RDONLY,
  MS_PRIVATE,
  MS_REC,
  PR_SET_NO_NEW_PRIVS,
  PR_SET_PDEATHSIG,
  RESOLVE_IN_ROOT,
  RESOLVE_NO_MAGICLINKS,
  SIGKILL,
} from '../../../src/linux/constants.ts';
import type { Syscalls } from '../../../src/linux/syscalls.ts';
import { enter, enterForChild } from '../../../src/sandbox/enter.ts';
import type { StartPlan } from '../../../src/sandbox/plan.ts';
import { planStart } from '../../../src/sandbox/plan-start.ts';
import type { LaunchOptions } from '../../../src/sandbox/sandbox.ts';
import { failing, recordingSyscalls } from '../../support/recording-syscalls.ts';
import { type SpecChanges, shellSpec } from '../../support/specs.ts';

const stdio = { kind: 'pipes', stdin: 'null' } as const;
const overlay = { lower: ['/layers/1', '/layers/2'], upper: '/upper', work: '/work', volatile: true };

function planOf(changes: SpecChanges = {}, options: Partial<LaunchOptions> = {}): StartPlan {
  return planStart(
    shellSpec('true', changes),
    { stdio, overlay, ...options },
    {
      capabilities: (1n << 41n) - 1n,
      cgroups: { version: 2 },
      cgroupFiles: ['/cgroup/tasks'],
      devicesGuarded: false,
    },
  );
}

const parent = { isGone: () => false, takeTerminal: () => {} };
const first = (sys: { calls: { name: string }[] }, name: keyof Syscalls) =>
  sys.calls.findIndex((call) => call.name === name);

test('enter() does everything in the order that makes it safe', () => {
  const sys = recordingSyscalls();
  enter(
    planOf({ process: { oomScoreAdj: 5, rlimits: [{ type: 'RLIMIT_NOFILE', soft: 1, hard: 2 }] } }),
    parent,
    sys,
  );
  const order = sys.names(
    ...([
      'resetSignals',
      'setsid',
      'unshare',
      'sethostname',
      'mount',
      'pivotRoot',
      'umount2',
      'setgroups',
    ] as const),
    ...(['setresgid', 'setresuid', 'closeRange', 'setrlimit', 'seccompSetFilter'] as const),
  );
  expect(order).toEqual([
    'resetSignals',
    'setsid',
    'unshare',
    'sethostname',
    'mount',
    'pivotRoot',
    'umount2',
    'setgroups',
    'setresgid',
    'setresuid',
    'closeRange',
    'setrlimit',
    'seccompSetFilter',
  ]);
});

test('enter() joins its control group before it makes namespaces, by writing zero', () => {
  const sys = recordingSyscalls();
  enter(planOf(), parent, sys);
  const written = sys.calls.find(({ name }) => name === 'write');
  expect(String(written?.args[1])).toBe('0');
  expect(first(sys, 'write')).toBeLessThan(first(sys, 'unshare'));
});

test('enter() makes its mount namespace private and takes the old root away before it attaches anything', () => {
  const sys = recordingSyscalls();
  enter(planOf(), parent, sys);
  expect(sys.calls.find(({ name }) => name === 'mount')?.args).toEqual([
    null,
    '/',
    null,
    MS_REC | MS_PRIVATE,
    null,
  ]);
  expect(sys.calls.find(({ name }) => name === 'umount2')?.args).toEqual(['.', MNT_DETACH]);
  const mounts = sys.calls.flatMap(({ name }, index) => (name === 'moveMount' ? [index] : []));
  // The private tmpfs and the root itself.
  expect(mounts.filter((index) => index < first(sys, 'pivotRoot'))).toHaveLength(2);
  expect(sys.calls.slice(first(sys, 'umount2')).some(({ name }) => name === 'fsopen')).toBe(true);
});

test('enter() resolves every destination inside the root, and follows no link of procfs', () => {
  const sys = recordingSyscalls();
  enter(
    planOf({ mounts: [{ destination: '/a/b', type: 'bind', source: '/x', options: ['bind'] }] }),
    parent,
    sys,
  );
  const resolved = sys.calls.find(({ name, args }) => name === 'findat2' && args[1] === '/a/b');
  expect(resolved?.args[3]).toBe(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
});

test('enter() copies what it binds while it is in the mount namespace of the host, and keeps it from propagating', () => {
  const sys = recordingSyscalls();
  const mount = { destination: '/a', type: 'bind', source: '/x', options: ['rbind', 'ro'] };
  enter(planOf({ mounts: [mount] }), parent, sys);
  const copied = sys.calls.findIndex(({ name, args }) => name === 'openTree' && args[1] === '/x');
  expect(copied).toBeLessThan(first(sys, 'unshare'));
  expect(
    sys.calls
      .slice(copied)
      .filter(({ name }) => name === 'mountSetattr')[0]
      ?.args.slice(1),
  ).toEqual([{ set: 0, clear: 0, propagation: MS_PRIVATE }, true]);
});

test('enter() gives the overlay its layers topmost first, and every option that kernels differ in', () => {
  const sys = recordingSyscalls();
  enter(planOf(), parent, sys);
  const context = sys.calls.find(({ name, args }) => name === 'fsconfig' && args[1] === 'lowerdir+')!.args[0];
  const options = sys.calls.filter(({ name, args }) => name === 'fsconfig' && args[0] === context);
  expect(options.map(({ args }) => args.slice(1).join('='))).toEqual([
    'source=overlay',
    'lowerdir+=/layers/2',
    'lowerdir+=/layers/1',
    'upperdir=/upper',
    'workdir=/work',
    'index=off',
    'metacopy=off',
    'redirect_dir=off',
    'volatile=',
  ]);
});

test('enter() mounts by option string, with names relative to the layers, where the kernel knows no lowerdir+', () => {
  const sys = recordingSyscalls({
    fsconfig: (_context, key) => {
      if (key === 'lowerdir+') failing('fsconfig', constants.errno.EINVAL)();
    },
  });
  enter(planOf(), parent, sys);
  expect(sys.calls.find(({ name, args }) => name === 'chdir' && args[0] === '/layers')).toBeDefined();
  expect(
    sys.calls.find(({ name, args }) => name === 'mount' && args[0] === 'overlay')?.args.slice(1),
  ).toEqual([
    '/proc/root',
    'overlay',
    0,
    'lowerdir=2:1,upperdir=/upper,workdir=/work,index=off,metacopy=off,redirect_dir=off,volatile',
  ]);
});

test('enter() makes the root nodev, and read-only when the spec says so', () => {
  for (const readonly of [false, true]) {
    const sys = recordingSyscalls();
    enter(planOf({ root: { readonly } }), parent, sys);
    const last = sys.calls.findLast(({ name }) => name === 'mountSetattr');
    expect(last?.args[1]).toEqual({ set: MOUNT_ATTR_NODEV | (readonly ? MOUNT_ATTR_RDONLY : 0), clear: 0 });
  }
});

test('enter() asks for the death signal again after the change of credentials, which clears it', () => {
  const sys = recordingSyscalls();
  enter(planOf(), parent, sys);
  const asked = sys.calls.flatMap(({ name, args }, index) =>
    name === 'prctl' && args[0] === PR_SET_PDEATHSIG && args[1] === SIGKILL ? [index] : [],
  );
  expect(asked[0]).toBe(0);
  expect(asked.at(-1)).toBeGreaterThan(sys.calls.findIndex(({ name }) => name === 'setresuid'));
});

test('enter() refuses to go on when its parent has ended', () => {
  const sys = recordingSyscalls();
  expect(() => enter(planOf(), { ...parent, isGone: () => true }, sys)).toThrow('its parent has ended');
  expect(sys.names('unshare', 'mount', 'seccompSetFilter')).toEqual([]);
});

test('enter() loads the filter with CAP_SYS_ADMIN, and drops that behind it, without no_new_privs', () => {
  const sys = recordingSyscalls();
  enter(planOf(), parent, sys);
  const sets = sys.calls.filter(({ name }) => name === 'capset').map(({ args }) => args[0]);
  expect(sets).toEqual([
    { effective: 0xa80425fbn | (1n << 21n), permitted: 0xa80425fbn | (1n << 21n), inheritable: 0n },
    { effective: 0xa80425fbn, permitted: 0xa80425fbn, inheritable: 0n },
  ]);
  expect(sys.names('capset', 'seccompSetFilter')).toEqual(['capset', 'seccompSetFilter', 'capset']);
});

test('enter() loads the filter last with no_new_privs', () => {
  const sys = recordingSyscalls();
  enter(planOf({ process: { noNewPrivileges: true } }), parent, sys);
  expect(sys.calls.at(-1)?.name).toBe('seccompSetFilter');
  expect(sys.calls.some(({ name, args }) => name === 'prctl' && args[0] === PR_SET_NO_NEW_PRIVS)).toBe(true);
});

test('enter() marks every descriptor but the standard streams to be closed at exec', () => {
  const sys = recordingSyscalls();
  enter(planOf(), parent, sys);
  expect(sys.calls.find(({ name }) => name === 'closeRange')?.args).toEqual([3, CLOSE_RANGE_CLOEXEC]);
});

test('enter() makes no mount when it joins a mount namespace', () => {
  const sys = recordingSyscalls();
  const namespaces = [{ type: 'mount', path: '/proc/7/ns/mnt' }] as const;
  enter(planOf({ linux: { namespaces }, hostname: null }), parent, sys);
  expect(sys.names('mount', 'moveMount', 'pivotRoot', 'fsopen', 'mountSetattr')).toEqual([]);
  expect(sys.calls.find(({ name }) => name === 'setns')).toBeDefined();
});

test('enterForChild() has entered everything and given up its rights before there is a child', () => {
  const sys = recordingSyscalls();
  const namespaces = [
    { type: 'pid', path: '/proc/7/ns/pid' },
    { type: 'mount', path: '/proc/7/ns/mnt' },
  ] as const;
  const plan = planOf({ linux: { namespaces }, hostname: null });
  const finish = enterForChild(plan, '/proc/7/ns/pid', parent, sys);
  const before = sys.calls.length;
  expect(sys.calls.filter(({ name }) => name === 'setns').map(({ args }) => args[1])).toEqual([
    CLONE_NEWNS,
    CLONE_NEWPID,
  ]);
  const { permitted } = sys.calls.findLast(({ name }) => name === 'capset')!.args[0] as { permitted: bigint };
  expect(permitted).toBe(0xa80425fbn | (1n << 21n));
  expect(sys.names('seccompSetFilter')).toEqual([]);
  finish();
  const child = sys.calls.slice(before).map(({ name }) => name);
  expect(
    child.filter((name) => ['setns', 'unshare', 'setresuid', 'setresgid', 'setgroups'].includes(name)),
  ).toEqual([]);
  expect(child.slice(0, 3)).toEqual(['prctl', 'setsid', 'write']);
  expect(child.slice(-2)).toEqual(['seccompSetFilter', 'capset']);
});
