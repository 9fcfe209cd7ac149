import { describe, expect, test, vi } from 'vitest';
import { syscallNumbers } from '../../../src/linux/syscall-table.ts';
import { ALL_CAPABILITIES, DEFAULT_CAPABILITIES } from '../../../src/sandbox/capabilities.ts';
import { compileSeccomp } from '../../../src/sandbox/seccomp.ts';
import { buildProgram, defaultSeccomp } from '../../../src/sandbox/seccomp-default.ts';
import type { Seccomp, SeccompRule } from '../../../src/sandbox/spec.ts';

const AUDIT = { x64: 0xc000003e, ia32: 0x40000003, arm64: 0xc00000b7 } as const;
const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const errno = (number: number) => 0x50000 | number;
const native = process.arch === 'arm64' ? 'arm64' : 'x64';
const numbers = syscallNumbers(native);

/** Runs a filter as the kernel does; also says how many instructions that took. */
function evaluate(program: Uint8Array, call: { nr: number; arch?: number; args?: readonly bigint[] }) {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(call.nr >>> 0, 0);
  data.writeUInt32LE(call.arch ?? AUDIT[native], 4);
  (call.args ?? []).forEach((value, index) => {
    data.writeBigUInt64LE(BigInt.asUintN(64, value), 16 + 8 * index);
  });
  const code = Buffer.from(program);
  let accumulator = 0;
  for (let at = 0, steps = 1; ; at++, steps++) {
    const [jt, jf, k] = [code[at * 8 + 2]!, code[at * 8 + 3]!, code.readUInt32LE(at * 8 + 4)];
    switch (code.readUInt16LE(at * 8)) {
      case 0x20:
        accumulator = data.readUInt32LE(k);
        break;
      case 0x54:
        accumulator = (accumulator & k) >>> 0;
        break;
      case 0x05:
        at += k;
        break;
      case 0x06:
        return { result: k, steps };
      case 0x15:
        at += accumulator === k ? jt : jf;
        break;
      case 0x25:
        at += accumulator > k ? jt : jf;
        break;
      case 0x35:
        at += accumulator >= k ? jt : jf;
        break;
      default:
        throw new Error(`unknown instruction at ${at}`);
    }
  }
}

const filter = (...syscalls: SeccompRule[]): Seccomp => ({ defaultAction: 'SCMP_ACT_ERRNO', syscalls });
const answer = (seccomp: Seccomp, name: string, ...args: bigint[]) =>
  evaluate(compileSeccomp(seccomp).program, { nr: numbers.get(name)!, args }).result;

describe('compileSeccomp()', () => {
  test('answers each call by the first of its rules, and others by the default', () => {
    const seccomp = filter(
      { names: ['read', 'write', 'no_such_call'], action: 'SCMP_ACT_ALLOW' },
      { names: ['read'], action: 'SCMP_ACT_KILL_PROCESS' },
      { names: ['openat'], action: 'SCMP_ACT_ERRNO', errnoRet: 13 },
      { names: ['statx'], action: 'SCMP_ACT_LOG' },
    );
    expect(answer(seccomp, 'read')).toBe(ALLOW);
    expect(answer(seccomp, 'write')).toBe(ALLOW);
    expect(answer(seccomp, 'openat')).toBe(errno(13));
    expect(answer(seccomp, 'close')).toBe(errno(1));
    expect(answer(seccomp, 'statx')).toBe(0x7ffc0000);
  });

  test('lets calls beyond the last of its rules not exist', () => {
    const { program } = compileSeccomp(filter({ names: ['read'], action: 'SCMP_ACT_ALLOW' }));
    expect(evaluate(program, { nr: 450 }).result).toBe(errno(38));
    expect(evaluate(program, { nr: -1 }).result).toBe(errno(38));
  });

  test('kills programs of another architecture', () => {
    const { program } = compileSeccomp(filter({ names: ['read'], action: 'SCMP_ACT_ALLOW' }));
    expect(evaluate(program, { nr: 0, arch: 0x40000028 }).result).toBe(KILL);
  });

  const values = [0n, 1n, 7n, 8n, 9n, 0xffffffffn, 0x100000000n, 0x100000008n, 2n ** 63n, 2n ** 64n - 1n];
  const operators: Readonly<Record<string, (a: bigint, b: bigint) => boolean>> = {
    SCMP_CMP_EQ: (a, b) => a === b,
    SCMP_CMP_NE: (a, b) => a !== b,
    SCMP_CMP_LT: (a, b) => a < b,
    SCMP_CMP_LE: (a, b) => a <= b,
    SCMP_CMP_GT: (a, b) => a > b,
    SCMP_CMP_GE: (a, b) => a >= b,
  };
  test.each(Object.keys(operators))('compares arguments of 64 bits by %s', (op) => {
    for (const value of values) {
      const seccomp = filter({ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{ index: 2, value, op }] });
      for (const given of values)
        expect([value, given, answer(seccomp, 'read', 5n, 6n, given)]).toEqual([
          value,
          given,
          operators[op]!(given, value) ? ALLOW : errno(1),
        ]);
    }
  });

  test('compares under a mask', () => {
    const args = [{ index: 0, value: 0xf0000000fn, valueTwo: 0x100000002n, op: 'SCMP_CMP_MASKED_EQ' }];
    const seccomp = filter({ names: ['read'], action: 'SCMP_ACT_ALLOW', args });
    expect(answer(seccomp, 'read', 0x100000002n)).toBe(ALLOW);
    expect(answer(seccomp, 'read', 0xff1fffffff2n)).toBe(ALLOW);
    expect(answer(seccomp, 'read', 0x2n)).toBe(errno(1));
  });

  test('wants all arguments of a rule, but any of several tests on one argument', () => {
    const equal = (index: number, value: number) => ({ index, value, op: 'SCMP_CMP_EQ' });
    const both = filter({ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [equal(0, 1), equal(1, 2)] });
    expect(answer(both, 'read', 1n, 2n)).toBe(ALLOW);
    expect(answer(both, 'read', 1n, 3n)).toBe(errno(1));
    const either = filter({ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [equal(0, 1), equal(0, 2)] });
    expect([1n, 2n, 3n, 2n ** 32n + 1n].map((value) => answer(either, 'read', value))).toEqual([
      ALLOW,
      ALLOW,
      errno(1),
      errno(1),
    ]);
  });

  test.each([
    [{ defaultAction: 'SCMP_ACT_NOTIFY' }, 'seccomp action "SCMP_ACT_NOTIFY"'],
    [{ defaultAction: 'SCMP_ACT_ALLOW', flags: ['X'] }, 'seccomp flag "X"'],
    [
      filter({
        names: ['read'],
        action: 'SCMP_ACT_ALLOW',
        args: [{ index: 6, value: 0, op: 'SCMP_CMP_EQ' }],
      }),
      'argument 6',
    ],
    [
      filter({ names: ['read'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0, value: 0, op: 'LIKE' }] }),
      'comparison "LIKE"',
    ],
  ])('refuses what it does not know', (seccomp, message) => {
    expect(() => compileSeccomp(seccomp)).toThrow(message);
  });
});

