/**
 * The kernel's one door: every process and mount call the project makes, under the kernel's names. A call that fails
 * throws `SyscallError`. Descriptors that calls return are close-on-exec. Logic takes this interface, so that order and
 * flags can be tested with a recording fake.
 */
export interface Syscalls extends MountCalls, FileCalls, ProcessCalls {}

/** mount_setattr(2): attributes to set and to clear, as `MOUNT_ATTR_*` masks. */
export interface MountAttributes {
  readonly set: number;
  readonly clear: number;
  /** `MS_PRIVATE`. */
  readonly propagation?: number;
}

export interface MountCalls {
  mount(source: string | null, target: string, type: string | null, flags: number, data: string | null): void;
  umount2(target: string, flags: number): void;
  pivotRoot(newRoot: string, putOld: string): void;
  /** A descriptor of the mount at `path` or, with `OPEN_TREE_CLONE`, of a detached copy of it. */
  openTree(directory: number, path: string, flags: number): number;
  /** Attaches the detached mount to what `target` is open on. */
  moveMount(mount: number, target: number): void;
  mountSetattr(mount: number, attributes: MountAttributes, recursive: boolean): void;
  fsopen(type: string): number;
  /** One parameter; without a value a flag. */
  fsconfig(context: number, key: string, value?: string): void;
  /** Creates the file system and returns a detached mount of it (FSCONFIG_CMD_CREATE, fsmount). */
  fsmount(context: number, attributes: number): number;
  /** What the kernel wrote to a file system context about its last failure; empty without. */
  fsMessages(context: number): string;
}

export interface FileStatus {
  readonly mode: number;
  readonly inode: bigint;
  readonly device: { readonly major: number; readonly minor: number };
  /** Of a device node. */
  readonly rdev: { readonly major: number; readonly minor: number };
}

export interface FileCalls {
  open(path: string, flags: number, mode?: number): number;
  openat(directory: number, path: string, flags: number, mode?: number): number;
  openat2(directory: number, path: string, flags: number, resolve: number): number;
  /** As `openat2`; undefined where nothing is (ENOENT, ENOTDIR). */
  findat2(directory: number, path: string, flags: number, resolve: number): number | undefined;
  close(fd: number): void;
  closeRange(first: number, flags: number): void;
  /** `from` and `to` differ; `to` stays open at exec. */
  dup2(from: number, to: number): void;
  /** A copy with a number of ten or more. */
  duplicate(fd: number): number;
  memfdCreate(name: string): number;
  read(fd: number, into: Uint8Array): number;
  write(fd: number, bytes: Uint8Array): number;
  mkdirat(directory: number, name: string, mode: number): void;
  mknodat(directory: number, name: string, mode: number, major: number, minor: number): void;
  symlinkat(target: string, directory: number, name: string): void;
  /** Of the symbolic link itself, which `fd` is open on (O_PATH | O_NOFOLLOW). */
  readlink(fd: number): string;
  fchown(fd: number, uid: number, gid: number): void;
  fchmod(fd: number, mode: number): void;
  /** Without following a link at the end. `''` is the directory itself. */
  statAt(directory: number, path: string): FileStatus;
  /** statfs(2), `f_type`. */
  filesystemType(fd: number): number;
  /** access(2): undefined when the real user may, else the error's code. */
  access(path: string, mode: number): string | undefined;
  chdir(path: string): void;
  fchdir(fd: number): void;
  /** As the kernel says it: `(unreachable)/…` when it is not below the root. */
  getcwd(): string;
  /** With a number or a buffer to read or write. */
  ioctl(fd: number, request: number, argument: number | Uint8Array): number;
  /** True when `events` (poll(2)) or a hang-up is there now. */
  pollNow(fd: number, events: number): boolean;
}

export interface ProcessCalls {
  umask(mask: number): void;
  setsid(): void;
  unshare(flags: number): void;
  setns(fd: number, type: number): void;
  sethostname(name: string): void;
  setdomainname(name: string): void;
  prctl(option: number, argument2: number, argument3?: number): number;
  /** PR_CAPBSET_DROP. False: this kernel has no such capability. */
  dropBounding(capability: number): boolean;
  setgroups(gids: readonly number[]): void;
  setresgid(gid: number): void;
  setresuid(uid: number): void;
  /** Masks of capability numbers. */
  capget(): CapabilitySets;
  capset(sets: CapabilitySets): void;
  /** -1n is "unlimited". */
  setrlimit(resource: number, soft: bigint, hard: bigint): void;
  /** `program`: sock_filter instructions, eight bytes each. */
  seccompSetFilter(program: Uint8Array, flags: number): void;
  /** A descriptor of the loaded program; `instructions` are eight bytes each. */
  bpfLoad(type: number, instructions: Uint8Array): number;
  bpfAttach(target: number, program: number, type: number, flags: number): void;
  /** SIG_DFL for every signal whose disposition can be set. */
  resetSignals(): void;
  execve(path: string, args: readonly string[], env: readonly string[]): never;
  socket(domain: number, type: number): number;
  socketpair(domain: number, type: number): readonly [number, number];
  pipe(): readonly [read: number, write: number];
  /** One message; with a descriptor as SCM_RIGHTS. */
  sendmsg(socket: number, bytes: Uint8Array, fd?: number): void;
  /** One message of at most 64 KiB; undefined when none is there. Zero bytes: the other end is closed. */
  recvmsg(socket: number): { readonly bytes: Uint8Array; readonly fd?: number } | undefined;
  pidfdOpen(pid: number): number;
  pidfdSendSignal(pidfd: number, signal: number): void;
  kill(pid: number, signal: number): void;
  /** The wait status once the child has ended, else undefined; never blocks. */
  waitpid(pid: number): number | undefined;
}

export interface CapabilitySets {
  readonly effective: bigint;
  readonly permitted: bigint;
  readonly inheritable: bigint;
}
