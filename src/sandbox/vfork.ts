import { constants } from 'node:os';
import { type Koffi, koffi } from '../../layers/index.ts';
import { CLONE_PARENT_SETTID, CLONE_VFORK, CLONE_VM, SIGCHLD } from '../linux/constants.ts';
import { SyscallError } from '../linux/errno.ts';
import { pointers } from '../linux/process-calls.ts';
import type { Program } from './plan.ts';

/*
 * A child that runs JavaScript between its birth and exec, without compiled code and without fork, which V8 does not
 * survive.
 *
 * clone(CLONE_VM | CLONE_VFORK) gives a process that shares our memory while the calling thread is suspended until the
 * child executes or ends; as after vfork, but on stacks of its own. What it runs is libc's setcontext(context 1):
 *
 *   context 1: a koffi callback, which is the set-up in JavaScript. It returns, and its `uc_link` goes on to
 *   context 2: memset(flag, 1, 1), which tells the parent that all of this works, and
 *   context 3: execve(path, argv, envp). When that fails it returns, and goes on to
 *   context 4: memset(flag, 1, 1), which tells the parent, and
 *   context 5: _exit(127).
 *
 * So the callback has returned, and V8 and koffi have closed what they had opened for it, before the memory is left.
 * Memory is shared: what the child throws or fills in is simply there for the parent, and so is errno. Descriptors,
 * working directory, root, credentials, namespaces and signal dispositions are the child's own.
 *
 * What makes it work:
 * - Context 1's stack lies inside the stack that koffi uses for calls: only then does koffi know that the callback comes
 *   from it, and runs it on V8's own stack.
 * - All signals are blocked from before the clone until context 3, which unblocks them for the program.
 * - The set-up is synchronous, catches everything, and changes credentials by raw system calls alone.
 * It rests on how koffi 3.3.4 and glibc are made. Where that is not so, `start` fails; `vforkProblem` says why.
 */

/** koffi's version whose internals this relies on. */
const KOFFI_VERSION = '3.3.4';

/** Of ucontext_t, in every architecture: uc_flags, uc_link, then stack_t (ss_sp, ss_flags, ss_size). */
const UC_LINK = 8;
const SS_SP = 16;
const SS_SIZE = 32;
/** Larger than any ucontext_t (x64: 968, arm64: 4560). */
const UCONTEXT_BYTES = 8192;

/** Below what the suspended parent uses of koffi's stack of 2 MiB. */
const JS_STACK_BYTES = 256n * 1024n;
const PLAIN_STACK_BYTES = 16n * 1024n;
const PATH_MAX = 4096;
const SIGSET_BYTES = 128;
const SIG_SETMASK = 2;

export interface VforkRequest {
  /** `CLONE_NEW*`. */
  readonly flags: number;
  readonly env: readonly string[];
  /** Of the program that `setUp` returns. */
  readonly mostArgs: number;
  /** Runs in the child; returns what to execute. */
  readonly setUp: () => Program;
  /** Address of 4 bytes that get the child's process id before it runs. */
  readonly pidAt?: bigint;
  /**
   * Called first of all when the child ended amid its set-up. It has left this thread's JavaScript in a state that little
   * more can be done in: whoever has others to be told, and nothing to lose, ends here.
   */
  readonly lost?: () => void;
}

export interface VforkStarter {
  /**
   * `failure` is what `setUp` threw, or the `SyscallError` of execve, or says that the child came to neither: it then
   * ends, and is waited for like any other. Throws where no child could be made.
   */
  start(request: VforkRequest): { readonly pid: number; readonly failure: unknown };
}

let starter: VforkStarter | undefined;

/** The starter of this thread. Throws where libc has no contexts (musl). */
export function vforkStarter(): VforkStarter {
  starter ??= createStarter(koffi());
  return starter;
}

/** Why `vforkStarter` must not be used here, before it is tried at all. */
export function vforkObstacle(): string | undefined {
  if (process.arch !== 'x64' && process.arch !== 'arm64') return `it is not known on ${process.arch}`;
  const { version } = koffi() as Koffi & { readonly version: string };
  if (version !== KOFFI_VERSION) return `it needs koffi ${KOFFI_VERSION}, not ${version}`;
  const options = [...process.execArgv, process.env.NODE_OPTIONS ?? ''].join(' ');
  return options.includes('--inspect') ? 'a debugger may be attached' : undefined;
}

interface Libc {
  getcontext(context: Buffer): number;
  makecontext(context: Buffer, entry: bigint, count: number, a: bigint, b: bigint, c: bigint): void;
  clone(entry: bigint, stackTop: bigint, flags: number, argument: Buffer, pidAt: bigint | null): number;
  sigmask(how: number, set: Buffer | null, old: Buffer | null): number;
  readonly setcontext: bigint;
  readonly execve: bigint;
  readonly memset: bigint;
  readonly exit: bigint;
}