describe('defaultSeccomp()', () => {
  const { program } = compileSeccomp(defaultSeccomp(DEFAULT_CAPABILITIES));
  const unconditional = 'read write openat execve mmap futex ptrace statx rseq landlock_restrict_self'.split(
    ' ',
  );

  test('allows ordinary calls in a few steps', () => {
    for (const name of unconditional.filter((each) => numbers.has(each))) {
      const { result, steps } = evaluate(program, { nr: numbers.get(name)! });
      expect([name, result]).toEqual([name, ALLOW]);
      expect(steps).toBeLessThan(14);
    }
    expect(program.length / 8).toBeLessThan(600);
  });

  test('withholds calls, each as Docker does', () => {
    for (const name of [
      'keyctl',
      'bpf',
      'mount',
      'unshare',
      'io_uring_setup',
      'userfaultfd',
      'reboot',
      'init_module',
    ])
      expect([name, evaluate(program, { nr: numbers.get(name)! }).result]).toEqual([name, errno(1)]);
    expect(evaluate(program, { nr: numbers.get('clone3')! }).result).toBe(errno(38));
  });

  test('gives every capability its calls', () => {
    const all = compileSeccomp(defaultSeccomp(ALL_CAPABILITIES)).program;
    for (const name of [
      'bpf',
      'mount',
      'unshare',
      'clone3',
      'reboot',
      'init_module',
      'acct',
      'mbind',
      'syslog',
    ])
      expect([name, evaluate(all, { nr: numbers.get(name)! }).result]).toEqual([name, ALLOW]);
    expect(evaluate(all, { nr: numbers.get('keyctl')! }).result).toBe(errno(1));
  });

  test('is one object for the same capabilities, whatever their order', () => {
    expect(defaultSeccomp(DEFAULT_CAPABILITIES.toReversed())).toBe(defaultSeccomp(DEFAULT_CAPABILITIES));
  });

  test('goes by the program that the build has made, for the same architecture and capabilities alone', async () => {
    const [own, other] = [['CAP_SYS_TIME'], ['CAP_SYS_BOOT']] as const;
    const built = { ...buildProgram(own), base64: 'AAAAAAAAAAA=' };
    vi.resetModules();
    vi.stubGlobal('BUILT_SECCOMP', built);
    const [fresh, defaults] = await Promise.all([
      import('../../../src/sandbox/seccomp.ts'),
      import('../../../src/sandbox/seccomp-default.ts'),
    ]);
    expect(fresh.compileSeccomp(defaults.defaultSeccomp(own)).program).toEqual(Buffer.alloc(8));
    expect(fresh.compileSeccomp(defaults.defaultSeccomp(other)).program.length).toBeGreaterThan(1000);
    vi.unstubAllGlobals();
  });

  test('names no call that no architecture has', () => {
    const known = new Set(
      (['x64', 'ia32', 'arm64'] as const).flatMap((abi) => [...syscallNumbers(abi).keys()]),
    );
    for (const { names } of defaultSeccomp(ALL_CAPABILITIES).syscalls ?? [])
      expect(names.filter((name) => !known.has(name))).toEqual([]);
  });
});
