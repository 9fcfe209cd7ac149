import { randomBytes as nodeRandomBytes } from 'node:crypto';
import { koffi } from './koffi.ts';

/** getrandom(2): 0 or more bytes, less than asked for only where more than 256 are; -1 is an error. */
export type GetRandom = (into: Uint8Array, size: number, flags: number) => number;

let getRandom: GetRandom | undefined;

/** As that of node:crypto, without loading it: see {@link createHash}. At most 256 bytes. */
export function randomBytes(size: number): Buffer {
  getRandom ??= findGetRandom();
  return randomBytesBy(getRandom, size);
}

/** One that gives nothing where libc has none: before glibc 2.25. */
function findGetRandom(): GetRandom {
  try {
    return koffi().load(null).func('getrandom', 'long', ['void *', 'size_t', 'uint']) as GetRandom;
  } catch {
    return () => -1;
  }
}

/** From node:crypto where the kernel does not give as many. */
export function randomBytesBy(random: GetRandom, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  return random(bytes, size, 0) === size ? bytes : nodeRandomBytes(size);
}
