import { constants } from 'node:os';

const messages: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'device or resource busy',
  EEXIST: 'file exists',
  EINVAL: 'invalid argument',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELIBBAD: 'accessing a corrupted shared library',
  ELOOP: 'too many levels of symbolic links',
  EMFILE: 'too many open files',
  ENAMETOOLONG: 'file name too long',
  ENODEV: 'no such device',
  ENOENT: 'no such file or directory',
  ENOEXEC: 'exec format error',
  ENOMEM: 'cannot allocate memory',
  ENOSPC: 'no space left on device',
  ENOSYS: 'function not implemented',
  ENOTDIR: 'not a directory',
  EPERM: 'operation not permitted',
  EROFS: 'read-only file system',
  ESRCH: 'no such process',
  ETXTBSY: 'text file busy',
  E2BIG: 'argument list too long',
};

const names = new Map<number, string>();

/** `ENOENT` of 2; `errno 999` of a number without a name. */
export function errnoName(errno: number): string {
  if (names.size === 0) for (const [name, number] of Object.entries(constants.errno)) names.set(number, name);
  return names.get(errno) ?? `errno ${errno}`;
}

/** The C library's text in lower case, as container runtimes print it; the name where there is none here. */
export function errnoMessage(code: string): string {
  return messages[code] ?? code;
}

/** A system call that failed. `code` is what to test. */
export class SyscallError extends Error {
  override readonly name = 'SyscallError';
  readonly code: string;
  constructor(
    readonly syscall: string,
    readonly errno: number,
  ) {
    const code = errnoName(errno);
    super(`${syscall}: ${errnoMessage(code)}`);
    this.code = code;
  }
}

/** Whether `error` is a failed call with one of these codes. */
export function failedWith(error: unknown, ...codes: string[]): error is SyscallError {
  return error instanceof SyscallError && codes.includes(error.code);
}
