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
  const word = (argument: Argument | undefined): number | bigint => {
    if (argument === undefined || argument === null) return 0;
    return typeof argument === 'object' ? library.address(argument) : (argument as number | bigint);
  };
  // A container's child makes some 280 of these calls before its program runs: nothing is made here that need not be.
  const call = (name: string, given: Argument[]): number => {
    const number = numbers.get(name);
    if (number === undefined)
      throw new Error(`Cannot call "${name}": it does not exist on this architecture`);
    for (let index = 0; index < given.length; index++) {
      const argument = given[index];
      if (typeof argument === 'string') given[index] = cString(argument);
    }
    inUse.arguments = given;
    const result = Number(
      raw(
        number,
        word(given[0]),
        word(given[1]),
        word(given[2]),
        word(given[3]),
        word(given[4]),
        word(given[5]),
      ),
    );
    return result === -1 ? -library.errno() : result;
  };
  const invoke = (name: string, ...given: Argument[]): number => {
    const result = call(name, given);
    if (result < 0) throw new SyscallError(name, -result);
    return result;
  };
  return Object.assign(invoke, { answer: (name: string, ...given: Argument[]) => call(name, given) });
}

export function cString(text: string): Buffer {
  if (text.includes('\0'))
    throw new Error(`Cannot pass ${JSON.stringify(text)} to the kernel: it holds a NUL`);
  return Buffer.from(`${text}\0`);
}
