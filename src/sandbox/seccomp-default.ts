import { nativeAbi, type SyscallAbi, syscallNumbers } from '../linux/syscall-table.ts';
import { compileSeccomp, knowProgram } from './seccomp.ts';
import type { Seccomp, SeccompRule } from './spec.ts';

/**
 * Docker's default filter, as what it withholds: every call of the table is allowed but these. A call that a later
 * kernel adds is in no rule, and then does not exist (ENOSYS).
 */
const withheld = words(`
  _sysctl add_key afs_syscall bdflush break create_module file_getattr file_setattr ftime get_kernel_syms getpmsg gtty
  idle io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load keyctl listns lock migrate_pages
  move_pages mpx nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname open_tree_attr pivot_root prof profil
  putpmsg query_module readdir request_key security sgetmask sigaction signal sigpending sigsuspend ssetmask stty
  swapoff swapon sysfs tuxcall ulimit uprobe uselib userfaultfd ustat vm86 vm86old vserver
`);

/** Withheld unless the container has one of the capabilities that the call is for. */
const byCapability: readonly (readonly [capability: string, calls: readonly string[]])[] = [
  ['CAP_DAC_READ_SEARCH', words('open_by_handle_at')],
  [
    'CAP_SYS_ADMIN',
    words(`
      bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
      lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
      sethostname setns syslog umount umount2 unshare
    `),
  ],
  ['CAP_SYS_BOOT', words('reboot')],
  ['CAP_SYS_CHROOT', words('chroot')],
  ['CAP_SYS_MODULE', words('delete_module finit_module init_module')],
  ['CAP_SYS_PACCT', words('acct')],
  ['CAP_SYS_PTRACE', words('kcmp pidfd_getfd process_madvise')],
  ['CAP_SYS_RAWIO', words('ioperm iopl')],
  ['CAP_SYS_TIME', words('clock_settime clock_settime64 settimeofday stime')],
  ['CAP_SYS_TTY_CONFIG', words('vhangup')],
  ['CAP_SYS_NICE', words('get_mempolicy mbind set_mempolicy set_mempolicy_home_node')],
  ['CAP_SYSLOG', words('syslog')],
  ['CAP_BPF', words('bpf')],
  ['CAP_PERFMON', words('perf_event_open')],
];

/** sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. */
const NEW_NAMESPACES = 0x7e020000;
const ENOSYS = 38;

/** linux/socket.h: DECnet, Econet, ATM SVC, IrDA, WANPIPE, ISDN, CAIF, the kernel's crypto (CVE-2026-31431), VSOCK. */
const refusedFamilies = [12, 19, 20, 23, 25, 34, 37, 38, 40];
const LAST_FAMILY = 45;

/** personality(2): Linux, Linux with 32-bit uname or addresses (or both), and asking. */
const personalities = [0x0, 0x8, 0x20000, 0x20008, 0xffffffff];

const made = new Map<string, Seccomp>();

/** A filter that was compiled when the commands were built. */
interface BuiltProgram {
  /** Architecture and set of capabilities that it is for: {@link keyOf}. */
  readonly key: string;
  readonly base64: string;
  readonly flags: number;
}

/** Set when the commands are built (build.mjs): compiling takes a start some 2 ms. */
declare const BUILT_SECCOMP: BuiltProgram | undefined;

/** For a container with these capabilities (its bounding set). The same sets give the same object. */
export function defaultSeccomp(capabilities: readonly string[]): Seccomp {
  const held = new Set(capabilities);
  const key = keyOf(held);
  let seccomp = made.get(key);
  if (seccomp === undefined) {
    seccomp = makeSeccomp(held);
    made.set(key, seccomp);
    if (typeof BUILT_SECCOMP === 'object' && BUILT_SECCOMP.key === key)
      knowProgram(seccomp, {
        program: Buffer.from(BUILT_SECCOMP.base64, 'base64'),
        flags: BUILT_SECCOMP.flags,
      });
  }
  return seccomp;
}

/** For the build: what this module takes from `BUILT_SECCOMP` on a machine of this architecture. */
export function buildProgram(capabilities: readonly string[]): BuiltProgram {
  const { program, flags } = compileSeccomp(defaultSeccomp(capabilities));
  return { key: keyOf(new Set(capabilities)), base64: Buffer.from(program).toString('base64'), flags };
}

function keyOf(held: ReadonlySet<string>): string {
  return `${process.arch} ${byCapability.map(([capability]) => (held.has(capability) ? '1' : '0')).join('')}`;
}

/** The rules are made when somebody reads them: most starts need the program alone. */
function makeSeccomp(held: ReadonlySet<string>): Seccomp {
  let rules: readonly SeccompRule[] | undefined;
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: 1,
    architectures: nativeAbi() === 'x64' ? ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'] : ['SCMP_ARCH_AARCH64'],
    get syscalls() {
      rules ??= makeRules(held);
      return rules;
    },
  };
}

function makeRules(held: ReadonlySet<string>): SeccompRule[] {
  const abis: readonly SyscallAbi[] = nativeAbi() === 'x64' ? ['x64', 'ia32'] : ['arm64'];
  const known = new Set(abis.flatMap((abi) => [...syscallNumbers(abi).keys()]));
  const granted = new Set(byCapability.flatMap(([capability, calls]) => (held.has(capability) ? calls : [])));
  const special = new Set([
    ...withheld,
    ...byCapability.flatMap(([, calls]) => calls),
    'socket',
    'personality',
  ]);
  const allowed = [...known].filter((name) => !special.has(name) || granted.has(name));
  return [allow(allowed), ...sockets(), ...personalities.map(allowPersonality), ...newProcesses(granted)];
}

function sockets(): SeccompRule[] {
  const families = Array.from({ length: LAST_FAMILY + 1 }, (_, family) => family);
  return families
    .filter((family) => !refusedFamilies.includes(family))
    .map((value) => allow(['socket'], [{ index: 0, value, op: 'SCMP_CMP_EQ' }]));
}

const allowPersonality = (value: number) => allow(['personality'], [{ index: 0, value, op: 'SCMP_CMP_EQ' }]);

/** Without CAP_SYS_ADMIN: no namespaces. clone3 takes its flags by pointer, where no filter sees them. */
function newProcesses(granted: ReadonlySet<string>): SeccompRule[] {
  if (granted.has('clone')) return [];
  return [
    allow(['clone'], [{ index: 0, value: NEW_NAMESPACES, valueTwo: 0, op: 'SCMP_CMP_MASKED_EQ' }]),
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
  ];
}

function allow(names: readonly string[], args: NonNullable<SeccompRule['args']> = []): SeccompRule {
  return { names, action: 'SCMP_ACT_ALLOW', ...(args.length === 0 ? {} : { args }) };
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
