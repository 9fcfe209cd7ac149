/**
 * Classic BPF as seccomp runs it over struct seccomp_data: `nr` at 0, `arch` at 4, arguments of 64 bits from 16
 * (seccomp(2)). Programs are lists that can be joined, since every jump is relative.
 */
export interface Instruction {
  readonly code: number;
  /** How many instructions to skip when the test holds, and when it does not. */
  readonly jt: number;
  readonly jf: number;
  readonly k: number;
}

export const NR = 0;
export const ARCH = 4;
export const argumentLow = (index: number) => 16 + 8 * index;
export const argumentHigh = (index: number) => 20 + 8 * index;

const LD_W_ABS = 0x20;
const ALU_AND_K = 0x54;
const JA = 0x05;
const RET_K = 0x06;
export const JEQ = 0x15;
export const JGT = 0x25;
export const JGE = 0x35;

/** BPF_MAXINSNS. */
const MOST_INSTRUCTIONS = 4096;
const LONGEST_SKIP = 255;

export const load = (offset: number): Instruction => ({ code: LD_W_ABS, jt: 0, jf: 0, k: offset });
export const and = (mask: number): Instruction => ({ code: ALU_AND_K, jt: 0, jf: 0, k: mask });
export const ret = (value: number): Instruction => ({ code: RET_K, jt: 0, jf: 0, k: value });
const skip = (count: number): Instruction => ({ code: JA, jt: 0, jf: 0, k: count });

/** Tests the loaded word, and skips so many of what follows. */
export function test(code: number, k: number, jt: number, jf: number): Instruction {
  if (jt > LONGEST_SKIP || jf > LONGEST_SKIP)
    throw new Error(`Cannot skip ${Math.max(jt, jf)} BPF instructions`);
  return { code, jt, jf, k };
}

/** `yes` when the loaded word passes the test, else `no`, both of which must return. */
export function branch(
  code: number,
  k: number,
  yes: readonly Instruction[],
  no: readonly Instruction[],
): Instruction[] {
  if (no.length <= LONGEST_SKIP) return [test(code, k, no.length, 0), ...no, ...yes];
  return [test(code, k, 0, 1), skip(no.length), ...no, ...yes];
}

/** struct sock_filter: code (16 bits), jt, jf (8 each), k (32). */
export function encode(program: readonly Instruction[]): Uint8Array {
  if (program.length > MOST_INSTRUCTIONS)
    throw new Error(
      `Cannot load a filter of ${program.length} instructions: ${MOST_INSTRUCTIONS} are allowed`,
    );
  // Both architectures are little-endian.
  const words = new Uint32Array(program.length * 2);
  let index = 0;
  for (const { code, jt, jf, k } of program) {
    words[index++] = code | (jt << 16) | (jf << 24);
    words[index++] = k;
  }
  return new Uint8Array(words.buffer);
}
