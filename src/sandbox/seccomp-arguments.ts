import { and, argumentHigh, argumentLow, type Instruction, JEQ, JGE, JGT, load, ret, test } from './bpf.ts';
import { SandboxError } from './sandbox.ts';
import type { SeccompRule } from './spec.ts';

/** So that every jump within a group fits its eight bits. */
const MOST_IN_GROUP = 200;

type Test = NonNullable<SeccompRule['args']>[number];

/** `value` is returned when every test holds. */
export interface Alternative {
  readonly tests: readonly Test[];
  readonly value: number;
}

/** Returns for the first alternative that holds, `otherwise` when none does. */
export function firstMatch(alternatives: readonly Alternative[], otherwise: number): Instruction[] {
  const unconditional = alternatives.findIndex(({ tests }) => tests.length === 0);
  const reachable = unconditional === -1 ? alternatives : alternatives.slice(0, unconditional);
  const last = unconditional === -1 ? otherwise : alternatives[unconditional]!.value;
  if (reachable.length === 0) return [ret(last)];
  return [...groupEqual(reachable).flatMap(whenAny), ret(last)];
}

/** Neighbours that only ask whether one and the same argument is some value: `socket` has dozens. */
function groupEqual(alternatives: readonly Alternative[]): Alternative[][] {
  const groups: Alternative[][] = [];
  for (const alternative of alternatives) {
    const group = groups.at(-1);
    if (group !== undefined && alike(group[0]!, alternative)) group.push(alternative);
    else groups.push([alternative]);
  }
  return groups;
}

function alike(one: Alternative, other: Alternative): boolean {
  const [a, b] = [one.tests[0]!, other.tests[0]!];
  const single = one.tests.length === 1 && other.tests.length === 1 && one.value === other.value;
  return single && isSmallEqual(a) && isSmallEqual(b) && a.index === b.index;
}

const isSmallEqual = ({ op, value }: Test) => op === 'SCMP_CMP_EQ' && halves(value).high === 0;

function whenAny(group: readonly Alternative[]): Instruction[] {
  const [first] = group;
  if (group.length === 1 || group.length > MOST_IN_GROUP) return group.flatMap(when);
  const index = checkedIndex(first!.tests[0]!.index);
  const tests = group.map(({ tests: [one] }, position) =>
    test(JEQ, halves(one!.value).low, group.length - 1 - position, position === group.length - 1 ? 1 : 0),
  );
  const low = [load(argumentLow(index)), ...tests, ret(first!.value)];
  return [load(argumentHigh(index)), test(JEQ, 0, 0, low.length), ...low];
}

/** Goes on behind itself when a test fails. */
function when({ tests, value }: Alternative): Instruction[] {
  return tests.reduceRight<Instruction[]>((rest, one) => compare(one, rest), [ret(value)]);
}

/** A word of 64 bits is compared as two halves: `rest` runs when the test holds, and is passed over when not. */
function compare({ index, op, value, valueTwo = 0 }: Test, rest: readonly Instruction[]): Instruction[] {
  const low = load(argumentLow(checkedIndex(index)));
  const high = load(argumentHigh(index));
  const v = halves(value);
  const n = rest.length;
  switch (op) {
    case 'SCMP_CMP_EQ':
      return [high, test(JEQ, v.high, 0, n + 2), low, test(JEQ, v.low, 0, n), ...rest];
    case 'SCMP_CMP_NE':
      return [high, test(JEQ, v.high, 0, 2), low, test(JEQ, v.low, n, 0), ...rest];
    case 'SCMP_CMP_GT':
      return [
        high,
        test(JGT, v.high, 3, 0),
        test(JEQ, v.high, 0, n + 2),
        low,
        test(JGT, v.low, 0, n),
        ...rest,
      ];
    case 'SCMP_CMP_GE':
      return [
        high,
        test(JGT, v.high, 3, 0),
        test(JEQ, v.high, 0, n + 2),
        low,
        test(JGE, v.low, 0, n),
        ...rest,
      ];
    case 'SCMP_CMP_LT':
      return [
        high,
        test(JGT, v.high, n + 3, 0),
        test(JEQ, v.high, 0, 2),
        low,
        test(JGE, v.low, n, 0),
        ...rest,
      ];
    case 'SCMP_CMP_LE':
      return [
        high,
        test(JGT, v.high, n + 3, 0),
        test(JEQ, v.high, 0, 2),
        low,
        test(JGT, v.low, n, 0),
        ...rest,
      ];
    case 'SCMP_CMP_MASKED_EQ': {
      // libseccomp: `value` is the mask, `valueTwo` what must be left.
      const left = halves(valueTwo);
      const upper = [high, and(v.high), test(JEQ, left.high, 0, n + 3)];
      return [...upper, low, and(v.low), test(JEQ, left.low, 0, n), ...rest];
    }
    default:
      throw new SandboxError(
        'BAD_SPEC',
        op,
        `Cannot use seccomp comparison "${op}": there is none of that name`,
      );
  }
}

function checkedIndex(index: number): number {
  if (Number.isInteger(index) && index >= 0 && index <= 5) return index;
  throw new SandboxError(
    'BAD_SPEC',
    'seccomp',
    `Cannot test argument ${index}: a system call has arguments 0 to 5`,
  );
}

function halves(value: number | bigint): { high: number; low: number } {
  const bits = BigInt.asUintN(64, BigInt(value));
  return { high: Number(bits >> 32n), low: Number(bits & 0xffffffffn) };
}