function createStarter(library: Koffi): VforkStarter {
  const libc = bind(library);
  const nested = callStackAddress(library);
  let setUp: () => void = () => {};
  const callback = library.register(
    () => {
      setUp();
      return 0;
    },
    library.pointer(library.proto('int', ['void *'])),
  );
  const stacks = Buffer.alloc(Number(PLAIN_STACK_BYTES) * 5 + 16);
  const stack = (index: number) =>
    alignDown(library.address(stacks) + PLAIN_STACK_BYTES * BigInt(index + 1) + 15n);
  const [js, ready, exec, tell, exit] = [
    newContext(),
    newContext(),
    newContext(),
    newContext(),
    newContext(),
  ];
  const path = Buffer.alloc(PATH_MAX);
  const reached = Buffer.alloc(1);
  const failed = Buffer.alloc(1);
  const make = (context: Buffer, top: bigint, size: bigint, entry: bigint, args: Three, link: bigint) => {
    libc.getcontext(context);
    context.writeBigUInt64LE(link, UC_LINK);
    context.writeBigUInt64LE(top - size, SS_SP);
    context.writeBigUInt64LE(size, SS_SIZE);
    libc.makecontext(context, entry, args.length, ...args);
  };
  /** With signals as they are at the moment of each getcontext: none blocked for the program, all for the set-up. */
  const makeContexts = (argv: Buffer, envp: Buffer) => {
    const at = library.address;
    libc.sigmask(SIG_SETMASK, noSignals, null);
    make(exit, stack(0), PLAIN_STACK_BYTES, libc.exit, [127n, 0n, 0n], 0n);
    make(tell, stack(1), PLAIN_STACK_BYTES, libc.memset, [at(failed), 1n, 1n], at(exit));
    make(exec, stack(2), PLAIN_STACK_BYTES, libc.execve, [at(path), at(argv), at(envp)], at(tell));
    libc.sigmask(SIG_SETMASK, allSignals, null);
    make(ready, stack(3), PLAIN_STACK_BYTES, libc.memset, [at(reached), 1n, 1n], at(exec));
    make(js, alignDown(nested - JS_STACK_BYTES), JS_STACK_BYTES, callback, [0n, 0n, 0n], at(ready));
  };

  return {
    start({ flags, mostArgs, env, setUp: given, pidAt, lost }) {
      const argv = Buffer.alloc((mostArgs + 1) * 8);
      const envp = pointers(env);
      let strings: Buffer[] = [];
      let failure: unknown;
      setUp = () => {
        try {
          const program = given();
          const args = pointers(program.args);
          strings = args.strings;
          args.vector.copy(argv);
          if (Buffer.byteLength(program.path) >= PATH_MAX) throw new SyscallError('execve', ENAMETOOLONG);
          path.write(`${program.path}\0`);
        } catch (error) {
          failure = error ?? new Error('the set-up failed');
          path[0] = 0; // execve("") fails
        }
      };
      path[0] = reached[0] = failed[0] = 0;
      const mask = Buffer.alloc(SIGSET_BYTES);
      libc.sigmask(SIG_SETMASK, null, mask);
      makeContexts(argv, envp.vector);
      const tells = pidAt === undefined ? 0 : CLONE_PARENT_SETTID;
      const all = CLONE_VM | CLONE_VFORK | SIGCHLD | flags | tells;
      const pid = libc.clone(libc.setcontext, stack(4), all, js, pidAt ?? null);
      if (pid > 0 && reached[0] === 0) lost?.();
      const errno = library.errno();
      libc.sigmask(SIG_SETMASK, mask, null);
      held.value = [argv, strings, envp];
      if (pid < 0) throw new SyscallError('clone', errno);
      if (reached[0] === 0) failure ??= new Error('the child ended before its set-up had');
      return { pid, failure: failure ?? (failed[0] === 0 ? undefined : new SyscallError('execve', errno)) };
    },
  };
}

type Three = readonly [bigint, bigint, bigint];

const newContext = () => Buffer.alloc(UCONTEXT_BYTES);
const { ENAMETOOLONG } = constants.errno;
const noSignals = Buffer.alloc(SIGSET_BYTES);
const allSignals = Buffer.alloc(SIGSET_BYTES, 0xff);

/** Reached after the clone, so that optimised code cannot let go of what only addresses point to. */
const held: { value: unknown } = { value: undefined };

const alignDown = (address: bigint) => address & ~15n;

function bind(library: Koffi): Libc {
  const libc = library.load(null);
  const address = (name: string): bigint => {
    const symbol: unknown = libc.symbol(name);
    return typeof symbol === 'bigint' ? symbol : library.address(symbol);
  };
  const pointer = 'void *';
  return {
    getcontext: libc.func('getcontext', 'int', [pointer]),
    makecontext: libc.func('makecontext', 'void', [pointer, pointer, 'int', 'int64', 'int64', 'int64']),
    clone: libc.func('clone', 'int', [pointer, pointer, 'int', pointer, pointer]),
    sigmask: libc.func('pthread_sigmask', 'int', ['int', pointer, pointer]),
    setcontext: address('setcontext'),
    execve: address('execve'),
    memset: address('memset'),
    exit: address('_exit'),
  };
}

/** An address on koffi's call stack: dl_iterate_phdr(3) hands its callback a pointer to a local variable of its own. */
function callStackAddress(library: Koffi): bigint {
  let found = 0n;
  const pointer = library.pointer(library.proto('int', ['void *', 'size_t', 'void *']));
  const callback = library.register((info: bigint) => {
    found = info;
    return 1; // that is enough
  }, pointer);
  library.load(null).func('dl_iterate_phdr', 'int', ['void *', 'void *'])(callback, null);
  library.unregister(callback);
  return found;
}
