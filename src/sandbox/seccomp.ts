import { constants } from 'node:os';
import { nativeAbi, type SyscallAbi, syscallNumbers } from '../linux/syscall-table.ts';
import { ARCH, branch, encode, type Instruction, JEQ, JGE, load, NR, ret } from './bpf.ts';
import { SandboxError } from './sandbox.ts';
import { type Alternative, firstMatch } from './seccomp-arguments.ts';
import type { Seccomp, SeccompRule } from './spec.ts';

/** linux/audit.h; the word at `arch`. */
const audit = { x64: 0xc000003e, ia32: 0x40000003, arm64: 0xc00000b7 } as const;

const architectures: Readonly<Record<string, SyscallAbi>> = {
  SCMP_ARCH_X86_64: 'x64',
  SCMP_ARCH_X86: 'ia32',
  SCMP_ARCH_AARCH64: 'arm64',
};

const RET_KILL_PROCESS = 0x80000000;
const RET_ERRNO = 0x50000;
const { EPERM, ENOSYS } = constants.errno;

/** Where `SCMP_ACT_*` lead; the low half is for data. */
const actions: Readonly<Record<string, number>> = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: RET_KILL_PROCESS,
  SCMP_ACT_TRAP: 0x30000,
  SCMP_ACT_ERRNO: RET_ERRNO,
  SCMP_ACT_TRACE: 0x7ff00000,
  SCMP_ACT_LOG: 0x7ffc0000,
  SCMP_ACT_ALLOW: 0x7fff0000,
};

const flagBits: Readonly<Record<string, number>> = {
  SECCOMP_FILTER_FLAG_TSYNC: 0, // there is one thread
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4,
};

export interface SeccompProgram {
  /** sock_filter instructions. */
  readonly program: Uint8Array;
  readonly flags: number;
}

const compiled = new WeakMap<Seccomp, SeccompProgram>();

/** Spares `compileSeccomp` the work: `program` is what it would make of `seccomp`. */
export function knowProgram(seccomp: Seccomp, program: SeccompProgram): void {
  compiled.set(seccomp, program);
}

/**
 * The runtime spec's filter as a program: a binary search over system call numbers for each architecture, so that a
 * call costs some eight comparisons whatever the filter's length. Of rules for the same call the first that holds
 * counts. Names this architecture has not are passed over. Programs of other architectures are killed.
 */
export function compileSeccomp(seccomp: Seccomp): SeccompProgram {
  let result = compiled.get(seccomp);
  if (result === undefined) {
    result = { program: encode(compile(seccomp)), flags: filterFlags(seccomp.flags) };
    compiled.set(seccomp, result);
  }
  return result;
}

function compile(seccomp: Seccomp): Instruction[] {
  const wanted = (seccomp.architectures ?? []).flatMap((name) => architectures[name] ?? []);
  const abis = new Set([nativeAbi(), ...wanted].filter((abi) => abi !== 'ia32' || process.arch === 'x64'));
  const native = [...abis].filter((abi) => abi === process.arch || abi === 'ia32');
  const perAbi = native.map((abi) => ({ abi, body: [load(NR), ...search(ranges(seccomp, abi))] }));
  const checked = perAbi.reduceRight<Instruction[]>(
    (otherwise, { abi, body }) => branch(JEQ, audit[abi], body, otherwise),
    [ret(RET_KILL_PROCESS)],
  );
  return [load(ARCH), ...checked];
}

/** From a number on, up to the next range. */
interface Range {
  readonly from: number;
  readonly code: readonly Instruction[];
}

const NONE: readonly Alternative[] = [];

function ranges(seccomp: Seccomp, abi: SyscallAbi): Range[] {
  const rules = rulesByNumber(seccomp, abi);
  const otherwise = returned(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const found: Range[] = [];
  let simple: number | undefined;
  const last = Math.max(-1, ...rules.keys());
  // Most calls share the alternatives of one rule.
  const codes = new Map<readonly Alternative[], readonly Instruction[]>();
  for (let number = 0; number <= last; number++) {
    const alternatives = rules.get(number) ?? NONE;
    const code = codes.get(alternatives) ?? firstMatch(alternatives, otherwise);
    codes.set(alternatives, code);
    const action = code.length === 1 ? code[0]!.k : undefined;
    if (action === undefined || action !== simple) found.push({ from: number, code });
    simple = action;
  }
  // A call newer than the filter does not exist for the program, which then falls back to an older one. The numbers of
  // the x32 ABI are here too.
  const isErrno = (otherwise & 0x7fff0000) === RET_ERRNO;
  found.push({ from: last + 1, code: [ret(isErrno ? RET_ERRNO | ENOSYS : otherwise)] });
  return found;
}

function rulesByNumber(seccomp: Seccomp, abi: SyscallAbi): Map<number, readonly Alternative[]> {
  const numbers = syscallNumbers(abi);
  const rules = new Map<number, readonly Alternative[]>();
  for (const rule of seccomp.syscalls ?? []) {
    const alternatives = alternativesOf(rule);
    for (const name of rule.names) {
      const number = numbers.get(name);
      if (number === undefined) continue;
      const earlier = rules.get(number);
      rules.set(number, earlier === undefined ? alternatives : [...earlier, ...alternatives]);
    }
  }
  return rules;
}

/** All arguments of a rule must hold, but of several tests on one argument any (as runc reads the spec). */
function alternativesOf({ action, errnoRet, args = [] }: SeccompRule): Alternative[] {
  const value = returned(action, errnoRet);
  const indexes = new Set(args.map(({ index }) => index));
  if (indexes.size === args.length) return [{ tests: args, value }];
  return args.map((argument) => ({ tests: [argument], value }));
}

/** Binary search: halves of halves, down to one range. */
function search(list: readonly Range[]): readonly Instruction[] {
  if (list.length === 1) return list[0]!.code;
  const middle = list.length >> 1;
  return branch(JGE, list[middle]!.from, search(list.slice(middle)), search(list.slice(0, middle)));
}

function returned(action: string, errno: number = EPERM): number {
  const value = actions[action];
  if (value === undefined)
    throw new SandboxError('BAD_SPEC', action, `Cannot use seccomp action "${action}": it is not supported`);
  return action === 'SCMP_ACT_ERRNO' || action === 'SCMP_ACT_TRACE' ? value | (errno & 0xffff) : value;
}

function filterFlags(flags: readonly string[] = ['SECCOMP_FILTER_FLAG_SPEC_ALLOW']): number {
  return flags.reduce((bits, flag) => {
    const bit = flagBits[flag];
    if (bit === undefined)
      throw new SandboxError('BAD_SPEC', flag, `Cannot use seccomp flag "${flag}": it is not supported`);
    return bits | bit;
  }, 0);
}
