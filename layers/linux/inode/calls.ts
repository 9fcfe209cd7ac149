import { type Koffi, koffi } from '../koffi.ts';

/** System call numbers that differ between architectures or lack a libc wrapper. */
const NUMBERS: Readonly<Record<string, Numbers>> = {
  x64: { getdents64: 217, renameat2: 316, openat2: 437 },
  arm64: { getdents64: 61, renameat2: 276, openat2: 437 },
};

interface Numbers {
  readonly getdents64: number;
  readonly renameat2: number;
  readonly openat2: number;
}

interface Calls {
  readonly errno: () => number;
  readonly numbers: Numbers;
  readonly address: (buffer: Uint8Array) => bigint;
  readonly openat: (fd: number, name: Uint8Array, flags: number, mode: number) => number;
  readonly openat2: (number: number, fd: number, name: Uint8Array, how: Uint8Array, size: number) => number;
  readonly close: (fd: number) => number;
  readonly getdents: (number: number, fd: number, buffer: Uint8Array, size: number) => number;
  readonly statx: (fd: number, name: Uint8Array, flags: number, mask: number, buffer: Uint8Array) => number;
  readonly readlinkat: (fd: number, name: Uint8Array, buffer: Uint8Array, size: number) => number;
  readonly mkdirat: (fd: number, name: Uint8Array, mode: number) => number;
  readonly mknodat: (fd: number, name: Uint8Array, mode: number, device: number) => number;
  readonly symlinkat: (target: Uint8Array, fd: number, name: Uint8Array) => number;
  readonly linkat: (fromFd: number, from: Uint8Array, toFd: number, to: Uint8Array, flags: number) => number;
  readonly unlinkat: (fd: number, name: Uint8Array, flags: number) => number;
  readonly renameat: (fromFd: number, from: Uint8Array, toFd: number, to: Uint8Array) => number;
  readonly renameat2: (
    number: number,
    fromFd: number,
    from: Uint8Array,
    toFd: number,
    to: Uint8Array,
    flags: number,
  ) => number;
  readonly fchownat: (fd: number, name: Uint8Array, uid: number, gid: number, flags: number) => number;
  readonly fchown: (fd: number, uid: number, gid: number) => number;
  readonly fchmod: (fd: number, mode: number) => number;
  readonly fchmodat: (fd: number, name: Uint8Array, mode: number, flags: number) => number;
  readonly utimensat: (fd: number, name: Uint8Array, times: Uint8Array, flags: number) => number;
  readonly futimens: (fd: number, times: Uint8Array) => number;
  readonly copyFileRange: (
    from: number,
    fromOffset: null,
    to: number,
    toOffset: null,
    size: number,
    flags: number,
  ) => number;
  readonly lseek: (fd: number, offset: number, whence: number) => number;
  readonly read: (fd: number, address: bigint, size: number) => number;
  readonly pread: (fd: number, address: bigint, size: number, offset: number) => number;
  readonly write: (fd: number, address: bigint, size: number) => number;
  readonly llistxattr: (path: Uint8Array, list: Uint8Array, size: number) => number;
  readonly lgetxattr: (path: Uint8Array, name: Uint8Array, value: Uint8Array, size: number) => number;
  readonly lsetxattr: (
    path: Uint8Array,
    name: Uint8Array,
    value: Uint8Array,
    size: number,
    flags: number,
  ) => number;
  readonly lremovexattr: (path: Uint8Array, name: Uint8Array) => number;
  readonly flistxattr: (fd: number, list: Uint8Array, size: number) => number;
  readonly fgetxattr: (fd: number, name: Uint8Array, value: Uint8Array, size: number) => number;
  readonly fsetxattr: (
    fd: number,
    name: Uint8Array,
    value: Uint8Array,
    size: number,
    flags: number,
  ) => number;
  readonly umask: (mask: number) => number;
}

let cached: Calls | undefined;

