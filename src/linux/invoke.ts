import { type Koffi, koffi } from '../../layers/index.ts';
import { SyscallError } from './errno.ts';
import { nativeAbi, syscallNumbers } from './syscall-table.ts';

/** A string is passed as NUL-terminated UTF-8, bytes by address, null as 0. */
export type Argument = number | bigint | string | Uint8Array | null;

type RawSyscall = (number: number, ...arguments_: (number | bigint)[]) => number | bigint;

export interface Invoke {
  /** The result; throws `SyscallError` where it is -1. */
  (name: string, ...given: Argument[]): number;
  /** The result, or the error's number negated: for errors that are answers, and not worth an exception. */
  answer(name: string, ...given: Argument[]): number;
}

/**
 * Objects whose memory the kernel is using. Optimised code may let go of a local variable before the call that was given
 * its address is over; a property of a global object it may not.
 */
export const inUse: { arguments: unknown; indirect: unknown } = { arguments: undefined, indirect: undefined };

/**
 * Calls by name through libc's syscall(2), which is the same function in every C library and, unlike the wrappers of
 * set*id, acts on the calling thread alone.
 */
export function createInvoke(library: Koffi = koffi()): Invoke {
  const long = 'long';
  const raw = library
    .load(null)
    .func('syscall', long, [long, long, long, long, long, long, long]) as unknown as RawSyscall;
  const numbers = syscallNumbers(nativeAbi());
  const answer: Invoke['answer'] = (name, ...given) => {
    const number = numbers.get(name);
    if (number === undefined)
      throw new Error(`Cannot call "${name}": it does not exist on this architecture`);
    const passed = given.map((argument) => (typeof argument === 'string' ? cString(argument) : argument));
    inUse.arguments = passed;
    const words = [0, 1, 2, 3, 4, 5].map((index) => word(library, passed[index]));
    const result = Number(raw(number, ...words));
    return result === -1 ? -library.errno() : result;
  };
  const invoke = (name: string, ...given: Argument[]): number => {
    const result = answer(name, ...given);
    if (result < 0) throw new SyscallError(name, -result);
    return result;
  };
  return Object.assign(invoke, { answer });
}

export function cString(text: string): Buffer {
  if (text.includes('\0'))
    throw new Error(`Cannot pass ${JSON.stringify(text)} to the kernel: it holds a NUL`);
  return Buffer.from(`${text}\0`);
}

function word(library: Koffi, argument: number | bigint | Uint8Array | null | undefined): number | bigint {
  if (argument === undefined || argument === null) return 0;
  return typeof argument === 'object' ? library.address(argument) : argument;
}
