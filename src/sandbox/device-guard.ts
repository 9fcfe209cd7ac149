import { BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI, O_DIRECTORY } from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { attempt } from './failure.ts';
import type { Resources } from './spec.ts';

/*
 * Version 2 has no files for device rules: a program of the group is asked about every open and mknod (kernel
 * Documentation/admin-guide/cgroup-v2.rst, "Device controller"). It is written here as instructions of bpf(2):
 * opcode, registers (target, and source in the high half), offset, constant.
 */

type Rule = NonNullable<Resources['devices']>[number];

/** linux/bpf.h, struct bpf_cgroup_dev_ctx: `access_type` is rights << 16 | kind; then major, minor. */
const KINDS: Readonly<Record<string, number>> = { b: 1, c: 2 };
const RIGHTS: Readonly<Record<string, number>> = { m: 1, r: 2, w: 4 };
const ALL_RIGHTS = 7;

const [R0, SCRATCH, KIND, ASKED, MAJOR, MINOR] = [0, 1, 2, 3, 4, 5] as const;
const CONTEXT = SCRATCH;

const LOAD_WORD = 0x61;
const MOVE32 = 0xbc;
const AND32 = 0x54;
const SHIFT_RIGHT32 = 0x74;
const JUMP_UNLESS = 0x56;
const JUMP_UNLESS_SAME = 0x5e;
const JUMP_IF = 0x16;
const SET = 0xb7;
const EXIT = 0x95;

interface Instruction {
  readonly code: number;
  readonly to: number;
  readonly from?: number;
  readonly offset?: number;
  readonly value?: number;
}

/** Of the rules that are about a device the last counts; without any, it is refused. */
export function deviceProgram(rules: readonly Rule[]): Uint8Array {
  const reversed = [...rules].reverse();
  // The kernel refuses a program that has instructions which are never reached.
  const last = reversed.findIndex(isForAll);
  const body = reversed.slice(0, last === -1 ? undefined : last + 1).flatMap(ruleCode);
  return encode([
    { code: LOAD_WORD, to: KIND, from: CONTEXT },
    { code: MOVE32, to: ASKED, from: KIND },
    { code: AND32, to: KIND, value: 0xffff },
    { code: SHIFT_RIGHT32, to: ASKED, value: 16 },
    { code: LOAD_WORD, to: MAJOR, from: CONTEXT, offset: 4 },
    { code: LOAD_WORD, to: MINOR, from: CONTEXT, offset: 8 },
    ...body,
    ...(last === -1 ? answer(false) : []),
  ]);
}

const isForAll = ({ type = 'a', major, minor, access = 'rwm' }: Rule) =>
  type === 'a' && major === undefined && minor === undefined && rightsOf(access) === ALL_RIGHTS;

const rightsOf = (access: string) => [...access].reduce((bits, letter) => bits | (RIGHTS[letter] ?? 0), 0);

const answer = (allowed: boolean): Instruction[] => [
  { code: SET, to: R0, value: allowed ? 1 : 0 },
  { code: EXIT, to: R0 },
];

/** Tests, each of which jumps past the rule's answer. */
function ruleCode({ allow, type = 'a', major, minor, access = 'rwm' }: Rule): Instruction[] {
  const rights = rightsOf(access);
  const tests: Instruction[] = [];
  const kind = KINDS[type];
  if (kind !== undefined) tests.push({ code: JUMP_UNLESS, to: KIND, value: kind });
  if (rights !== ALL_RIGHTS) {
    tests.push({ code: MOVE32, to: SCRATCH, from: ASKED }, { code: AND32, to: SCRATCH, value: rights });
    // What is allowed must be all that is asked for; what is refused, any of it.
    tests.push(
      allow ? { code: JUMP_UNLESS_SAME, to: SCRATCH, from: ASKED } : { code: JUMP_IF, to: SCRATCH, value: 0 },
    );
  }
  if (major !== undefined) tests.push({ code: JUMP_UNLESS, to: MAJOR, value: major });
  if (minor !== undefined) tests.push({ code: JUMP_UNLESS, to: MINOR, value: minor });
  const rule = [...tests, ...answer(allow)];
  return rule.map((instruction, index) =>
    isJump(instruction) ? { ...instruction, offset: rule.length - index - 1 } : instruction,
  );
}

const isJump = ({ code }: Instruction) => [JUMP_UNLESS, JUMP_UNLESS_SAME, JUMP_IF].includes(code);

function encode(program: readonly Instruction[]): Uint8Array {
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, to, from = 0, offset = 0, value = 0 }, index) => {
    bytes.writeUInt8(code, index * 8);
    bytes.writeUInt8(to | (from << 4), index * 8 + 1);
    bytes.writeInt16LE(offset, index * 8 + 2);
    bytes.writeUInt32LE(value, index * 8 + 4);
  });
  return bytes;
}

/** Has the kernel ask `rules` for every process of a version 2 group; the program goes with the group. */
export function guardDevices(directory: string, rules: readonly Rule[], sys: Syscalls): void {
  attempt(directory, `have device rules of control group "${directory}" kept`, () => {
    const group = sys.open(directory, O_DIRECTORY);
    const program = sys.bpfLoad(BPF_PROG_TYPE_CGROUP_DEVICE, deviceProgram(rules));
    try {
      sys.bpfAttach(group, program, BPF_CGROUP_DEVICE, BPF_F_ALLOW_MULTI);
    } finally {
      sys.close(program);
      sys.close(group);
    }
  });
}

const BPF_PROG_TYPE_CGROUP_DEVICE = 15;