export function calls(): Calls {
  cached ??= declare(koffi());
  return cached;
}

function declare(library: Koffi): Calls {
  const libc = library.load(null);
  const prototypes: Readonly<
    Record<string, readonly [symbol: string, result: string, parameters: readonly string[]]>
  > = {
    openat: ['openat', 'int', ['int', 'void*', 'int', 'uint']],
    openat2: ['syscall', 'long', ['long', 'int', 'void*', 'void*', 'ulong']],
    close: ['close', 'int', ['int']],
    getdents: ['syscall', 'long', ['long', 'int', 'void*', 'ulong']],
    statx: ['statx', 'int', ['int', 'void*', 'int', 'uint', 'void*']],
    readlinkat: ['readlinkat', 'long', ['int', 'void*', 'void*', 'ulong']],
    mkdirat: ['mkdirat', 'int', ['int', 'void*', 'uint']],
    mknodat: ['mknodat', 'int', ['int', 'void*', 'uint', 'ulong']],
    symlinkat: ['symlinkat', 'int', ['void*', 'int', 'void*']],
    linkat: ['linkat', 'int', ['int', 'void*', 'int', 'void*', 'int']],
    unlinkat: ['unlinkat', 'int', ['int', 'void*', 'int']],
    renameat: ['renameat', 'int', ['int', 'void*', 'int', 'void*']],
    renameat2: ['syscall', 'long', ['long', 'int', 'void*', 'int', 'void*', 'uint']],
    fchownat: ['fchownat', 'int', ['int', 'void*', 'uint', 'uint', 'int']],
    fchown: ['fchown', 'int', ['int', 'uint', 'uint']],
    fchmod: ['fchmod', 'int', ['int', 'uint']],
    fchmodat: ['fchmodat', 'int', ['int', 'void*', 'uint', 'int']],
    utimensat: ['utimensat', 'int', ['int', 'void*', 'void*', 'int']],
    futimens: ['futimens', 'int', ['int', 'void*']],
    copyFileRange: ['copy_file_range', 'long', ['int', 'void*', 'int', 'void*', 'ulong', 'uint']],
    lseek: ['lseek', 'long', ['int', 'long', 'int']],
    read: ['read', 'long', ['int', 'void*', 'ulong']],
    pread: ['pread', 'long', ['int', 'void*', 'ulong', 'long']],
    write: ['write', 'long', ['int', 'void*', 'ulong']],
    llistxattr: ['llistxattr', 'long', ['void*', 'void*', 'ulong']],
    lgetxattr: ['lgetxattr', 'long', ['void*', 'void*', 'void*', 'ulong']],
    lsetxattr: ['lsetxattr', 'int', ['void*', 'void*', 'void*', 'ulong', 'int']],
    lremovexattr: ['lremovexattr', 'int', ['void*', 'void*']],
    flistxattr: ['flistxattr', 'long', ['int', 'void*', 'ulong']],
    fgetxattr: ['fgetxattr', 'long', ['int', 'void*', 'void*', 'ulong']],
    fsetxattr: ['fsetxattr', 'int', ['int', 'void*', 'void*', 'ulong', 'int']],
    umask: ['umask', 'uint', ['uint']],
  };
  const numbers = NUMBERS[process.arch];
  if (numbers === undefined)
    throw new Error(`No system call numbers are known for the architecture ${process.arch}`);
  const table = {
    errno: () => library.errno(),
    numbers,
    address: (buffer: Uint8Array) => library.address(buffer),
  };
  // Declaring a function costs 25 µs: each is declared when first called, and takes the place of its getter.
  for (const [name, [symbol, result, parameters]] of Object.entries(prototypes)) {
    Object.defineProperty(table, name, {
      configurable: true,
      get() {
        const value = libc.func(symbol, result, [...parameters]);
        Object.defineProperty(table, name, { value });
        return value;
      },
    });
  }
  return table as Calls;
}
