import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { syscallNumbers } from '../../src/linux/syscall-table.ts';
import { DEFAULT_CAPABILITIES } from '../../src/sandbox/capabilities.ts';
import { capabilitySets, defaultConfinement } from '../../src/sandbox/defaults.ts';
import { buildProgram } from '../../src/sandbox/seccomp-default.ts';
import { describeContainers } from '../support/containers.ts';
import type { SpecChanges } from '../support/specs.ts';
import { type Entry, probeProgram } from '../support/syscall-probe.ts';

const { EPERM, ENOSYS, EINVAL, EBADF, EFAULT } = constants.errno;
const x64 = syscallNumbers('x64');
const ia32 = syscallNumbers('ia32');

test.each(['tsbuild', 'tsrun', 'tsctr', 'supervisor'])(
  'the filter in %s as it was built is what the sources give',
  (command) => {
    const bundle = readFileSync(resolve(import.meta.dirname, `../../dist/commands/${command}.js`), 'utf8');
    const { key, base64 } = buildProgram(DEFAULT_CAPABILITIES);
    expect(bundle.includes(key), 'architecture and capabilities').toBe(true);
    expect(bundle.includes(base64), 'program').toBe(true);
  },
);

describeContainers("Docker's default filter", ({ run }) => {
  /** The error numbers that calls end with in a container, in order. */
  async function answers(
    calls: readonly (readonly [name: string | number, ...args: number[]])[],
    entry: Entry = 'syscall',
    changes: SpecChanges = {},
  ): Promise<number[]> {
    const numbers = entry === 'syscall' ? x64 : ia32;
    const files = calls.map(([name, ...args], index) => ({
      path: `/probe${index}`,
      content: probeProgram(typeof name === 'number' ? name : numbers.get(name)!, args, entry),
      mode: 0o755,
      readonly: true,
    }));
    const { stdout } = await run(files.map(({ path }) => `${path}; echo $?`).join('\n'), changes, { files });
    return stdout.trim().split('\n').map(Number);
  }

  test('withholds what kernel bugs have been reached through (R22)', async () => {
    const calls =
      'keyctl add_key request_key bpf userfaultfd io_uring_setup fsopen open_tree mount_setattr move_mount unshare setns mount umount2 pivot_root kexec_load init_module perf_event_open open_by_handle_at ptrace'.split(
        ' ',
      );
    const denied = await answers(calls.map((name) => [name] as const));
    // ptrace is allowed, as in Docker: of request 0 (PTRACE_TRACEME) this succeeds.
    expect(denied).toEqual([...calls.slice(0, -1).map(() => EPERM), 0]);
  });

  test('lets no namespace be made, and sends programs from clone3 to clone', async () => {
    const CLONE_NEWUSER = 0x10000000;
    expect(await answers([['clone3'], ['clone', CLONE_NEWUSER], ['unshare', CLONE_NEWUSER]])).toEqual([
      ENOSYS,
      EPERM,
      EPERM,
    ]);
  });

  test('answers calls that are newer than itself as a kernel without them', async () => {
    expect(await answers([['listns'], [600], [0x3fffffff]])).toEqual([ENOSYS, ENOSYS, ENOSYS]);
  });

  test('tests the arguments of socket and personality', async () => {
    const [AF_UNIX, AF_INET, AF_ALG, AF_VSOCK, SOCK_DGRAM] = [1, 2, 38, 40, 2];
    expect(
      await answers([
        ['socket', AF_UNIX, SOCK_DGRAM],
        ['socket', AF_INET, SOCK_DGRAM],
        ['socket', AF_ALG, 5],
        ['socket', AF_VSOCK, SOCK_DGRAM],
        ['personality', 0],
        ['personality', 0xffffffff],
        ['personality', 0x40000],
      ]),
    ).toEqual([0, 0, EPERM, EPERM, 0, 0, EPERM]);
  });

  test('holds for 32-bit calls too, and lets x32 calls not exist', async () => {
    expect(await answers([['getpid'], ['keyctl'], ['unshare', 0x10000000], ['clone3']], 'int80')).toEqual([
      0,
      EPERM,
      EPERM,
      ENOSYS,
    ]);
    expect(await answers([[0x40000000 + x64.get('getpid')!], [0x40000000 + 520]])).toEqual([ENOSYS, ENOSYS]);
  });

  test('gives back the calls that a capability is for', async () => {
    const capabilities = [...DEFAULT_CAPABILITIES, 'CAP_SYS_ADMIN'];
    const changes = {
      process: { capabilities: capabilitySets(capabilities, 0) },
      linux: defaultConfinement(capabilities),
    };
    const calls = [['setns', 0xffffff], ['fsopen', 0], ['clone3'], ['keyctl'], ['reboot']] as const;
    expect(await answers(calls, 'syscall', changes)).toEqual([EBADF, EFAULT, EINVAL, EPERM, EPERM]);
  });
});
