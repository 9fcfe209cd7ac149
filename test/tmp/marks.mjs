// test/support/containers.ts
import { build } from "esbuild";
import { afterAll, beforeAll, describe } from "vitest";

// src/linux/constants.ts
import { constants } from "node:fs";
var AT_FDCWD = -100;
var AT_SYMLINK_NOFOLLOW = 256;
var AT_EMPTY_PATH = 4096;
var AT_RECURSIVE = 32768;
var O_PATH = 2097152;
var O_CLOEXEC = 524288;
var { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = constants;
var S_IFMT = 61440;
var S_IFDIR = 16384;
var S_IFCHR = 8192;
var S_IFBLK = 24576;
var S_IFIFO = 4096;
var S_IFLNK = 40960;
var RESOLVE_NO_MAGICLINKS = 2;
var RESOLVE_NO_SYMLINKS = 4;
var RESOLVE_IN_ROOT = 16;
var CLONE_VM = 256;
var CLONE_FS = 512;
var CLONE_VFORK = 16384;
var CLONE_NEWNS = 131072;
var CLONE_NEWCGROUP = 33554432;
var CLONE_NEWUTS = 67108864;
var CLONE_NEWIPC = 134217728;
var CLONE_NEWPID = 536870912;
var CLONE_NEWNET = 1073741824;
var MS_REC = 16384;
var MS_PRIVATE = 262144;
var MNT_DETACH = 2;
var OPEN_TREE_CLONE = 1;
var MOUNT_ATTR_RDONLY = 1;
var MOUNT_ATTR_NOSUID = 2;
var MOUNT_ATTR_NODEV = 4;
var MOUNT_ATTR_NOEXEC = 8;
var MOUNT_ATTR__ATIME = 112;
var MOUNT_ATTR_NOATIME = 16;
var MOUNT_ATTR_STRICTATIME = 32;
var MOUNT_ATTR_NODIRATIME = 128;
var MOUNT_ATTR_NOSYMFOLLOW = 2097152;
var PROC_SUPER_MAGIC = 40864;
var DEVPTS_SUPER_MAGIC = 7377;
var PR_SET_PDEATHSIG = 1;
var PR_SET_DUMPABLE = 4;
var PR_SET_KEEPCAPS = 8;
var PR_CAPBSET_DROP = 24;
var PR_SET_NO_NEW_PRIVS = 38;
var PR_CAP_AMBIENT = 47;
var PR_CAP_AMBIENT_RAISE = 2;
var PR_CAP_AMBIENT_CLEAR_ALL = 4;
var TIOCSCTTY = 21518;
var TIOCSWINSZ = 21524;
var TIOCSPTLCK = 1074025521;
var TIOCGPTPEER = 21569;
var SIOCSIFFLAGS = 35092;
var IFF_UP_RUNNING = 65;
var AF_UNIX = 1;
var AF_INET = 2;
var SOCK_DGRAM = 2;
var SOCK_SEQPACKET = 5;
var SOCK_CLOEXEC = O_CLOEXEC;
var CLOSE_RANGE_CLOEXEC = 4;
var SIGKILL = 9;
var SIGCHLD = 17;
var WNOHANG = 1;

// src/linux/file-calls.ts
import { constants as constants3 } from "node:os";

// src/linux/errno.ts
import { constants as constants2 } from "node:os";
var messages = {
  EACCES: "permission denied",
  EBUSY: "device or resource busy",
  EEXIST: "file exists",
  EINVAL: "invalid argument",
  EIO: "input/output error",
  EISDIR: "is a directory",
  ELIBBAD: "accessing a corrupted shared library",
  ELOOP: "too many levels of symbolic links",
  EMFILE: "too many open files",
  ENAMETOOLONG: "file name too long",
  ENODEV: "no such device",
  ENOENT: "no such file or directory",
  ENOEXEC: "exec format error",
  ENOMEM: "cannot allocate memory",
  ENOSPC: "no space left on device",
  ENOSYS: "function not implemented",
  ENOTDIR: "not a directory",
  EPERM: "operation not permitted",
  EROFS: "read-only file system",
  ESRCH: "no such process",
  ETXTBSY: "text file busy",
  E2BIG: "argument list too long"
};
var names = /* @__PURE__ */ new Map();
function errnoName(errno) {
  if (names.size === 0) for (const [name, number] of Object.entries(constants2.errno)) names.set(number, name);
  return names.get(errno) ?? `errno ${errno}`;
}
function errnoMessage(code) {
  return messages[code] ?? code;
}
var SyscallError = class extends Error {
  constructor(syscall, errno) {
    const code = errnoName(errno);
    super(`${syscall}: ${errnoMessage(code)}`);
    this.syscall = syscall;
    this.errno = errno;
    this.code = code;
  }
  syscall;
  errno;
  name = "SyscallError";
  code;
};
function failedWith(error, ...codes) {
  return error instanceof SyscallError && codes.includes(error.code);
}

// src/linux/file-calls.ts
var STATX_BASIC_STATS = 2047;
var PATH_MAX = 4096;
var OPEN_HOW_BYTES = 24;
var { ENOENT, ENOTDIR } = constants3.errno;
var F_DUPFD_CLOEXEC = 1030;
var MFD_CLOEXEC = 1;
function fileCalls(invoke) {
  return {
    open: (path, flags2, mode = 0) => invoke("openat", AT_FDCWD, path, flags2 | O_CLOEXEC, mode),
    openat: (directory, path, flags2, mode = 0) => invoke("openat", directory, path, flags2 | O_CLOEXEC, mode),
    openat2: (directory, path, flags2, resolve) => invoke("openat2", directory, path, openHow(flags2, resolve), OPEN_HOW_BYTES),
    findat2: (directory, path, flags2, resolve) => {
      const found = invoke.answer("openat2", directory, path, openHow(flags2, resolve), OPEN_HOW_BYTES);
      if (found >= 0) return found;
      if (found === -ENOENT || found === -ENOTDIR) return void 0;
      throw new SyscallError("openat2", -found);
    },
    close: (fd) => {
      invoke("close", fd);
    },
    closeRange: (first, flags2) => {
      invoke("close_range", first, 4294967295, flags2);
    },
    dup2: (from, to) => {
      invoke("dup3", from, to, 0);
    },
    duplicate: (fd) => invoke("fcntl", fd, F_DUPFD_CLOEXEC, 10),
    memfdCreate: (name) => invoke("memfd_create", name, MFD_CLOEXEC),
    read: (fd, into) => invoke("read", fd, into, into.length),
    write: (fd, bytes) => invoke("write", fd, bytes, bytes.length),
    mkdirat: (directory, name, mode) => {
      invoke("mkdirat", directory, name, mode);
    },
    mknodat: (directory, name, mode, major, minor) => {
      invoke("mknodat", directory, name, mode, deviceNumber(major, minor));
    },
    symlinkat: (target, directory, name) => {
      invoke("symlinkat", target, directory, name);
    },
    readlink: (fd) => {
      const target = Buffer.alloc(PATH_MAX);
      return target.toString("utf8", 0, invoke("readlinkat", fd, "", target, target.length));
    },
    fchown: (fd, uid, gid) => {
      invoke("fchownat", fd, "", uid, gid, AT_EMPTY_PATH);
    },
    fchmod: (fd, mode) => {
      invoke("fchmod", fd, mode);
    },
    statAt: (directory, path) => {
      const status = Buffer.alloc(256);
      const flags2 = AT_SYMLINK_NOFOLLOW | (path === "" ? AT_EMPTY_PATH : 0);
      invoke("statx", directory, path, flags2, STATX_BASIC_STATS, status);
      return decodeStatx(status);
    },
    filesystemType: (fd) => {
      const status = Buffer.alloc(120);
      invoke("fstatfs", fd, status);
      return status.readUInt32LE(0);
    },
    faccessat: (directory, path, mode) => {
      invoke("faccessat", directory, path, mode);
    },
    chdir: (path) => {
      invoke("chdir", path);
    },
    fchdir: (fd) => {
      invoke("fchdir", fd);
    },
    getcwd: () => {
      const path = Buffer.alloc(PATH_MAX);
      return path.toString("utf8", 0, invoke("getcwd", path, path.length) - 1);
    },
    ioctl: (fd, request, argument) => invoke("ioctl", fd, request, argument),
    pollNow: (fd, events) => {
      const pollfd = Buffer.alloc(8);
      pollfd.writeInt32LE(fd, 0);
      pollfd.writeInt16LE(events, 4);
      return invoke("ppoll", pollfd, 1, Buffer.alloc(16), null, 0) > 0;
    }
  };
}
function openHow(flags2, resolve) {
  const how = Buffer.alloc(OPEN_HOW_BYTES);
  how.writeBigUInt64LE(BigInt(flags2 | O_CLOEXEC), 0);
  how.writeBigUInt64LE(BigInt(resolve), 16);
  return how;
}
function deviceNumber(major, minor) {
  return (minor & 255 | major << 8 | (minor & ~255) << 12) >>> 0;
}
function decodeStatx(status) {
  return {
    mode: status.readUInt16LE(28),
    inode: status.readBigUInt64LE(32),
    rdev: { major: status.readUInt32LE(128), minor: status.readUInt32LE(132) },
    device: { major: status.readUInt32LE(136), minor: status.readUInt32LE(140) }
  };
}

// layers/linux/koffi.ts
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
var loaded;
function koffi() {
  loaded ??= loadAddon() ?? createRequire(import.meta.url)("koffi");
  return loaded;
}
function loadAddon() {
  const libc2 = isMusl() ? "musl" : "linux";
  try {
    const manifest = createRequire(import.meta.url).resolve(
      `@koromix/koffi-linux-${process.arch}/package.json`
    );
    const addon = { exports: {} };
    process.dlopen(addon, join(dirname(manifest), `${libc2}_${process.arch}`, "koffi.node"));
    return addon.exports;
  } catch {
    return void 0;
  }
}
function isMusl() {
  const variables = process.config.variables;
  return Boolean(variables.is_musl);
}

// src/linux/syscall-table.ts
var tables = {
  x64: `
    0 read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask
    rt_sigreturn ioctl pread64 pwrite64 readv writev access pipe select sched_yield mremap msync mincore
    madvise shmget shmat shmctl dup dup2 pause nanosleep getitimer alarm setitimer getpid sendfile socket
    connect accept sendto recvfrom sendmsg recvmsg shutdown bind listen getsockname getpeername socketpair
    setsockopt getsockopt clone fork vfork execve exit wait4 kill uname semget semop semctl shmdt msgget
    msgsnd msgrcv msgctl fcntl flock fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir rename
    mkdir rmdir creat link unlink symlink readlink chmod fchmod chown fchown lchown umask gettimeofday
    getrlimit getrusage sysinfo times ptrace getuid syslog getgid setuid setgid geteuid getegid setpgid
    getppid getpgrp setsid setreuid setregid getgroups setgroups setresuid getresuid setresgid getresgid
    getpgid setfsuid setfsgid getsid capget capset rt_sigpending rt_sigtimedwait rt_sigqueueinfo
    rt_sigsuspend sigaltstack utime mknod uselib personality ustat statfs fstatfs sysfs getpriority
    setpriority sched_setparam sched_getparam sched_setscheduler sched_getscheduler sched_get_priority_max
    sched_get_priority_min sched_rr_get_interval mlock munlock mlockall munlockall vhangup modify_ldt
    pivot_root _sysctl prctl arch_prctl adjtimex setrlimit chroot sync acct settimeofday mount umount2
    swapon swapoff reboot sethostname setdomainname iopl ioperm create_module init_module delete_module
    get_kernel_syms query_module quotactl nfsservctl getpmsg putpmsg afs_syscall tuxcall security gettid
    readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr
    removexattr lremovexattr fremovexattr tkill time futex sched_setaffinity sched_getaffinity
    set_thread_area io_setup io_destroy io_getevents io_submit io_cancel get_thread_area lookup_dcookie
    epoll_create epoll_ctl_old epoll_wait_old remap_file_pages getdents64 set_tid_address restart_syscall
    semtimedop fadvise64 timer_create timer_settime timer_gettime timer_getoverrun timer_delete
    clock_settime clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl tgkill utimes
    vserver mbind set_mempolicy get_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify
    mq_getsetattr kexec_load waitid add_key request_key keyctl ioprio_set ioprio_get inotify_init
    inotify_add_watch inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat newfstatat
    unlinkat renameat linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list
    get_robust_list splice tee sync_file_range vmsplice move_pages utimensat epoll_pwait signalfd
    timerfd_create eventfd fallocate timerfd_settime timerfd_gettime accept4 signalfd4 eventfd2
    epoll_create1 dup3 pipe2 inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg
    fanotify_init fanotify_mark prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg
    setns getcpu process_vm_readv process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2
    seccomp getrandom memfd_create kexec_file_load bpf execveat userfaultfd membarrier mlock2
    copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free statx io_pgetevents rseq uretprobe
    uprobe 424 pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree move_mount fsopen
    fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2 process_madvise
    epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset landlock_add_rule landlock_restrict_self
    memfd_secret process_mrelease futex_waitv set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack
    futex_wake futex_wait futex_requeue statmount listmount lsm_get_self_attr lsm_set_self_attr
    lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat open_tree_attr file_getattr
    file_setattr listns
  `,
  arm64: `
    0 io_setup io_destroy io_submit io_cancel io_getevents setxattr lsetxattr fsetxattr getxattr lgetxattr
    fgetxattr listxattr llistxattr flistxattr removexattr lremovexattr fremovexattr getcwd lookup_dcookie
    eventfd2 epoll_create1 epoll_ctl epoll_pwait dup dup3 fcntl inotify_init1 inotify_add_watch
    inotify_rm_watch ioctl ioprio_set ioprio_get flock mknodat mkdirat unlinkat symlinkat linkat renameat
    umount2 mount pivot_root nfsservctl statfs fstatfs truncate ftruncate fallocate faccessat chdir fchdir
    chroot fchmod fchmodat fchownat fchown openat close vhangup pipe2 quotactl getdents64 lseek read write
    readv writev pread64 pwrite64 preadv pwritev sendfile pselect6 ppoll signalfd4 vmsplice splice tee
    readlinkat newfstatat fstat sync fsync fdatasync sync_file_range timerfd_create timerfd_settime
    timerfd_gettime utimensat acct capget capset personality exit exit_group waitid set_tid_address unshare
    futex set_robust_list get_robust_list nanosleep getitimer setitimer kexec_load init_module delete_module
    timer_create timer_gettime timer_getoverrun timer_settime timer_delete clock_settime clock_gettime
    clock_getres clock_nanosleep syslog ptrace sched_setparam sched_setscheduler sched_getscheduler
    sched_getparam sched_setaffinity sched_getaffinity sched_yield sched_get_priority_max
    sched_get_priority_min sched_rr_get_interval restart_syscall kill tkill tgkill sigaltstack rt_sigsuspend
    rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo rt_sigreturn setpriority
    getpriority reboot setregid setgid setreuid setuid setresuid getresuid setresgid getresgid setfsuid
    setfsgid times setpgid getpgid getsid setsid getgroups setgroups uname sethostname setdomainname
    getrlimit setrlimit getrusage umask prctl getcpu gettimeofday settimeofday adjtimex getpid getppid
    getuid geteuid getgid getegid gettid sysinfo mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify
    mq_getsetattr msgget msgctl msgrcv msgsnd semget semctl semtimedop semop shmget shmctl shmat shmdt
    socket socketpair bind listen accept connect getsockname getpeername sendto recvfrom setsockopt
    getsockopt shutdown sendmsg recvmsg readahead brk munmap mremap add_key request_key keyctl clone execve
    mmap fadvise64 swapon swapoff mprotect msync mlock munlock mlockall munlockall mincore madvise
    remap_file_pages mbind get_mempolicy set_mempolicy migrate_pages move_pages rt_tgsigqueueinfo
    perf_event_open accept4 recvmmsg 260 wait4 prlimit64 fanotify_init fanotify_mark name_to_handle_at
    open_by_handle_at clock_adjtime syncfs setns sendmmsg process_vm_readv process_vm_writev kcmp
    finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create bpf execveat
    userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2 pkey_mprotect pkey_alloc pkey_free statx
    io_pgetevents rseq kexec_file_load 424 pidfd_send_signal io_uring_setup io_uring_enter io_uring_register
    open_tree move_mount fsopen fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd
    faccessat2 process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset
    landlock_add_rule landlock_restrict_self memfd_secret process_mrelease futex_waitv
    set_mempolicy_home_node cachestat fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue
    statmount listmount lsm_get_self_attr lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat
    listxattrat removexattrat open_tree_attr file_getattr file_setattr listns
  `,
  ia32: `
    0 restart_syscall exit fork read write open close waitpid creat link unlink execve chdir time mknod
    chmod lchown break oldstat lseek getpid mount umount setuid getuid stime ptrace alarm oldfstat pause
    utime stty gtty access nice ftime sync kill rename mkdir rmdir dup pipe times prof brk setgid getgid
    signal geteuid getegid acct umount2 lock ioctl fcntl mpx setpgid ulimit oldolduname umask chroot ustat
    dup2 getppid getpgrp setsid sigaction sgetmask ssetmask setreuid setregid sigsuspend sigpending
    sethostname setrlimit getrlimit getrusage gettimeofday settimeofday getgroups setgroups select symlink
    oldlstat readlink uselib swapon reboot readdir mmap munmap truncate ftruncate fchmod fchown getpriority
    setpriority profil statfs fstatfs ioperm socketcall syslog setitimer getitimer stat lstat fstat olduname
    iopl vhangup idle vm86old wait4 swapoff sysinfo ipc fsync sigreturn clone setdomainname uname modify_ldt
    adjtimex mprotect sigprocmask create_module init_module delete_module get_kernel_syms quotactl getpgid
    fchdir bdflush sysfs personality afs_syscall setfsuid setfsgid _llseek getdents _newselect flock msync
    readv writev getsid fdatasync _sysctl mlock munlock mlockall munlockall sched_setparam sched_getparam
    sched_setscheduler sched_getscheduler sched_yield sched_get_priority_max sched_get_priority_min
    sched_rr_get_interval nanosleep mremap setresuid getresuid vm86 query_module poll nfsservctl setresgid
    getresgid prctl rt_sigreturn rt_sigaction rt_sigprocmask rt_sigpending rt_sigtimedwait rt_sigqueueinfo
    rt_sigsuspend pread64 pwrite64 chown getcwd capget capset sigaltstack sendfile getpmsg putpmsg vfork
    ugetrlimit mmap2 truncate64 ftruncate64 stat64 lstat64 fstat64 lchown32 getuid32 getgid32 geteuid32
    getegid32 setreuid32 setregid32 getgroups32 setgroups32 fchown32 setresuid32 getresuid32 setresgid32
    getresgid32 chown32 setuid32 setgid32 setfsuid32 setfsgid32 pivot_root mincore madvise getdents64
    fcntl64 224 gettid readahead setxattr lsetxattr fsetxattr getxattr lgetxattr fgetxattr listxattr
    llistxattr flistxattr removexattr lremovexattr fremovexattr tkill sendfile64 futex sched_setaffinity
    sched_getaffinity set_thread_area get_thread_area io_setup io_destroy io_getevents io_submit io_cancel
    fadvise64 252 exit_group lookup_dcookie epoll_create epoll_ctl epoll_wait remap_file_pages
    set_tid_address timer_create timer_settime timer_gettime timer_getoverrun timer_delete clock_settime
    clock_gettime clock_getres clock_nanosleep statfs64 fstatfs64 tgkill utimes fadvise64_64 vserver mbind
    get_mempolicy set_mempolicy mq_open mq_unlink mq_timedsend mq_timedreceive mq_notify mq_getsetattr
    kexec_load waitid 286 add_key request_key keyctl ioprio_set ioprio_get inotify_init inotify_add_watch
    inotify_rm_watch migrate_pages openat mkdirat mknodat fchownat futimesat fstatat64 unlinkat renameat
    linkat symlinkat readlinkat fchmodat faccessat pselect6 ppoll unshare set_robust_list get_robust_list
    splice sync_file_range tee vmsplice move_pages getcpu epoll_pwait utimensat signalfd timerfd_create
    eventfd fallocate timerfd_settime timerfd_gettime signalfd4 eventfd2 epoll_create1 dup3 pipe2
    inotify_init1 preadv pwritev rt_tgsigqueueinfo perf_event_open recvmmsg fanotify_init fanotify_mark
    prlimit64 name_to_handle_at open_by_handle_at clock_adjtime syncfs sendmmsg setns process_vm_readv
    process_vm_writev kcmp finit_module sched_setattr sched_getattr renameat2 seccomp getrandom memfd_create
    bpf execveat socket socketpair bind connect listen accept4 getsockopt setsockopt getsockname getpeername
    sendto sendmsg recvfrom recvmsg shutdown userfaultfd membarrier mlock2 copy_file_range preadv2 pwritev2
    pkey_mprotect pkey_alloc pkey_free statx arch_prctl io_pgetevents rseq 393 semget semctl shmget shmctl
    shmat shmdt msgget msgsnd msgrcv msgctl clock_gettime64 clock_settime64 clock_adjtime64
    clock_getres_time64 clock_nanosleep_time64 timer_gettime64 timer_settime64 timerfd_gettime64
    timerfd_settime64 utimensat_time64 pselect6_time64 ppoll_time64 416 io_pgetevents_time64 recvmmsg_time64
    mq_timedsend_time64 mq_timedreceive_time64 semtimedop_time64 rt_sigtimedwait_time64 futex_time64
    sched_rr_get_interval_time64 pidfd_send_signal io_uring_setup io_uring_enter io_uring_register open_tree
    move_mount fsopen fsconfig fsmount fspick pidfd_open clone3 close_range openat2 pidfd_getfd faccessat2
    process_madvise epoll_pwait2 mount_setattr quotactl_fd landlock_create_ruleset landlock_add_rule
    landlock_restrict_self memfd_secret process_mrelease futex_waitv set_mempolicy_home_node cachestat
    fchmodat2 map_shadow_stack futex_wake futex_wait futex_requeue statmount listmount lsm_get_self_attr
    lsm_set_self_attr lsm_list_modules mseal setxattrat getxattrat listxattrat removexattrat open_tree_attr
    file_getattr file_setattr listns
  `
};
var parsed = /* @__PURE__ */ new Map();
function syscallNumbers(abi) {
  let numbers = parsed.get(abi);
  if (numbers === void 0) {
    numbers = parseTable(tables[abi]);
    parsed.set(abi, numbers);
  }
  return numbers;
}
function parseTable(text) {
  const numbers = /* @__PURE__ */ new Map();
  let next2 = 0;
  for (const word3 of text.trim().split(/\s+/)) {
    const jump = Number(word3);
    if (Number.isNaN(jump)) numbers.set(word3, next2++);
    else next2 = jump;
  }
  return numbers;
}
function nativeAbi() {
  if (process.arch === "x64" || process.arch === "arm64") return process.arch;
  throw new Error(`Cannot make system calls on "${process.arch}": only x64 and arm64 are known`);
}

// src/linux/invoke.ts
var inUse = { arguments: void 0, indirect: void 0 };
function createInvoke(library = koffi()) {
  const long = "long";
  const raw = library.load(null).func("syscall", long, [long, long, long, long, long, long, long]);
  const numbers = syscallNumbers(nativeAbi());
  const answer = (name, ...given) => {
    const number = numbers.get(name);
    if (number === void 0)
      throw new Error(`Cannot call "${name}": it does not exist on this architecture`);
    const passed = given.map((argument) => typeof argument === "string" ? cString(argument) : argument);
    inUse.arguments = passed;
    const words3 = [0, 1, 2, 3, 4, 5].map((index) => word(library, passed[index]));
    const result = Number(raw(number, ...words3));
    return result === -1 ? -library.errno() : result;
  };
  const invoke = (name, ...given) => {
    const result = answer(name, ...given);
    if (result < 0) throw new SyscallError(name, -result);
    return result;
  };
  return Object.assign(invoke, { answer });
}
function cString(text) {
  if (text.includes("\0"))
    throw new Error(`Cannot pass ${JSON.stringify(text)} to the kernel: it holds a NUL`);
  return Buffer.from(`${text}\0`);
}
function word(library, argument) {
  if (argument === void 0 || argument === null) return 0;
  return typeof argument === "object" ? library.address(argument) : argument;
}

// src/linux/mount-calls.ts
var MOVE_MOUNT_F_EMPTY_PATH = 4;
var MOVE_MOUNT_T_EMPTY_PATH = 64;
var FSOPEN_CLOEXEC = 1;
var FSMOUNT_CLOEXEC = 1;
var FSCONFIG_SET_FLAG = 0;
var FSCONFIG_SET_STRING = 1;
var FSCONFIG_CMD_CREATE = 6;
function mountCalls(invoke) {
  return {
    mount: (source, target, type, flags2, data) => {
      invoke("mount", source, target, type, flags2, data);
    },
    umount2: (target, flags2) => {
      invoke("umount2", target, flags2);
    },
    pivotRoot: (newRoot, putOld) => {
      invoke("pivot_root", newRoot, putOld);
    },
    openTree: (directory, path, flags2) => invoke("open_tree", directory, path, flags2 | O_CLOEXEC),
    moveMount: (mount, target) => {
      invoke("move_mount", mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    },
    mountSetattr: (mount, { set, clear }, recursive) => {
      const attributes2 = Buffer.alloc(32);
      attributes2.writeBigUInt64LE(BigInt(set), 0);
      attributes2.writeBigUInt64LE(BigInt(clear), 8);
      invoke("mount_setattr", mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attributes2, 32);
    },
    fsopen: (type) => invoke("fsopen", type, FSOPEN_CLOEXEC),
    fsconfig: (context, key, value) => {
      const command = value === void 0 ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
      invoke("fsconfig", context, command, key, value ?? null, 0);
    },
    fsmount: (context, attributes2) => {
      invoke("fsconfig", context, FSCONFIG_CMD_CREATE, null, null, 0);
      return invoke("fsmount", context, FSMOUNT_CLOEXEC, attributes2);
    },
    fsMessages: (context) => readMessages(invoke, context)
  };
}
function readMessages(invoke, context) {
  const messages2 = [];
  const line = Buffer.alloc(512);
  try {
    for (; ; ) messages2.push(line.toString("utf8", 2, invoke("read", context, line, line.length)).trim());
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
  }
  return messages2.join("; ");
}

// src/linux/socket-messages.ts
var SOL_SOCKET = 1;
var SCM_RIGHTS = 1;
var MSG_DONTWAIT = 64;
var MSG_NOSIGNAL = 16384;
var MSG_CMSG_CLOEXEC = 1073741824;
var CONTROL_BYTES = 24;
var LARGEST_MESSAGE = 65536;
function sendMessage(invoke, socket, bytes, fd) {
  const header = messageHeader(bytes, fd === void 0 ? void 0 : controlMessage(fd));
  invoke("sendmsg", socket, header, MSG_NOSIGNAL);
}
function receiveMessage(invoke, socket) {
  const bytes = Buffer.alloc(LARGEST_MESSAGE);
  const control = Buffer.alloc(CONTROL_BYTES);
  const header = messageHeader(bytes, control);
  try {
    const length = invoke("recvmsg", socket, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const hasFd = control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
    return { bytes: bytes.subarray(0, length), ...hasFd ? { fd: control.readInt32LE(16) } : {} };
  } catch (error) {
    if (failedWith(error, "EAGAIN")) return void 0;
    throw error;
  }
}
function controlMessage(fd) {
  const control = Buffer.alloc(CONTROL_BYTES);
  control.writeBigUInt64LE(20n, 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  control.writeInt32LE(fd, 16);
  return control;
}
function messageHeader(bytes, control) {
  const library = koffi();
  const vector = Buffer.alloc(16);
  if (bytes.length > 0) vector.writeBigUInt64LE(library.address(bytes), 0);
  vector.writeBigUInt64LE(BigInt(bytes.length), 8);
  const header = Buffer.alloc(56);
  header.writeBigUInt64LE(library.address(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  if (control !== void 0) {
    header.writeBigUInt64LE(library.address(control), 32);
    header.writeBigUInt64LE(BigInt(control.length), 40);
  }
  inUse.indirect = [bytes, vector, control];
  return header;
}

// src/linux/process-calls.ts
var CAPABILITY_VERSION_3 = 537396514;
var SECCOMP_SET_MODE_FILTER = 1;
var LAST_SIGNAL = 64;
var UNBLOCKABLE = [9, 19];
function processCalls(invoke) {
  return {
    umask: (mask2) => {
      invoke("umask", mask2);
    },
    setsid: () => {
      invoke("setsid");
    },
    unshare: (flags2) => {
      invoke("unshare", flags2);
    },
    setns: (fd, type) => {
      invoke("setns", fd, type);
    },
    sethostname: (name) => {
      invoke("sethostname", name, Buffer.byteLength(name));
    },
    setdomainname: (name) => {
      invoke("setdomainname", name, Buffer.byteLength(name));
    },
    prctl: (option, argument2, argument3 = 0) => invoke("prctl", option, argument2, argument3, 0, 0),
    setgroups: (gids) => {
      invoke("setgroups", gids.length, Buffer.from(Uint32Array.from(gids).buffer));
    },
    setresgid: (gid) => {
      invoke("setresgid", gid, gid, gid);
    },
    setresuid: (uid) => {
      invoke("setresuid", uid, uid, uid);
    },
    capget: () => readCapabilities(invoke),
    capset: (sets) => {
      invoke("capset", capabilityHeader(), encodeCapabilities(sets));
    },
    setrlimit: (resource, soft, hard) => {
      const limit2 = Buffer.alloc(16);
      limit2.writeBigUInt64LE(BigInt.asUintN(64, soft), 0);
      limit2.writeBigUInt64LE(BigInt.asUintN(64, hard), 8);
      invoke("prlimit64", 0, resource, limit2, null);
    },
    seccompSetFilter: (program, flags2) => {
      const header = Buffer.alloc(16);
      header.writeUInt16LE(program.length / 8, 0);
      header.writeBigUInt64LE(koffi().address(program), 8);
      inUse.indirect = program;
      invoke("seccomp", SECCOMP_SET_MODE_FILTER, flags2, header);
    },
    resetSignals: () => {
      const byDefault = Buffer.alloc(32);
      for (let signal = 1; signal <= LAST_SIGNAL; signal++)
        if (!UNBLOCKABLE.includes(signal)) invoke("rt_sigaction", signal, byDefault, null, 8);
    },
    execve: (path, args, env) => {
      const vectors = [pointers(args), pointers(env)];
      inUse.indirect = vectors;
      invoke("execve", path, vectors[0].vector, vectors[1].vector);
      throw new Error("execve returned");
    },
    socket: (domain, type) => invoke("socket", domain, type | SOCK_CLOEXEC, 0),
    socketpair: (domain, type) => {
      const pair = Buffer.alloc(8);
      invoke("socketpair", domain, type | SOCK_CLOEXEC, 0, pair);
      return [pair.readInt32LE(0), pair.readInt32LE(4)];
    },
    pipe: () => {
      const pair = Buffer.alloc(8);
      invoke("pipe2", pair, O_CLOEXEC);
      return [pair.readInt32LE(0), pair.readInt32LE(4)];
    },
    sendmsg: (socket, bytes, fd) => sendMessage(invoke, socket, bytes, fd),
    recvmsg: (socket) => receiveMessage(invoke, socket),
    pidfdOpen: (pid) => invoke("pidfd_open", pid, 0),
    pidfdSendSignal: (pidfd, signal) => {
      invoke("pidfd_send_signal", pidfd, signal, null, 0);
    },
    kill: (pid, signal) => {
      invoke("kill", pid, signal);
    },
    waitpid: (pid) => {
      const status = Buffer.alloc(4);
      return invoke("wait4", pid, status, WNOHANG, null) === pid ? status.readInt32LE(0) : void 0;
    }
  };
}
function capabilityHeader() {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION_3, 0);
  return header;
}
function encodeCapabilities(sets) {
  const data = Buffer.alloc(24);
  [sets.effective, sets.permitted, sets.inheritable].forEach((set, index) => {
    data.writeUInt32LE(Number(set & 0xffffffffn), index * 4);
    data.writeUInt32LE(Number(set >> 32n), 12 + index * 4);
  });
  return data;
}
function readCapabilities(invoke) {
  const data = Buffer.alloc(24);
  invoke("capget", capabilityHeader(), data);
  const at = (index) => BigInt(data.readUInt32LE(index * 4)) | BigInt(data.readUInt32LE(12 + index * 4)) << 32n;
  return { effective: at(0), permitted: at(1), inheritable: at(2) };
}
function pointers(texts) {
  const strings = texts.map(cString);
  const vector = Buffer.alloc(8 * (strings.length + 1));
  strings.forEach((string, index) => {
    vector.writeBigUInt64LE(koffi().address(string), 8 * index);
  });
  return { vector, strings };
}

// src/linux/libc.ts
var made;
function libc() {
  if (made === void 0) {
    const invoke = createInvoke();
    made = { ...mountCalls(invoke), ...fileCalls(invoke), ...processCalls(invoke) };
  }
  return made;
}

// src/sandbox/cgroup-host.ts
import { readFileSync } from "node:fs";
var known;
function cgroupHost() {
  known ??= parseCgroupMounts(
    readFileSync("/proc/self/mountinfo", "utf8"),
    (path) => readFileSync(path, "utf8")
  );
  return known;
}
function parseCgroupMounts(mountinfo, read) {
  const mounts = mountinfo.split("\n").flatMap(parseMount);
  const legacy = mounts.filter(({ type }) => type === "cgroup");
  if (legacy.length === 0) {
    const root2 = mounts.find(({ type }) => type === "cgroup2")?.path ?? "/sys/fs/cgroup";
    return { version: 2, root: root2, controllers: words(tryRead(`${root2}/cgroup.controllers`, read)) };
  }
  const roots = /* @__PURE__ */ new Map();
  const hierarchies = [];
  for (const { path, options } of legacy) {
    const names4 = options.filter((option) => !notControllers.has(option));
    for (const name of names4) if (!roots.has(name)) roots.set(name, path);
    const directory = path.slice(path.lastIndexOf("/") + 1);
    if (!hierarchies.some((hierarchy) => hierarchy.directory === directory))
      hierarchies.push({
        path,
        directory,
        parameters: names4.flatMap(parameters),
        links: names4.filter((name) => name !== directory && !name.startsWith("name="))
      });
  }
  return { version: 1, roots, hierarchies };
}
var notControllers = /* @__PURE__ */ new Set([
  "rw",
  "ro",
  "noprefix",
  "xattr",
  "clone_children",
  "release_agent",
  "favordynmods"
]);
function parameters(name) {
  return name.startsWith("name=") ? [["none"], ["name", name.slice("name=".length)]] : [[name]];
}
function parseMount(line) {
  const [front, back] = line.split(" - ");
  const path = front?.split(" ")[4];
  const [type, , options] = back?.split(" ") ?? [];
  if (path === void 0 || type === void 0 || options === void 0) return [];
  return [{ type, path: withoutEscapes(path), options: options.split(",") }];
}
var withoutEscapes = (path) => path.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
var words = (text) => text.split(/\s+/).filter((word3) => word3 !== "");
function tryRead(path, read) {
  try {
    return read(path);
  } catch {
    return "";
  }
}

// src/sandbox/cgroups.ts
import { mkdirSync, readdirSync, readFileSync as readFileSync3, rmdirSync, writeFileSync } from "node:fs";
import { join as join3 } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

// src/sandbox/sandbox.ts
var SandboxError = class extends Error {
  constructor(code, subject, message, options) {
    super(message, options);
    this.code = code;
    this.subject = subject;
  }
  code;
  subject;
  name = "SandboxError";
};

// src/sandbox/cgroup-limits.ts
function settingsV1({ memory: memory2, cpu, pids: pids2, blockIO, devices }) {
  const set = settings();
  set.add("memory", "memory.limit_in_bytes", memory2?.limit);
  set.add("memory", "memory.memsw.limit_in_bytes", memory2?.swap);
  set.add("memory", "memory.soft_limit_in_bytes", memory2?.reservation);
  set.add("memory", "memory.swappiness", memory2?.swappiness);
  set.add("memory", "memory.oom_control", memory2?.disableOOMKiller === true ? 1 : void 0);
  set.add("cpu", "cpu.shares", nonZero(cpu?.shares));
  set.add("cpu", "cpu.cfs_period_us", nonZero(cpu?.period));
  set.add("cpu", "cpu.cfs_quota_us", nonZero(cpu?.quota));
  set.add("cpuset", "cpuset.cpus", cpu?.cpus === "" ? void 0 : cpu?.cpus);
  set.add("cpuset", "cpuset.mems", cpu?.mems === "" ? void 0 : cpu?.mems);
  set.add("pids", "pids.max", pidsLimit(pids2?.limit));
  set.add("blkio", "blkio.weight", nonZero(blockIO?.weight));
  for (const { allow: allow2, type = "a", major, minor, access = "rwm" } of devices ?? [])
    set.add(
      "devices",
      allow2 ? "devices.allow" : "devices.deny",
      type === "a" ? "a" : `${type} ${major ?? "*"}:${minor ?? "*"} ${access}`
    );
  return set.list;
}
function settingsV2({ memory: memory2, cpu, pids: pids2, blockIO }) {
  const set = settings();
  set.add("memory", "memory.max", memory2?.limit);
  set.add("memory", "memory.swap.max", swapAlone(memory2));
  set.add("memory", "memory.low", memory2?.reservation);
  const shares = nonZero(cpu?.shares);
  set.add("cpu", "cpu.weight", shares === void 0 ? void 0 : weightOfShares(shares));
  const quota = nonZero(cpu?.quota);
  if (quota !== void 0 || nonZero(cpu?.period) !== void 0)
    set.add(
      "cpu",
      "cpu.max",
      `${quota === void 0 || quota < 0 ? "max" : quota} ${nonZero(cpu?.period) ?? 1e5}`
    );
  set.add("cpuset", "cpuset.cpus", cpu?.cpus === "" ? void 0 : cpu?.cpus);
  set.add("cpuset", "cpuset.mems", cpu?.mems === "" ? void 0 : cpu?.mems);
  set.add("pids", "pids.max", pidsLimit(pids2?.limit));
  set.add("io", "io.weight", nonZero(blockIO?.weight));
  return set.list;
}
function settings() {
  const list = [];
  const add = (controller, file, value) => {
    if (value !== void 0) list.push({ controller, file, value: String(value) });
  };
  return { list, add };
}
var nonZero = (value) => value === 0 ? void 0 : value;
var pidsLimit = (limit2) => limit2 === void 0 || limit2 === 0 ? void 0 : limit2 < 0 ? "max" : limit2;
function swapAlone(memory2) {
  if (memory2?.swap === void 0 || memory2.swap === 0) return void 0;
  if (memory2.swap < 0) return "max";
  if (memory2.limit === void 0 || memory2.swap < memory2.limit)
    throw new SandboxError(
      "BAD_SPEC",
      "memory.swap",
      "Cannot limit swap: memory and swap together must not be less than memory"
    );
  return memory2.swap - memory2.limit;
}
var weightOfShares = (shares) => Math.floor(1 + (Math.min(Math.max(shares, 2), 262144) - 2) * 9999 / 262142);

// src/sandbox/cgroup-statistics.ts
import { readFileSync as readFileSync2 } from "node:fs";
import { join as join2 } from "node:path";
var NO_LIMIT = 2 ** 62;
function readStatistics(version, directoryOf) {
  const read = (controller, file) => {
    const directory = directoryOf(controller);
    if (directory === void 0) return void 0;
    try {
      return readFileSync2(join2(directory, file), "utf8").trim();
    } catch {
      return void 0;
    }
  };
  return version === 1 ? versionOne(read) : versionTwo(read);
}
function versionOne(read) {
  const time = read("cpuacct", "cpuacct.usage");
  const io = read("blkio", "blkio.throttle.io_service_bytes");
  return {
    ...memory(
      read("memory", "memory.usage_in_bytes"),
      read("memory", "memory.limit_in_bytes"),
      word2(read("memory", "memory.stat"), "total_inactive_file")
    ),
    ...time === void 0 ? {} : { cpuTime: Number(time) },
    ...pids(read),
    ...io === void 0 ? {} : { blockIO: { read: sum(io, / Read (\d+)/g), written: sum(io, / Write (\d+)/g) } }
  };
}
function versionTwo(read) {
  const cpu = read("cpu", "cpu.stat");
  const io = read("io", "io.stat");
  return {
    ...memory(
      read("memory", "memory.current"),
      read("memory", "memory.max"),
      word2(read("memory", "memory.stat"), "inactive_file")
    ),
    ...cpu === void 0 ? {} : { cpuTime: word2(cpu, "usage_usec") * 1e3 },
    ...pids(read),
    ...io === void 0 ? {} : { blockIO: { read: sum(io, /rbytes=(\d+)/g), written: sum(io, /wbytes=(\d+)/g) } }
  };
}
function memory(usage, limit2, inactiveFile) {
  if (usage === void 0) return {};
  return { memory: { usage: Number(usage), inactiveFile, limit: limitOf(limit2) } };
}
function pids(read) {
  const current = read("pids", "pids.current");
  return current === void 0 ? {} : { pids: { current: Number(current), limit: limitOf(read("pids", "pids.max")) } };
}
function limitOf(text) {
  const limit2 = text === void 0 || text === "max" ? Number.POSITIVE_INFINITY : Number(text);
  return limit2 >= NO_LIMIT ? Number.POSITIVE_INFINITY : limit2;
}
function word2(text, name) {
  const line = text?.split("\n").find((each) => each.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1) ?? 0);
}
var sum = (text, pattern) => [...text.matchAll(pattern)].reduce((total, match) => total + Number(match[1]), 0);

// src/sandbox/cgroups.ts
var PARENT = "tsbuild";
var managing = {
  1: ["memory", "cpuacct", "pids", "blkio", "freezer"],
  2: ["memory", "cpu", "pids", "io"]
};
function createCgroup(linux, host = cgroupHost()) {
  const { cgroupsPath, resources: resources2 = {} } = linux;
  const settings2 = host.version === 1 ? settingsV1(withDevices(resources2, host)) : settingsV2(resources2);
  if (settings2.length === 0 && cgroupsPath === void 0) return void 0;
  const name = cgroupsPath?.replace(/^\/+/, "") ?? `${PARENT}/${owner()}-${next++}`;
  if (name.split("/").includes(".."))
    throw new SandboxError("BAD_SPEC", name, `Cannot use control group "${name}"`);
  const wanted = cgroupsPath === void 0 ? [] : managing[host.version];
  return host.version === 1 ? createV1(host, name, settings2, wanted) : createV2(host.root, name, settings2, wanted);
}
var next = 0;
function withDevices(resources2, { roots }) {
  const { devices, ...others } = resources2;
  const guard = roots.has("devices") && devices?.some(({ allow: allow2 }) => !allow2) === true;
  return guard ? { ...others, devices } : others;
}
function createV1({ roots }, name, settings2, managed) {
  const wanted = /* @__PURE__ */ new Set([
    ...settings2.map(({ controller }) => controller),
    ...managed.filter((each) => roots.has(each))
  ]);
  const directories = /* @__PURE__ */ new Map();
  for (const controller of wanted) {
    const root2 = roots.get(controller);
    if (root2 === void 0) throw missing(controller);
    const directory = join3(root2, name);
    makeGroup(directory);
    if (controller === "cpuset") inheritCpuset(root2, name);
    directories.set(controller, directory);
  }
  for (const { controller, file, value } of settings2) write(join3(directories.get(controller), file), value);
  const unique = [...new Set(directories.values())];
  const killed = () => field(join3(directories.get("memory") ?? "", "memory.oom_control"), "oom_kill");
  const freezer = directories.get("freezer");
  return {
    joinFiles: unique.map((directory) => join3(directory, "tasks")),
    guardsDevices: directories.has("devices"),
    oomKills: () => directories.has("memory") ? killed() : 0,
    statistics: () => readStatistics(1, (controller) => directories.get(controller)),
    freeze: (frozen) => {
      if (freezer === void 0) throw missing("freezer");
      write(join3(freezer, "freezer.state"), frozen ? "FROZEN" : "THAWED");
    },
    killAll: () => killProcesses(unique[0] ?? ""),
    remove: () => removeAll(unique)
  };
}
function createV2(root2, name, settings2, managed) {
  const available = new Set(readIfThere(join3(root2, "cgroup.controllers")).trim().split(/\s+/));
  const needed = new Set(settings2.map(({ controller }) => controller));
  for (const controller of needed) if (!available.has(controller)) throw missing(controller);
  const enabled = [.../* @__PURE__ */ new Set([...needed, ...managed.filter((each) => available.has(each))])];
  const directory = join3(root2, name);
  makeGroup(directory);
  const parents = name.split("/").slice(0, -1);
  for (let depth = 0; depth <= parents.length; depth++)
    enable(join3(root2, ...parents.slice(0, depth)), enabled);
  for (const { file, value } of settings2) write(join3(directory, file), value);
  return {
    joinFiles: [join3(directory, "cgroup.procs")],
    guardsDevices: false,
    oomKills: () => field(join3(directory, "memory.events"), "oom_kill"),
    statistics: () => readStatistics(2, () => directory),
    freeze: (frozen) => write(join3(directory, "cgroup.freeze"), frozen ? "1" : "0"),
    killAll: () => write(join3(directory, "cgroup.kill"), "1"),
    remove: () => removeAll([directory])
  };
}
function makeGroup(directory) {
  try {
    mkdirSync(directory, { recursive: true });
  } catch (cause) {
    throw new SandboxError(
      "SYSTEM",
      directory,
      `Cannot make control group "${directory}": ${reason(cause)}`,
      { cause }
    );
  }
}
function inheritCpuset(root2, name) {
  const parts = name.split("/");
  for (let depth = 1; depth <= parts.length; depth++) {
    for (const file of ["cpuset.cpus", "cpuset.mems"]) {
      const own = join3(root2, ...parts.slice(0, depth), file);
      if (readFileSync3(own, "utf8").trim() !== "") continue;
      write(own, readFileSync3(join3(root2, ...parts.slice(0, depth - 1), file), "utf8").trim());
    }
  }
}
function enable(directory, controllers) {
  const file = join3(directory, "cgroup.subtree_control");
  const on = new Set(readIfThere(file).trim().split(/\s+/));
  const missingOnes = controllers.filter((controller) => !on.has(controller));
  if (missingOnes.length > 0) write(file, missingOnes.map((controller) => `+${controller}`).join(" "));
}
function write(file, value) {
  try {
    writeFileSync(file, value);
  } catch (cause) {
    throw new SandboxError("SYSTEM", file, `Cannot write "${value}" to "${file}": ${reason(cause)}`, {
      cause
    });
  }
}
function field(file, name) {
  const line = readIfThere(file).split("\n").find((text) => text.startsWith(`${name} `));
  return Number(line?.split(" ")[1] ?? 0);
}
function readIfThere(file) {
  try {
    return readFileSync3(file, "utf8");
  } catch {
    return "";
  }
}
function killProcesses(directory) {
  for (const line of readIfThere(join3(directory, "cgroup.procs")).split("\n")) {
    if (line === "") continue;
    try {
      process.kill(Number(line), "SIGKILL");
    } catch (error) {
      if (error.code !== "ESRCH") throw error;
    }
  }
}
async function removeAll(directories) {
  for (const directory of directories)
    for (let attempts = 0; !removed(directory) && attempts < 100; attempts++) await delay(5);
}
function removed(directory) {
  try {
    rmdirSync(directory);
    return true;
  } catch (error) {
    return error.code !== "EBUSY";
  }
}
function owner(pid = "self") {
  const stat = readIfThere(`/proc/${pid}/stat`);
  if (stat === "") return void 0;
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return `${stat.slice(0, stat.indexOf(" "))}-${fields[19]}`;
}
function missing(controller) {
  return new SandboxError(
    "REFUSED",
    controller,
    `Cannot limit or watch by control group: this system has no "${controller}" controller here`
  );
}
var reason = (error) => error instanceof Error ? error.message : String(error);

// src/sandbox/start-reexec.ts
import { fileURLToPath } from "node:url";
import { serialize as serialize2 } from "node:v8";

// src/linux/readable.ts
function readable(fd) {
  return new Promise((resolve) => {
    const handle = koffi().node.poll(fd, { readable: true }, () => {
      handle.stop();
      handle.close();
      setImmediate(resolve);
    });
  });
}

// src/linux/spawn.ts
var ACTIONS_BYTES = 256;
function spawn(path, args, env, fds) {
  const libc2 = koffi().load(null);
  const pointer = "void *";
  const add = libc2.func("posix_spawn_file_actions_adddup2", "int", [pointer, "int", "int"]);
  const start = libc2.func("posix_spawn", "int", [pointer, pointer, pointer, pointer, pointer, pointer]);
  const actions2 = Buffer.alloc(ACTIONS_BYTES);
  libc2.func("posix_spawn_file_actions_init", "int", [pointer])(actions2);
  try {
    fds.forEach((fd, index) => {
      add(actions2, fd, index);
    });
    const vectors = [pointers(args), pointers(env)];
    inUse.indirect = vectors;
    const pid = Buffer.alloc(4);
    const errno = Number(start(pid, cString(path), actions2, null, vectors[0].vector, vectors[1].vector));
    if (errno !== 0) throw new SyscallError("posix_spawn", errno);
    return pid.readInt32LE(0);
  } finally {
    libc2.func("posix_spawn_file_actions_destroy", "int", [pointer])(actions2);
  }
}

// src/sandbox/channel.ts
import { deserialize, serialize } from "node:v8";
function openChannel(sys2) {
  const [ours, theirs] = sys2.socketpair(AF_UNIX, SOCK_SEQPACKET);
  return { ours, theirs };
}
function send(socket, message, sys2, fd) {
  sys2.sendmsg(socket, serialize(message), fd);
}
function receive(socket, sys2) {
  const packet = sys2.recvmsg(socket);
  if (packet === void 0) return "nothing";
  if (packet.bytes.length === 0) return "end";
  const message = deserialize(packet.bytes);
  return packet.fd === void 0 ? { message } : { message, fd: packet.fd };
}
function parentIsGone(socket, sys2) {
  return sys2.pollNow(socket, 0);
}

// src/sandbox/failure.ts
function attempt(subject, what, action, code = "SYSTEM") {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new SandboxError(code, subject, `Cannot ${what}: ${errnoMessage(error.code)}`, { cause: error });
  }
}

// src/sandbox/pid-namespace.ts
function inPidNamespace(pid, makesNew, sys2, start) {
  if (pid === void 0 || pid === "new" && makesNew) return start();
  const own = sys2.open("/proc/self/ns/pid", 0);
  try {
    if (pid === "new") attempt("pid", "make a pid namespace", () => sys2.unshare(CLONE_NEWPID));
    else joinPid(pid.path, sys2);
    return start();
  } finally {
    sys2.setns(own, CLONE_NEWPID);
    sys2.close(own);
  }
}
function joinPid(path, sys2) {
  attempt(path, `join pid namespace "${path}"`, () => {
    const fd = sys2.open(path, 0);
    try {
      sys2.setns(fd, CLONE_NEWPID);
    } finally {
      sys2.close(fd);
    }
  });
}

// src/sandbox/wait.ts
function watchChild(pid, sys2) {
  const pidfd = sys2.pidfdOpen(pid);
  let status;
  const ended = readable(pidfd).then(() => {
    const found = sys2.waitpid(pid);
    if (found === void 0) throw new Error(`Cannot wait for process ${pid}: it has not ended`);
    status = found;
    sys2.close(pidfd);
    return found;
  });
  const kill = (signal) => {
    if (status === void 0) sys2.pidfdSendSignal(pidfd, signal);
  };
  return { pid, ended, kill };
}
function decodeStatus(status) {
  const signal = status & 127;
  return signal === 0 ? { code: status >> 8 & 255 } : { code: 128 + signal, signal };
}

// src/sandbox/start-reexec.ts
var bundle;
var startByReexec = async (plan2, streams, sys2) => {
  const channel = openChannel(sys2);
  let child;
  try {
    child = watchChild(spawnInit(plan2, streams, channel.theirs, sys2), sys2);
  } catch (error) {
    sys2.close(channel.ours);
    throw error;
  } finally {
    sys2.close(channel.theirs);
  }
  try {
    return { child, ...await untilExec(channel.ours, sys2) };
  } catch (error) {
    await child.ended;
    throw error;
  } finally {
    sys2.close(channel.ours);
  }
};
function spawnInit(plan2, streams, channel, sys2) {
  const path = bundle ?? fileURLToPath(new URL("./init.cjs", import.meta.url));
  const library = process.env.LD_LIBRARY_PATH;
  const env = library === void 0 ? [] : [`LD_LIBRARY_PATH=${library}`];
  const nowhere = sys2.open("/dev/null", O_RDONLY);
  const sent = planFile(absoluteDescriptors(plan2), sys2);
  const fds = [...streams ?? [nowhere, nowhere, nowhere], channel, sent].map((fd) => sys2.duplicate(fd));
  try {
    return inPidNamespace(
      plan2.namespaces.pid,
      false,
      sys2,
      () => spawn(process.execPath, [process.execPath, path], env, fds)
    );
  } finally {
    for (const fd of [...fds, nowhere, sent]) sys2.close(fd);
  }
}
function planFile(plan2, sys2) {
  const fd = sys2.memfdCreate("plan");
  for (let rest = serialize2(plan2); rest.length > 0; ) rest = rest.subarray(sys2.write(fd, rest));
  return fd;
}
function absoluteDescriptors(plan2) {
  const absolute = (path) => path.replace(/^\/proc\/(?:self|thread-self)\//, `/proc/${process.pid}/`);
  const { namespaces, root: root2 } = plan2;
  const join5 = namespaces.join.map((namespace) => ({ ...namespace, path: absolute(namespace.path) }));
  const mounts = root2?.mounts.map(
    (mount) => mount.make.kind === "bind" ? { ...mount, make: { ...mount.make, source: absolute(mount.make.source) } } : mount
  );
  return {
    ...plan2,
    namespaces: { ...namespaces, join: join5 },
    root: root2 === void 0 ? void 0 : { ...root2, mounts: mounts ?? [] }
  };
}
async function untilExec(socket, sys2) {
  let stubs;
  let terminal;
  for (; ; ) {
    await readable(socket);
    const received = receive(socket, sys2);
    if (received === "nothing") continue;
    if (received === "end") break;
    const { message, fd } = received;
    if (message.kind === "failed") throw new SandboxError(message.code, message.subject, message.message);
    if (message.kind === "terminal") terminal = fd;
    else stubs = message.stubs;
  }
  if (stubs !== void 0) return { stubs, terminal };
  throw new SandboxError("SYSTEM", "init", "Cannot start a container: its init ended unexpectedly");
}

// src/sandbox/capabilities.ts
var names2 = [
  "CHOWN",
  "DAC_OVERRIDE",
  "DAC_READ_SEARCH",
  "FOWNER",
  "FSETID",
  "KILL",
  "SETGID",
  "SETUID",
  "SETPCAP",
  "LINUX_IMMUTABLE",
  "NET_BIND_SERVICE",
  "NET_BROADCAST",
  "NET_ADMIN",
  "NET_RAW",
  "IPC_LOCK",
  "IPC_OWNER",
  "SYS_MODULE",
  "SYS_RAWIO",
  "SYS_CHROOT",
  "SYS_PTRACE",
  "SYS_PACCT",
  "SYS_ADMIN",
  "SYS_BOOT",
  "SYS_NICE",
  "SYS_RESOURCE",
  "SYS_TIME",
  "SYS_TTY_CONFIG",
  "MKNOD",
  "LEASE",
  "AUDIT_WRITE",
  "AUDIT_CONTROL",
  "SETFCAP",
  "MAC_OVERRIDE",
  "MAC_ADMIN",
  "SYSLOG",
  "WAKE_ALARM",
  "BLOCK_SUSPEND",
  "AUDIT_READ",
  "PERFMON",
  "BPF",
  "CHECKPOINT_RESTORE"
];
var ALL_CAPABILITIES = names2.map((name) => `CAP_${name}`);
var DEFAULT_CAPABILITIES = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_SETGID",
  "CAP_SETUID",
  "CAP_SETPCAP",
  "CAP_NET_BIND_SERVICE",
  "CAP_NET_RAW",
  "CAP_SYS_CHROOT",
  "CAP_MKNOD",
  "CAP_AUDIT_WRITE",
  "CAP_SETFCAP"
];
function capabilityNumber(name) {
  const number = ALL_CAPABILITIES.indexOf(name.startsWith("CAP_") ? name : `CAP_${name}`);
  return number === -1 ? void 0 : number;
}
var CAP_SYS_ADMIN = 1n << 21n;
var CAP_SYS_RESOURCE = 1n << 24n;
function capabilityMasks(sets, available) {
  const masked = (which) => mask(sets?.[which] ?? []) & available;
  return {
    bounding: masked("bounding"),
    effective: masked("effective"),
    permitted: masked("permitted"),
    inheritable: masked("inheritable"),
    ambient: masked("ambient")
  };
}
function mask(set) {
  return set.reduce((bits, name) => {
    const number = capabilityNumber(name);
    if (number === void 0)
      throw new SandboxError(
        "BAD_SPEC",
        name,
        `Cannot give capability "${name}": there is none of that name`
      );
    return bits | 1n << BigInt(number);
  }, 0n);
}

// src/sandbox/credentials.ts
function becomeUser(process2, sys2) {
  const { uid, gid, additionalGids, capabilities } = process2;
  dropBounding(capabilities.bounding, sys2);
  sys2.prctl(PR_SET_KEEPCAPS, 1);
  attempt(`${uid}:${gid}`, `become user ${uid}:${gid}`, () => {
    sys2.setgroups(additionalGids);
    sys2.setresgid(gid);
    sys2.setresuid(uid);
  });
  sys2.umask(process2.umask);
  const kept = neededLast(process2, sys2);
  setCapabilities(capabilities, kept, sys2);
  setAmbient(capabilities.ambient, sys2);
  sys2.prctl(PR_SET_PDEATHSIG, SIGKILL);
}
function confine(process2, sys2) {
  const { capabilities, seccomp, noNewPrivileges } = process2;
  sys2.closeRange(3, CLOSE_RANGE_CLOEXEC);
  for (const { resource, soft, hard } of process2.rlimits)
    attempt(
      `rlimit ${resource}`,
      `set resource limit ${resource} to ${soft}:${hard}`,
      () => sys2.setrlimit(resource, soft, hard)
    );
  const kept = neededLast(process2, sys2);
  if (noNewPrivileges) sys2.prctl(PR_SET_NO_NEW_PRIVS, 1);
  if (noNewPrivileges && kept !== 0n) setCapabilities(capabilities, 0n, sys2);
  if (seccomp !== void 0)
    attempt("seccomp", "load the seccomp filter", () => sys2.seccompSetFilter(seccomp.program, seccomp.flags));
  if (!noNewPrivileges && kept !== 0n)
    attempt(
      "seccomp",
      "drop capabilities behind the seccomp filter, which has to allow capset",
      () => setCapabilities(capabilities, 0n, sys2)
    );
}
function neededLast({ seccomp, rlimits }, sys2) {
  const wanted = (seccomp === void 0 ? 0n : CAP_SYS_ADMIN) | (rlimits.length === 0 ? 0n : CAP_SYS_RESOURCE);
  return wanted === 0n ? 0n : wanted & sys2.capget().permitted;
}
function setCapabilities(masks, kept, sys2) {
  sys2.capset({
    effective: masks.effective | kept,
    permitted: masks.permitted | kept,
    inheritable: masks.inheritable
  });
}
function dropBounding(keep, sys2) {
  for (let capability = 0; capability < 64; capability++) {
    if (keep >> BigInt(capability) & 1n) continue;
    try {
      sys2.prctl(PR_CAPBSET_DROP, capability);
    } catch (error) {
      if (failedWith(error, "EINVAL")) return;
      throw error;
    }
  }
}
function setAmbient(mask2, sys2) {
  sys2.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  for (let capability = 0; capability < 64; capability++)
    if (mask2 >> BigInt(capability) & 1n) sys2.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
}

// src/sandbox/executable.ts
var X_OK = 1;
function findExecutable(command, env, sys2) {
  if (command.includes("/")) {
    const problem2 = whyNotExecutable(command, sys2);
    if (problem2 !== void 0) throw problem2;
    return command;
  }
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  for (const directory of path.split(":").filter((entry) => entry.startsWith("/"))) {
    const candidate = `${directory}/${command}`;
    if (command !== "" && whyNotExecutable(candidate, sys2) === void 0) return candidate;
  }
  throw new SandboxError(
    "NOT_FOUND",
    command,
    `exec: ${quoted(command)}: executable file not found in $PATH`
  );
}
function whyNotExecutable(path, sys2) {
  try {
    sys2.faccessat(AT_FDCWD, path, 0);
    if (isDirectory(path, sys2)) return notExecutable(path, "is a directory");
    sys2.faccessat(AT_FDCWD, path, X_OK);
    return void 0;
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    if (error.code === "EACCES") return notExecutable(path, "permission denied");
    const text = `exec: ${quoted(path)}: stat ${path}: ${errnoMessage(error.code)}`;
    return new SandboxError(error.code === "ENOENT" ? "NOT_FOUND" : "NOT_EXECUTABLE", path, text, {
      cause: error
    });
  }
}
function isDirectory(path, sys2) {
  try {
    sys2.faccessat(AT_FDCWD, `${path}/.`, 0);
    return true;
  } catch (error) {
    if (failedWith(error, "EACCES")) return (sys2.statAt(AT_FDCWD, path).mode & S_IFMT) === S_IFDIR;
    return false;
  }
}
var FIRST_LINE_BYTES = 256;
var MOST_INTERPRETERS = 5;
function refuseOwnProgram(path, tree, sys2) {
  let next2 = path;
  for (let level = 0; next2 !== void 0 && level < MOST_INTERPRETERS; level++) {
    const fd = openProgram(next2, sys2);
    if (fd === void 0) return;
    if (tree.isOnProcfs(fd)) throw notExecutable(next2, "it is on procfs");
    next2 = interpreterOf(fd, sys2);
    sys2.close(fd);
  }
}
function openProgram(path, sys2) {
  try {
    return sys2.openat2(AT_FDCWD, path, O_RDONLY | O_NONBLOCK, RESOLVE_NO_MAGICLINKS);
  } catch (error) {
    if (failedWith(error, "ELOOP")) throw notExecutable(path, "it leads through a link of procfs");
    if (error instanceof SyscallError) return void 0;
    throw error;
  }
}
function interpreterOf(fd, sys2) {
  const start = Buffer.alloc(FIRST_LINE_BYTES);
  const text = start.toString("latin1", 0, sys2.read(fd, start));
  return /^#![ \t]*([^ \t\n\0]+)/.exec(text)?.[1];
}
function execFailure(path, error) {
  const code = error.code === "ENOENT" ? "NOT_FOUND" : "NOT_EXECUTABLE";
  return new SandboxError(code, path, `exec ${path}: ${errnoMessage(error.code)}`, { cause: error });
}
function notExecutable(path, reason2) {
  return new SandboxError("NOT_EXECUTABLE", path, `exec: ${quoted(path)}: ${reason2}`);
}
var quoted = (text) => JSON.stringify(text);

// src/sandbox/kernel-settings.ts
function openProc(sys2) {
  const proc = sys2.open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (sys2.filesystemType(proc) !== PROC_SUPER_MAGIC)
    throw new SandboxError("SYSTEM", "/proc", "Cannot start a container: /proc of this system is not procfs");
  return proc;
}
function applySettings(plan2, proc, sys2) {
  const { hostname, domainname } = plan2;
  if ((plan2.namespaces.unshare & CLONE_NEWNET) !== 0) bringUpLoopback(sys2);
  if (hostname !== void 0)
    attempt(hostname, `set host name "${hostname}"`, () => sys2.sethostname(hostname));
  if (domainname !== void 0)
    attempt(domainname, `set domain name "${domainname}"`, () => sys2.setdomainname(domainname));
  for (const [path, value] of plan2.sysctls)
    attempt(path, `set sysctl "${path}" to "${value}"`, () => writeProc(proc, `sys/${path}`, value, sys2));
  const { oomScoreAdj } = plan2.process;
  if (oomScoreAdj !== void 0)
    attempt(
      "oom_score_adj",
      `set the OOM score to ${oomScoreAdj}`,
      () => writeProc(proc, "self/oom_score_adj", String(oomScoreAdj), sys2)
    );
}
function writeProc(proc, path, value, sys2) {
  const fd = sys2.openat(proc, path, O_WRONLY);
  sys2.write(fd, Buffer.from(value));
  sys2.close(fd);
}
function bringUpLoopback(sys2) {
  const request = Buffer.alloc(40);
  request.write("lo");
  request.writeUInt16LE(IFF_UP_RUNNING, 16);
  const socket = sys2.socket(AF_INET, SOCK_DGRAM);
  attempt("lo", "bring up lo", () => sys2.ioctl(socket, SIOCSIFFLAGS, request));
  sys2.close(socket);
}

// src/sandbox/root-tree.ts
var MOST_LINKS = 40;
var RootTree = class {
  constructor(sys2, fd) {
    this.sys = sys2;
    this.fd = fd;
  }
  sys;
  fd;
  /** Mount points that had to be made in the root's own file system, in order. */
  stubs = [];
  rootDevice;
  /** An O_PATH descriptor of what is at `path`, links followed within the root; undefined where nothing is. */
  open(path, flags2 = 0) {
    return this.sys.findat2(this.fd, path, O_PATH | flags2, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
  }
  /** As `open`, but a link anywhere on the way is an error (ELOOP). */
  openPlain(path, flags2 = 0) {
    return this.sys.findat2(this.fd, path, O_PATH | flags2, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
  }
  /**
   * A descriptor to mount on: what is at `path`, made as `kind` when it is missing (the targets of dangling links too).
   * The kernel refuses to mount a file on a directory, and the other way round.
   */
  mountPoint(path, kind) {
    return this.open(path) ?? this.create(path, kind);
  }
  isOnProcfs(fd) {
    return this.sys.filesystemType(fd) === PROC_SUPER_MAGIC;
  }
  create(path, kind) {
    const todo = names3(path);
    const trail = [{ fd: this.fd, path: "" }];
    let links2 = 0;
    for (let name = todo.shift(); name !== void 0; name = todo.shift()) {
      const parent = trail.at(-1);
      if (name === "..") {
        if (trail.length > 1) trail.pop();
        continue;
      }
      const here = `${parent.path}/${name}`;
      const found = this.sys.findat2(parent.fd, name, O_PATH | O_NOFOLLOW, RESOLVE_NO_MAGICLINKS);
      if (found === void 0) {
        trail.push({
          fd: this.make(parent.fd, name, here, todo.length === 0 ? kind : "directory"),
          path: here
        });
      } else if ((this.sys.statAt(found, "").mode & S_IFMT) === S_IFLNK) {
        const target = this.linkTarget(found, here, ++links2);
        todo.unshift(...names3(target));
        if (target.startsWith("/")) trail.splice(1);
      } else trail.push({ fd: found, path: here });
    }
    return trail.at(-1).fd;
  }
  make(directory, name, path, kind) {
    if (kind === "directory") this.sys.mkdirat(directory, name, 493);
    else this.sys.openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 420);
    if (this.isInRoot(directory)) this.stubs.push(path);
    return this.sys.openat(directory, name, O_PATH | O_NOFOLLOW | (kind === "directory" ? O_DIRECTORY : 0));
  }
  /** In its own file system, and not in one that is mounted in it. */
  isInRoot(directory) {
    this.rootDevice ??= this.sys.statAt(this.fd, "").device;
    const { device } = this.sys.statAt(directory, "");
    return device.major === this.rootDevice.major && device.minor === this.rootDevice.minor;
  }
  linkTarget(fd, path, links2) {
    if (this.isOnProcfs(fd))
      throw new SandboxError(
        "REFUSED",
        path,
        `Cannot follow "${path}": links of procfs lead out of the root`
      );
    if (links2 > MOST_LINKS)
      throw new SandboxError("REFUSED", path, `Cannot resolve "${path}": too many levels of symbolic links`);
    return this.sys.readlink(fd);
  }
};
var names3 = (path) => path.split("/").filter((name) => name !== "" && name !== ".");

// src/sandbox/devices.ts
import { basename, dirname as dirname2 } from "node:path";
var DEFAULT_DEVICES = [
  ["null", 1, 3],
  ["zero", 1, 5],
  ["full", 1, 7],
  ["random", 1, 8],
  ["urandom", 1, 9],
  ["tty", 5, 0]
].map(([name, major, minor]) => ({ path: `/dev/${name}`, type: "c", major, minor, fileMode: 438 }));
var links = [
  ["/proc/self/fd", "fd"],
  ["/proc/self/fd/0", "stdin"],
  ["/proc/self/fd/1", "stdout"],
  ["/proc/self/fd/2", "stderr"],
  ["/proc/kcore", "core"],
  ["pts/ptmx", "ptmx"]
];
var types = { c: S_IFCHR, b: S_IFBLK, p: S_IFIFO };
function planDevice({
  path,
  type,
  major,
  minor,
  fileMode = 438,
  uid = 0,
  gid = 0
}) {
  return { path, mode: types[type] | fileMode & 4095, major, minor, uid, gid };
}
function prepareDevices(root2, scratch, sys2) {
  if (root2.allDevices) return root2.devices.map((device) => ({ device, mount: void 0 }));
  return root2.devices.map((device, index) => ({
    device,
    mount: nodeMount(device, `node${index}`, scratch, sys2)
  }));
}
function nodeMount(device, name, scratch, sys2) {
  return attempt(device.path, `make device "${device.path}"`, () => {
    const mount = ownNode(device, name, scratch, sys2) ?? hostNode(device, sys2);
    sys2.mountSetattr(mount, { set: MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC, clear: MOUNT_ATTR_NODEV }, false);
    return mount;
  });
}
function ownNode(device, name, scratch, sys2) {
  try {
    makeNode(device, scratch, name, sys2);
  } catch (error) {
    if (failedWith(error, "EPERM")) return void 0;
    throw error;
  }
  return sys2.openTree(scratch, name, OPEN_TREE_CLONE);
}
function hostNode({ path, mode, major, minor }, sys2) {
  const mount = sys2.openTree(AT_FDCWD, path, OPEN_TREE_CLONE);
  const { mode: found, rdev } = sys2.statAt(mount, "");
  if ((found & S_IFMT) === (mode & S_IFMT) && rdev.major === major && rdev.minor === minor) return mount;
  throw new SandboxError("REFUSED", path, `Cannot give device "${path}": the host's node is another device`);
}
function makeNode({ mode, major, minor, uid, gid }, directory, name, sys2) {
  sys2.mknodat(directory, name, mode, major, minor);
  if (uid === 0 && gid === 0) return;
  const node = sys2.openat(directory, name, O_PATH | O_NOFOLLOW);
  sys2.fchown(node, uid, gid);
}
function attachDevices(nodes, tree, sys2) {
  for (const { device, mount } of nodes) {
    attempt(device.path, `make device "${device.path}"`, () => {
      if (mount === void 0) {
        const directory = tree.mountPoint(dirname2(device.path), "directory");
        makeNode(device, directory, basename(device.path), sys2);
        return;
      }
      const target = tree.mountPoint(device.path, "file");
      sys2.moveMount(mount, target);
    });
  }
}
function linkDevices(tree, sys2) {
  const directory = tree.openPlain("/dev", O_DIRECTORY);
  if (directory === void 0) return;
  for (const [target, name] of links) sys2.symlinkat(target, directory, name);
}

// src/sandbox/filesystem.ts
function newFilesystem(type, parameters3, attributes2, what, sys2) {
  const context = kernelSays(what, void 0, sys2, () => sys2.fsopen(type));
  for (const [key, value] of parameters3)
    kernelSays(
      `${what} with "${value === void 0 ? key : `${key}=${value}`}"`,
      context,
      sys2,
      () => sys2.fsconfig(context, key, value)
    );
  return makeFilesystem(context, attributes2, what, sys2);
}
function makeFilesystem(context, attributes2, what, sys2) {
  return kernelSays(what, context, sys2, () => sys2.fsmount(context, attributes2));
}
function kernelSays(what, context, sys2, action) {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const words3 = context === void 0 ? "" : sys2.fsMessages(context);
    const reason2 = errnoMessage(error.code) + (words3 === "" ? "" : ` (${words3})`);
    throw new SandboxError("SYSTEM", what, `Cannot mount ${what}: ${reason2}`, { cause: error });
  }
}

// src/sandbox/masks.ts
var DEFAULT_MASKED_PATHS = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/sys/devices/virtual/powercap",
  "/sys/firmware"
];
var DEFAULT_READONLY_PATHS = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger"
];
function protectPaths(paths, tree, sys2) {
  for (const path of paths) {
    attempt(path, `make "${path}" read-only`, () => {
      const target = tree.open(path);
      if (target === void 0) return;
      const copy = sys2.openTree(target, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE);
      sys2.mountSetattr(copy, { set: MOUNT_ATTR_RDONLY, clear: 0 }, true);
      sys2.moveMount(copy, target);
    });
  }
}
function maskPaths(paths, tree, sys2) {
  const covers = new Covers(tree, sys2);
  for (const path of paths) {
    attempt(path, `mask "${path}"`, () => {
      const target = tree.open(path);
      if (target === void 0) return;
      const isDirectory2 = (sys2.statAt(target, "").mode & S_IFMT) === S_IFDIR;
      const cover = isDirectory2 ? covers.directory() : covers.file();
      sys2.moveMount(cover, target);
    });
  }
}
var Covers = class {
  constructor(tree, sys2) {
    this.tree = tree;
    this.sys = sys2;
  }
  tree;
  sys;
  nullDevice;
  emptyDirectory;
  file() {
    this.nullDevice ??= this.openNull();
    return this.sys.openTree(this.nullDevice, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  }
  directory() {
    if (this.emptyDirectory !== void 0)
      return this.sys.openTree(this.emptyDirectory, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
    const first = newFilesystem("tmpfs", [["size", "0"]], MOUNT_ATTR_RDONLY, "a mask", this.sys);
    this.emptyDirectory = this.sys.openTree(first, "", AT_EMPTY_PATH);
    return first;
  }
  /** Whatever an image or a volume has at /dev/null must be the null device before it stands for "nothing". */
  openNull() {
    const fd = attempt(
      "/dev/null",
      "mask paths by /dev/null of the container",
      () => this.tree.openPlain("/dev/null"),
      "REFUSED"
    );
    if (fd !== void 0) {
      const { mode, rdev } = this.sys.statAt(fd, "");
      if ((mode & S_IFMT) === S_IFCHR && rdev.major === 1 && rdev.minor === 3) return fd;
    }
    throw new SandboxError(
      "REFUSED",
      "/dev/null",
      "Cannot mask paths: /dev/null of the container is not the null device"
    );
  }
};

// src/sandbox/mounts.ts
import { basename as basename2 } from "node:path";
var CONTAINED = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
function makeMount(plan2, sys2) {
  const { make } = plan2;
  if (make.kind === "bind") return makeBind(plan2, make, sys2);
  if (make.kind === "filesystem") {
    const what = `${make.type} at "${plan2.destination}"`;
    return {
      plan: plan2,
      fd: newFilesystem(make.type, make.parameters, plan2.set, what, sys2),
      kind: "directory",
      below: []
    };
  }
  const fd = newFilesystem("tmpfs", [["mode", "755"]], CONTAINED, `tmpfs at "${plan2.destination}"`, sys2);
  const below = make.hierarchies.map((hierarchy) => ({
    hierarchy,
    fd: newFilesystem("cgroup", hierarchy.parameters, plan2.set, `cgroup "${hierarchy.directory}"`, sys2)
  }));
  return { plan: plan2, fd, kind: "directory", below };
}
function makeBind(plan2, { source, recursive }, sys2) {
  return attempt(source, `mount "${source}" at "${plan2.destination}"`, () => {
    const fd = sys2.openTree(AT_FDCWD, source, OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0));
    setBindAttributes(fd, plan2, sys2);
    const kind = (sys2.statAt(fd, "").mode & S_IFMT) === S_IFDIR ? "directory" : "file";
    return { plan: plan2, fd, kind, below: [] };
  });
}
function setBindAttributes(fd, { set, clear, clearBelow }, sys2) {
  const accessTime = clear & MOUNT_ATTR__ATIME;
  if ((set | accessTime) !== 0) sys2.mountSetattr(fd, { set, clear: accessTime }, true);
  const loosened = clear & ~MOUNT_ATTR__ATIME;
  if (loosened !== 0) sys2.mountSetattr(fd, { set: 0, clear: loosened }, clearBelow);
}
var KERNEL_DIRECTORY = /^\/(proc|sys|dev)(\/|$)/;
var PROC_FILES = new Set(
  ["cpuinfo", "diskstats", "loadavg", "meminfo", "slabinfo", "stat", "swaps", "uptime"].map((name) => `/proc/${name}`).concat("/proc/sys/kernel/ns_last_pid", "/proc/sys/crypto/fips_enabled")
);
function attachMount(mount, tree, sys2) {
  const { destination } = mount.plan;
  attempt(destination, `mount at "${destination}"`, () => {
    const target = targetOf(mount, tree);
    sys2.moveMount(mount.fd, target);
    if (mount.below.length > 0) attachBelow(mount, sys2);
  });
}
function targetOf({ plan: plan2, kind, fd }, tree) {
  const { destination } = plan2;
  if (destination === "/proc" && tree.isOnProcfs(fd)) return plainDirectory(destination, tree);
  if (plan2.make.kind !== "bind" && KERNEL_DIRECTORY.test(destination))
    return plainDirectory(destination, tree);
  const target = tree.mountPoint(destination, kind);
  if (destination === "/proc" || tree.isOnProcfs(target) && !PROC_FILES.has(destination))
    throw new SandboxError(
      "REFUSED",
      destination,
      `Cannot mount at "${destination}": it would cover files of procfs`
    );
  return target;
}
function plainDirectory(path, tree) {
  try {
    const found = tree.openPlain(path, O_DIRECTORY);
    if (found !== void 0) return found;
  } catch {
    throw new SandboxError("REFUSED", path, `Cannot mount at "${path}": it is a symbolic link in the image`);
  }
  return tree.mountPoint(path, "directory");
}
function attachBelow({ fd, below }, sys2) {
  for (const { hierarchy, fd: mount } of below) {
    sys2.mkdirat(fd, hierarchy.directory, 493);
    const target = sys2.openat(fd, hierarchy.directory, O_PATH | O_DIRECTORY);
    sys2.moveMount(mount, target);
    for (const link of hierarchy.links) sys2.symlinkat(basename2(hierarchy.directory), fd, link);
  }
  sys2.mountSetattr(fd, { set: MOUNT_ATTR_RDONLY, clear: 0 }, false);
}

// src/sandbox/overlay.ts
import { dirname as dirname3, relative } from "node:path";
var MOST_LAYERS = 500;
var LONGEST_OPTIONS = 4095;
var always = [
  ["index", "off"],
  ["metacopy", "off"],
  ["redirect_dir", "off"]
];
function mountOverlay(overlay, target, targetFd, sys2) {
  if (overlay.lower.length > MOST_LAYERS)
    throw new SandboxError(
      "REFUSED",
      target,
      `Cannot mount a root of ${overlay.lower.length} layers: the kernel takes ${MOST_LAYERS}`
    );
  if (!mountByLayer(overlay, targetFd, sys2)) mountByOptions(overlay, target, sys2);
}
function mountByLayer(overlay, target, sys2) {
  const context = sys2.fsopen("overlay");
  if (!addLayers(context, overlay.lower, sys2)) return false;
  for (const [key, value] of parameters2(overlay)) sys2.fsconfig(context, key, value);
  sys2.moveMount(makeFilesystem(context, 0, "the root", sys2), target);
  return true;
}
function parameters2({ upper, work, volatile }) {
  return [
    ...upper === void 0 ? [] : [["upperdir", upper]],
    ...work === void 0 ? [] : [["workdir", work]],
    ...always,
    ...volatile === true ? [["volatile"]] : []
  ];
}
function addLayers(context, lower, sys2) {
  try {
    for (const layer of lower.toReversed()) sys2.fsconfig(context, "lowerdir+", layer);
    return true;
  } catch (error) {
    if (failedWith(error, "EINVAL")) return false;
    throw error;
  }
}
function mountByOptions(overlay, target, sys2) {
  const base = commonDirectory(overlay.lower);
  const lower = overlay.lower.toReversed().map((layer) => escapeColons(relative(base, layer)));
  const options = [["lowerdir", lower.join(":")], ...parameters2(overlay)].map(([key, value]) => value === void 0 ? key : `${key}=${value.replaceAll(",", "\\,")}`).join(",");
  if (Buffer.byteLength(options) > LONGEST_OPTIONS)
    throw new SandboxError(
      "REFUSED",
      target,
      `Cannot mount a root of ${overlay.lower.length} layers: this kernel takes their names in one page; 6.8 has no such limit`
    );
  sys2.chdir(base);
  attempt("/", "mount the root", () => sys2.mount("overlay", target, "overlay", 0, options));
}
var escapeColons = (path) => path.replaceAll("\\", "\\\\").replaceAll(":", "\\:");
function commonDirectory(paths) {
  let common = dirname3(paths[0]);
  while (!paths.every((path) => path.startsWith(common === "/" ? "/" : `${common}/`)))
    common = dirname3(common);
  return common;
}

// src/sandbox/rootfs.ts
var SCRATCH = "/proc";
function enterRoot(root2, sys2) {
  sys2.mount(null, "/", null, MS_REC | MS_PRIVATE, null);
  const mounts = root2.mounts.map((mount) => makeMount(mount, sys2));
  const scratch = mountScratch(sys2);
  const rootFd = mountRoot(root2, scratch, sys2);
  const files = prepareFiles(root2.files, scratch, sys2);
  const devices = prepareDevices(root2, scratch, sys2);
  pivot(rootFd, sys2);
  const tree = new RootTree(sys2, rootFd);
  attachAll(root2, tree, mounts, devices, files, sys2);
  protectPaths(root2.readonlyPaths, tree, sys2);
  maskPaths(root2.maskedPaths, tree, sys2);
  return tree;
}
function sealRoot(root2, tree, sys2) {
  const set = (root2.readonly ? MOUNT_ATTR_RDONLY : 0) | (root2.allDevices ? 0 : MOUNT_ATTR_NODEV);
  if (set !== 0) sys2.mountSetattr(tree.fd, { set, clear: 0 }, false);
}
function mountScratch(sys2) {
  const scratch = newFilesystem("tmpfs", [["mode", "0700"]], 0, "a private tmpfs", sys2);
  const over = sys2.open(SCRATCH, O_PATH | O_DIRECTORY);
  sys2.moveMount(scratch, over);
  return scratch;
}
function mountRoot({ source }, scratch, sys2) {
  sys2.mkdirat(scratch, "root", 448);
  const target = sys2.openat(scratch, "root", O_PATH | O_DIRECTORY);
  if (source.kind === "directory") bindRoot(source.path, target, true, sys2);
  else if (source.overlay.lower.length === 0) bindRoot(source.overlay.upper ?? "", target, false, sys2);
  else mountOverlay(withUpper(source.overlay, scratch, sys2), `${SCRATCH}/root`, target, sys2);
  return sys2.openat(scratch, "root", O_PATH | O_DIRECTORY);
}
function bindRoot(path, target, recursive, sys2) {
  const mount = attempt(
    path,
    `open the root "${path}"`,
    () => sys2.openTree(AT_FDCWD, path, OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0))
  );
  sys2.moveMount(mount, target);
}
function withUpper(overlay, scratch, sys2) {
  if (overlay.upper !== void 0) return overlay;
  for (const name of ["upper", "work"]) sys2.mkdirat(scratch, name, 493);
  return { ...overlay, upper: `${SCRATCH}/upper`, work: `${SCRATCH}/work` };
}
function prepareFiles(files, scratch, sys2) {
  return files.map((file, index) => {
    const name = `file${index}`;
    const fd = sys2.openat(scratch, name, O_CREAT | O_EXCL | O_WRONLY, file.mode);
    for (let rest = file.content; rest.length > 0; ) rest = rest.subarray(sys2.write(fd, rest));
    sys2.fchown(fd, file.uid, file.gid);
    sys2.close(fd);
    const mount = sys2.openTree(scratch, name, OPEN_TREE_CLONE);
    const set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (file.readonly ? MOUNT_ATTR_RDONLY : 0);
    sys2.mountSetattr(mount, { set, clear: 0 }, false);
    return mount;
  });
}
function pivot(rootFd, sys2) {
  sys2.fchdir(rootFd);
  sys2.pivotRoot(".", ".");
  sys2.umount2(".", MNT_DETACH);
  sys2.chdir("/");
}
function attachAll(root2, tree, mounts, devices, files, sys2) {
  const isDev = ({ plan: plan2 }) => plan2.destination === "/dev" && plan2.make.kind === "filesystem";
  const ownDev = mounts.some(isDev);
  for (const mount of mounts) attachMount(mount, tree, sys2);
  if (ownDev) {
    attachDevices(devices, tree, sys2);
    linkDevices(tree, sys2);
  }
  root2.files.forEach(({ destination }, index) => {
    attempt(destination, `mount "${destination}"`, () => {
      const target = tree.mountPoint(destination, "file");
      sys2.moveMount(files[index], target);
    });
  });
}

// src/sandbox/terminal.ts
function windowSize(rows, columns) {
  return new Uint8Array(Uint16Array.of(rows, columns, 0, 0).buffer);
}
function openTerminal({ rows, columns }, uid, tree, handOver, sys2) {
  const master = sys2.openat2(tree.fd, "dev/pts/ptmx", O_RDWR | O_NOCTTY, RESOLVE_NO_SYMLINKS);
  if (sys2.filesystemType(master) !== DEVPTS_SUPER_MAGIC)
    throw new SandboxError(
      "REFUSED",
      "/dev/pts/ptmx",
      "Cannot open a terminal: /dev/pts of the container is not devpts"
    );
  sys2.ioctl(master, TIOCSPTLCK, new Uint8Array(4));
  sys2.ioctl(master, TIOCSWINSZ, windowSize(rows, columns));
  const slave = sys2.ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
  sys2.fchown(slave, uid, 5);
  handOver(master);
  sys2.close(master);
  sys2.ioctl(slave, TIOCSCTTY, 0);
  for (const stream of [0, 1, 2]) sys2.dup2(slave, stream);
  bindConsole(slave, tree, sys2);
  sys2.close(slave);
}
function bindConsole(slave, tree, sys2) {
  const console2 = tree.mountPoint("/dev/console", "file");
  const mount = sys2.openTree(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  sys2.moveMount(mount, console2);
}

// src/sandbox/working-directory.ts
function enterWorkingDirectory(cwd, tree, sys2) {
  try {
    const fd = tree.open(cwd, O_DIRECTORY);
    if (fd === void 0) throw chdirError(cwd, "no such file or directory", "NOT_FOUND");
    sys2.fchdir(fd);
    sys2.close(fd);
  } catch (error) {
    if (failedWith(error, "EACCES", "EPERM")) return false;
    if (failedWith(error, "ELOOP"))
      throw chdirError(cwd, "it leads through a link of procfs, or through too many links", "REFUSED");
    if (error instanceof SyscallError) throw chdirError(cwd, errnoMessage(error.code), "BAD_SPEC");
    throw error;
  }
  const reached = sys2.getcwd();
  if (!reached.startsWith("/"))
    throw chdirError(cwd, `it is outside of the container ("${reached}")`, "REFUSED");
  return true;
}
function chdirError(cwd, reason2, code) {
  return new SandboxError(code, cwd, `Cannot change to working directory "${cwd}": ${reason2}`);
}

// src/sandbox/enter.ts
function enter(plan2, parent, sys2) {
  dieWithParent(parent, sys2);
  sys2.resetSignals();
  sys2.setsid();
  sys2.umask(0);
  const proc = openProc(sys2);
  joinCgroups(plan2.cgroupFiles, sys2);
  enterNamespaces(plan2.namespaces, sys2);
  applySettings(plan2, proc, sys2);
  const tree = plan2.root === void 0 ? new RootTree(sys2, sys2.open("/", O_PATH | O_DIRECTORY)) : enterRoot(plan2.root, sys2);
  wireStreams(plan2, parent, tree, sys2);
  if (plan2.root !== void 0) sealRoot(plan2.root, tree, sys2);
  const { process: process2 } = plan2;
  const there = enterWorkingDirectory(process2.cwd, tree, sys2);
  becomeUser(process2, sys2);
  if (!there && !enterWorkingDirectory(process2.cwd, tree, sys2))
    throw chdirError(process2.cwd, "permission denied", "BAD_SPEC");
  dieIfOrphaned(parent);
  const path = findExecutable(process2.args[0] ?? "", process2.env, sys2);
  refuseOwnProgram(path, tree, sys2);
  confine(process2, sys2);
  return { path, stubs: tree.stubs };
}
function dieWithParent(parent, sys2) {
  sys2.prctl(PR_SET_PDEATHSIG, SIGKILL);
  dieIfOrphaned(parent);
}
function dieIfOrphaned(parent) {
  if (parent.isGone())
    throw new SandboxError("SYSTEM", "parent", "Cannot start a container: its parent has ended");
}
function joinCgroups(files, sys2) {
  for (const file of files) {
    attempt(file, `join control group "${file}"`, () => {
      const fd = sys2.openat(AT_FDCWD, file, O_WRONLY);
      sys2.write(fd, Buffer.from("0"));
      sys2.close(fd);
    });
  }
}
function enterNamespaces({ join: join5, unshare }, sys2) {
  const opened = join5.map(({ type, flag, path }) => ({
    type,
    flag,
    fd: attempt(path, `open ${type} namespace "${path}"`, () => sys2.open(path, 0))
  }));
  if (opened.length > 0) sys2.unshare(CLONE_FS);
  for (const { type, flag, fd } of opened) {
    attempt(type, `join ${type} namespace`, () => sys2.setns(fd, flag));
    sys2.close(fd);
  }
  if (unshare !== 0) attempt("namespaces", "make namespaces", () => sys2.unshare(unshare));
}
function wireStreams(plan2, parent, tree, sys2) {
  const { terminal, process: process2 } = plan2;
  if (terminal !== void 0)
    attempt(
      "terminal",
      "open a terminal",
      () => openTerminal(terminal, process2.uid, tree, (master) => parent.takeTerminal(master), sys2)
    );
  else if (plan2.ownPipes && process2.uid !== 0) {
    for (const stream of [0, 1, 2])
      if ((sys2.statAt(stream, "").mode & S_IFMT) === S_IFIFO) sys2.fchown(stream, process2.uid, process2.gid);
  }
}

// src/sandbox/standard-streams.ts
function takeStreams(streams, sys2) {
  const copies = streams.map((fd) => sys2.duplicate(fd));
  copies.forEach((fd, stream) => {
    sys2.dup2(fd, stream);
    sys2.close(fd);
  });
}

// src/sandbox/vfork.ts
var KOFFI_VERSION = "3.3.4";
var UC_LINK = 8;
var SS_SP = 16;
var SS_SIZE = 32;
var UCONTEXT_BYTES = 8192;
var JS_STACK_BYTES = 256n * 1024n;
var PLAIN_STACK_BYTES = 16n * 1024n;
var PATH_MAX2 = 4096;
var SIGSET_BYTES = 128;
var SIG_SETMASK = 2;
var starter;
function vforkStarter() {
  starter ??= createStarter(koffi());
  return starter;
}
function vforkObstacle() {
  if (process.arch !== "x64" && process.arch !== "arm64") return `it is not known on ${process.arch}`;
  const { version } = koffi();
  if (version !== KOFFI_VERSION) return `it needs koffi ${KOFFI_VERSION}, not ${version}`;
  const options = [...process.execArgv, process.env.NODE_OPTIONS ?? ""].join(" ");
  return options.includes("--inspect") ? "a debugger may be attached" : void 0;
}
function createStarter(library) {
  const libc2 = bind(library);
  const nested = callStackAddress(library);
  let setUp = () => {
  };
  const callback = library.register(
    () => {
      setUp();
      return 0;
    },
    library.pointer(library.proto("int", ["void *"]))
  );
  const stacks = Buffer.alloc(Number(PLAIN_STACK_BYTES) * 4 + 16);
  const stack = (index) => alignDown(library.address(stacks) + PLAIN_STACK_BYTES * BigInt(index + 1) + 15n);
  const context = (top, size, entry, args, link) => {
    const made3 = Buffer.alloc(UCONTEXT_BYTES);
    libc2.getcontext(made3);
    made3.writeBigUInt64LE(link, UC_LINK);
    made3.writeBigUInt64LE(top - size, SS_SP);
    made3.writeBigUInt64LE(size, SS_SIZE);
    libc2.makecontext(made3, entry, args.length, args[0] ?? 0n, args[1] ?? 0n, args[2] ?? 0n);
    return made3;
  };
  return {
    start({ flags: flags2, args, env, setUp: given }) {
      const path = Buffer.alloc(PATH_MAX2);
      const vectors = [pointers(args), pointers(env)];
      const [argv, envp] = vectors.map(({ vector }) => library.address(vector));
      let failure;
      setUp = () => {
        try {
          path.write(`${given()}\0`);
        } catch (error) {
          failure = error ?? new Error("the set-up failed");
          path[0] = 0;
        }
      };
      const mask2 = Buffer.alloc(SIGSET_BYTES);
      libc2.sigmask(SIG_SETMASK, Buffer.alloc(SIGSET_BYTES), mask2);
      const failed = Buffer.alloc(1);
      const exit = context(stack(0), PLAIN_STACK_BYTES, libc2.exit, [127n], 0n);
      const tell = context(
        stack(1),
        PLAIN_STACK_BYTES,
        libc2.memset,
        [library.address(failed), 1n, 1n],
        library.address(exit)
      );
      const exec = context(
        stack(2),
        PLAIN_STACK_BYTES,
        libc2.execve,
        [library.address(path), argv, envp],
        library.address(tell)
      );
      libc2.sigmask(SIG_SETMASK, Buffer.alloc(SIGSET_BYTES, 255), null);
      const js = context(
        alignDown(nested - JS_STACK_BYTES),
        JS_STACK_BYTES,
        callback,
        [0n],
        library.address(exec)
      );
      const pid = libc2.clone(libc2.setcontext, stack(3), CLONE_VM | CLONE_VFORK | SIGCHLD | flags2, js);
      const errno = library.errno();
      libc2.sigmask(SIG_SETMASK, mask2, null);
      held.value = [path, vectors, failed, exit, tell, exec, js, stacks];
      if (pid < 0) throw new SyscallError("clone", errno);
      return { pid, failure: failure ?? (failed[0] === 0 ? void 0 : new SyscallError("execve", errno)) };
    }
  };
}
var held = { value: void 0 };
var alignDown = (address) => address & ~15n;
function bind(library) {
  const libc2 = library.load(null);
  const address = (name) => {
    const symbol = libc2.symbol(name);
    return typeof symbol === "bigint" ? symbol : library.address(symbol);
  };
  const pointer = "void *";
  return {
    getcontext: libc2.func("getcontext", "int", [pointer]),
    makecontext: libc2.func("makecontext", "void", [pointer, pointer, "int", "int64", "int64", "int64"]),
    clone: libc2.func("clone", "int", [pointer, pointer, "int", pointer]),
    sigmask: libc2.func("pthread_sigmask", "int", ["int", pointer, pointer]),
    setcontext: address("setcontext"),
    execve: address("execve"),
    memset: address("memset"),
    exit: address("_exit")
  };
}
function callStackAddress(library) {
  let found = 0n;
  const pointer = library.pointer(library.proto("int", ["void *", "size_t", "void *"]));
  const callback = library.register((info) => {
    found = info;
    return 1;
  }, pointer);
  library.load(null).func("dl_iterate_phdr", "int", ["void *", "void *"])(callback, null);
  library.unregister(callback);
  return found;
}

// src/sandbox/start-vfork.ts
var startByVfork = async (plan2, streams, sys2) => {
  const channel = openChannel(sys2);
  let entered;
  try {
    const { pid, failure } = inPidNamespace(
      plan2.namespaces.pid,
      true,
      sys2,
      () => unreadable(
        sys2,
        () => vforkStarter().start({
          flags: plan2.namespaces.pid === "new" ? CLONE_NEWPID : 0,
          args: plan2.process.args,
          env: plan2.process.env,
          setUp: () => {
            sys2.close(channel.ours);
            if (streams !== void 0) takeStreams(streams, sys2);
            entered = enter(plan2, parentSide(channel.theirs, sys2), sys2);
            return entered.path;
          }
        })
      )
    );
    const child = watchChild(pid, sys2);
    if (failure !== void 0) {
      await child.ended;
      throw failure instanceof SyscallError && entered !== void 0 ? execFailure(entered.path, failure) : failure;
    }
    return { child, stubs: entered?.stubs ?? [], terminal: terminalFrom(channel.ours, plan2, sys2) };
  } finally {
    sys2.close(channel.ours);
    sys2.close(channel.theirs);
  }
};
function parentSide(socket, sys2) {
  return {
    isGone: () => parentIsGone(socket, sys2),
    takeTerminal: (master) => send(socket, { kind: "terminal" }, sys2, master)
  };
}
function terminalFrom(socket, plan2, sys2) {
  if (plan2.terminal === void 0) return void 0;
  const received = receive(socket, sys2);
  return typeof received === "string" ? void 0 : received.fd;
}
function unreadable(sys2, start) {
  sys2.prctl(PR_SET_DUMPABLE, 0);
  try {
    return start();
  } finally {
    sys2.prctl(PR_SET_DUMPABLE, 1);
  }
}

// src/sandbox/mechanism.ts
var problem;
function vforkProblem() {
  problem ??= tryVfork(libc());
  return problem;
}
async function chooseMechanism(wanted, amongOthers) {
  if (wanted === "reexec" || wanted === "auto" && amongOthers) return startByReexec;
  const why = await vforkProblem();
  if (why === void 0) return startByVfork;
  if (wanted === "auto") return startByReexec;
  throw new SandboxError("REFUSED", "vfork", `Cannot start containers by vfork: ${why}`);
}
async function tryVfork(sys2) {
  const obstacle = vforkObstacle();
  if (obstacle !== void 0) return obstacle;
  try {
    let ran;
    const { pid, failure } = vforkStarter().start({
      flags: 0,
      args: [""],
      env: [],
      setUp: () => {
        ran = Array.from({ length: 100 }, (_, index) => ({ index }));
        return "";
      }
    });
    const status = await watchChild(pid, sys2).ended;
    const asExpected = failure instanceof SyscallError && failure.code === "ENOENT" && status === 127 << 8;
    return ran !== void 0 && asExpected ? void 0 : `its self-test ended with status ${status}`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

// src/sandbox/plan-start.ts
import { posix } from "node:path";

// src/sandbox/mount-options.ts
var attributes = {
  ro: { set: MOUNT_ATTR_RDONLY },
  rw: { clear: MOUNT_ATTR_RDONLY },
  nosuid: { set: MOUNT_ATTR_NOSUID },
  suid: { clear: MOUNT_ATTR_NOSUID },
  nodev: { set: MOUNT_ATTR_NODEV },
  dev: { clear: MOUNT_ATTR_NODEV },
  noexec: { set: MOUNT_ATTR_NOEXEC },
  exec: { clear: MOUNT_ATTR_NOEXEC },
  nodiratime: { set: MOUNT_ATTR_NODIRATIME },
  diratime: { clear: MOUNT_ATTR_NODIRATIME },
  nosymfollow: { set: MOUNT_ATTR_NOSYMFOLLOW },
  symfollow: { clear: MOUNT_ATTR_NOSYMFOLLOW },
  // The access time modes are one field, of which relatime is the value 0.
  relatime: { clear: MOUNT_ATTR__ATIME },
  noatime: { set: MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR__ATIME },
  strictatime: { set: MOUNT_ATTR_STRICTATIME, clear: MOUNT_ATTR__ATIME }
};
var withoutEffect = /* @__PURE__ */ new Set(["defaults", "private", "rprivate", "async", "norelatime", "atime"]);
var propagation = /^r?(shared|slave|unbindable)$/;
function parseMountOptions(options, destination) {
  let set = 0;
  let clear = 0;
  let bind2 = "no";
  let recursiveAttributes = false;
  const parameters3 = [];
  for (const option of options) {
    const recursive = option.startsWith("r") ? attributes[option.slice(1)] : void 0;
    const change = attributes[option] ?? recursive;
    if (change !== void 0) {
      set = set & ~(change.clear ?? 0) | (change.set ?? 0);
      clear = clear & ~(change.set ?? 0) | (change.clear ?? 0);
      recursiveAttributes ||= attributes[option] === void 0;
    } else if (option === "bind" || option === "rbind") bind2 = option;
    else if (propagation.test(option)) refusePropagation(option, destination);
    else if (!withoutEffect.has(option)) parameters3.push(parameter(option));
  }
  return { set, clear, bind: bind2, recursiveAttributes, parameters: parameters3 };
}
function parameter(option) {
  const equals = option.indexOf("=");
  return equals === -1 ? [option] : [option.slice(0, equals), option.slice(equals + 1)];
}
function refusePropagation(option, destination) {
  throw new SandboxError(
    "REFUSED",
    destination,
    `Cannot mount at "${destination}" with "${option}": mounts of a container are always private to it`
  );
}

// src/sandbox/namespaces.ts
var flags = {
  ipc: CLONE_NEWIPC,
  uts: CLONE_NEWUTS,
  network: CLONE_NEWNET,
  cgroup: CLONE_NEWCGROUP,
  mount: CLONE_NEWNS
};
var isJoinable = (type) => Object.hasOwn(flags, type);
function planNamespaces(namespaces) {
  const seen = /* @__PURE__ */ new Map();
  for (const namespace of namespaces) {
    if (namespace.type !== "pid" && !isJoinable(namespace.type)) throw unsupported(namespace.type);
    if (seen.has(namespace.type)) throw bad(namespace.type, "it is named twice");
    seen.set(namespace.type, namespace);
  }
  if (!seen.has("mount")) throw bad("mount", "a container needs a mount namespace of its own");
  const pid = seen.get("pid");
  const types2 = Object.keys(flags);
  return {
    pid: pid === void 0 ? void 0 : pid.path === void 0 ? "new" : { path: pid.path },
    unshare: types2.reduce((bits, type) => isNew(seen.get(type)) ? bits | flags[type] : bits, 0),
    join: types2.flatMap((type) => {
      const path = seen.get(type)?.path;
      return path === void 0 ? [] : [{ type, flag: flags[type], path }];
    })
  };
}
var isNew = (namespace) => namespace !== void 0 && namespace.path === void 0;
function unsupported(type) {
  return bad(type, "start the whole program in one instead");
}
function bad(type, reason2) {
  return new SandboxError("BAD_SPEC", type, `Cannot use ${type} namespace: ${reason2}`);
}

// src/sandbox/rlimits.ts
var resources = [
  "CPU",
  "FSIZE",
  "DATA",
  "STACK",
  "CORE",
  "RSS",
  "NPROC",
  "NOFILE",
  "MEMLOCK",
  "AS",
  "LOCKS",
  "SIGPENDING",
  "MSGQUEUE",
  "NICE",
  "RTPRIO",
  "RTTIME"
];
var UNLIMITED = -1n;
var LARGEST = 2 ** 53;
function planRlimits(rlimits) {
  return rlimits.map(({ type, soft, hard }) => {
    const resource = resources.indexOf(type.replace(/^RLIMIT_/, ""));
    if (resource === -1)
      throw new SandboxError("BAD_SPEC", type, `Cannot set limit "${type}": there is none of that name`);
    return { resource, soft: limit(soft, type), hard: limit(hard, type) };
  });
}
function limit(value, type) {
  if (value === -1 || value >= LARGEST) return UNLIMITED;
  if (Number.isInteger(value) && value >= 0) return BigInt(value);
  throw new SandboxError(
    "BAD_SPEC",
    type,
    `Cannot set limit "${type}" to ${value}: it must be a whole number`
  );
}

// src/sandbox/seccomp.ts
import { constants as constants4 } from "node:os";

// src/sandbox/bpf.ts
var NR = 0;
var ARCH = 4;
var argumentLow = (index) => 16 + 8 * index;
var argumentHigh = (index) => 20 + 8 * index;
var LD_W_ABS = 32;
var ALU_AND_K = 84;
var JA = 5;
var RET_K = 6;
var JEQ = 21;
var JGT = 37;
var JGE = 53;
var MOST_INSTRUCTIONS = 4096;
var LONGEST_SKIP = 255;
var load = (offset) => ({ code: LD_W_ABS, jt: 0, jf: 0, k: offset });
var and = (mask2) => ({ code: ALU_AND_K, jt: 0, jf: 0, k: mask2 });
var ret = (value) => ({ code: RET_K, jt: 0, jf: 0, k: value });
var skip = (count2) => ({ code: JA, jt: 0, jf: 0, k: count2 });
function test(code, k, jt, jf) {
  if (jt > LONGEST_SKIP || jf > LONGEST_SKIP)
    throw new Error(`Cannot skip ${Math.max(jt, jf)} BPF instructions`);
  return { code, jt, jf, k };
}
function branch(code, k, yes, no) {
  if (no.length <= LONGEST_SKIP) return [test(code, k, no.length, 0), ...no, ...yes];
  return [test(code, k, 0, 1), skip(no.length), ...no, ...yes];
}
function encode(program) {
  if (program.length > MOST_INSTRUCTIONS)
    throw new Error(
      `Cannot load a filter of ${program.length} instructions: ${MOST_INSTRUCTIONS} are allowed`
    );
  const bytes = Buffer.alloc(program.length * 8);
  program.forEach(({ code, jt, jf, k }, index) => {
    bytes.writeUInt16LE(code, index * 8);
    bytes.writeUInt8(jt, index * 8 + 2);
    bytes.writeUInt8(jf, index * 8 + 3);
    bytes.writeUInt32LE(k >>> 0, index * 8 + 4);
  });
  return bytes;
}

// src/sandbox/seccomp-arguments.ts
var MOST_IN_GROUP = 200;
function firstMatch(alternatives, otherwise) {
  const unconditional = alternatives.findIndex(({ tests }) => tests.length === 0);
  const reachable = unconditional === -1 ? alternatives : alternatives.slice(0, unconditional);
  const last = unconditional === -1 ? otherwise : alternatives[unconditional].value;
  return [...groupEqual(reachable).flatMap(whenAny), ret(last)];
}
function groupEqual(alternatives) {
  const groups = [];
  for (const alternative of alternatives) {
    const group = groups.at(-1);
    if (group !== void 0 && alike(group[0], alternative)) group.push(alternative);
    else groups.push([alternative]);
  }
  return groups;
}
function alike(one, other) {
  const [a, b] = [one.tests[0], other.tests[0]];
  const single = one.tests.length === 1 && other.tests.length === 1 && one.value === other.value;
  return single && isSmallEqual(a) && isSmallEqual(b) && a.index === b.index;
}
var isSmallEqual = ({ op, value }) => op === "SCMP_CMP_EQ" && halves(value).high === 0;
function whenAny(group) {
  const [first] = group;
  if (group.length === 1 || group.length > MOST_IN_GROUP) return group.flatMap(when);
  const index = checkedIndex(first.tests[0].index);
  const tests = group.map(
    ({ tests: [one] }, position) => test(JEQ, halves(one.value).low, group.length - 1 - position, position === group.length - 1 ? 1 : 0)
  );
  const low = [load(argumentLow(index)), ...tests, ret(first.value)];
  return [load(argumentHigh(index)), test(JEQ, 0, 0, low.length), ...low];
}
function when({ tests, value }) {
  return tests.reduceRight((rest, one) => compare(one, rest), [ret(value)]);
}
function compare({ index, op, value, valueTwo = 0 }, rest) {
  const low = load(argumentLow(checkedIndex(index)));
  const high = load(argumentHigh(index));
  const v = halves(value);
  const n = rest.length;
  switch (op) {
    case "SCMP_CMP_EQ":
      return [high, test(JEQ, v.high, 0, n + 2), low, test(JEQ, v.low, 0, n), ...rest];
    case "SCMP_CMP_NE":
      return [high, test(JEQ, v.high, 0, 2), low, test(JEQ, v.low, n, 0), ...rest];
    case "SCMP_CMP_GT":
      return [
        high,
        test(JGT, v.high, 3, 0),
        test(JEQ, v.high, 0, n + 2),
        low,
        test(JGT, v.low, 0, n),
        ...rest
      ];
    case "SCMP_CMP_GE":
      return [
        high,
        test(JGT, v.high, 3, 0),
        test(JEQ, v.high, 0, n + 2),
        low,
        test(JGE, v.low, 0, n),
        ...rest
      ];
    case "SCMP_CMP_LT":
      return [
        high,
        test(JGT, v.high, n + 3, 0),
        test(JEQ, v.high, 0, 2),
        low,
        test(JGE, v.low, n, 0),
        ...rest
      ];
    case "SCMP_CMP_LE":
      return [
        high,
        test(JGT, v.high, n + 3, 0),
        test(JEQ, v.high, 0, 2),
        low,
        test(JGT, v.low, n, 0),
        ...rest
      ];
    case "SCMP_CMP_MASKED_EQ": {
      const left = halves(valueTwo);
      const upper = [high, and(v.high), test(JEQ, left.high, 0, n + 3)];
      return [...upper, low, and(v.low), test(JEQ, left.low, 0, n), ...rest];
    }
    default:
      throw new SandboxError(
        "BAD_SPEC",
        op,
        `Cannot use seccomp comparison "${op}": there is none of that name`
      );
  }
}
function checkedIndex(index) {
  if (Number.isInteger(index) && index >= 0 && index <= 5) return index;
  throw new SandboxError(
    "BAD_SPEC",
    "seccomp",
    `Cannot test argument ${index}: a system call has arguments 0 to 5`
  );
}
function halves(value) {
  const bits = BigInt.asUintN(64, BigInt(value));
  return { high: Number(bits >> 32n), low: Number(bits & 0xffffffffn) };
}

// src/sandbox/seccomp.ts
var audit = { x64: 3221225534, ia32: 1073741827, arm64: 3221225655 };
var architectures = {
  SCMP_ARCH_X86_64: "x64",
  SCMP_ARCH_X86: "ia32",
  SCMP_ARCH_AARCH64: "arm64"
};
var RET_KILL_PROCESS = 2147483648;
var RET_ERRNO = 327680;
var { EPERM, ENOSYS } = constants4.errno;
var actions = {
  SCMP_ACT_KILL: 0,
  SCMP_ACT_KILL_THREAD: 0,
  SCMP_ACT_KILL_PROCESS: RET_KILL_PROCESS,
  SCMP_ACT_TRAP: 196608,
  SCMP_ACT_ERRNO: RET_ERRNO,
  SCMP_ACT_TRACE: 2146435072,
  SCMP_ACT_LOG: 2147221504,
  SCMP_ACT_ALLOW: 2147418112
};
var flagBits = {
  SECCOMP_FILTER_FLAG_TSYNC: 0,
  // there is one thread
  SECCOMP_FILTER_FLAG_LOG: 2,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW: 4
};
var compiled = /* @__PURE__ */ new WeakMap();
function compileSeccomp(seccomp) {
  let result = compiled.get(seccomp);
  if (result === void 0) {
    result = { program: encode(compile(seccomp)), flags: filterFlags(seccomp.flags) };
    compiled.set(seccomp, result);
  }
  return result;
}
function compile(seccomp) {
  const wanted = (seccomp.architectures ?? []).flatMap((name) => architectures[name] ?? []);
  const abis = new Set([nativeAbi(), ...wanted].filter((abi) => abi !== "ia32" || process.arch === "x64"));
  const native = [...abis].filter((abi) => abi === process.arch || abi === "ia32");
  const perAbi = native.map((abi) => ({ abi, body: [load(NR), ...search(ranges(seccomp, abi))] }));
  const checked = perAbi.reduceRight(
    (otherwise, { abi, body }) => branch(JEQ, audit[abi], body, otherwise),
    [ret(RET_KILL_PROCESS)]
  );
  return [load(ARCH), ...checked];
}
function ranges(seccomp, abi) {
  const rules = rulesByNumber(seccomp, abi);
  const otherwise = returned(seccomp.defaultAction, seccomp.defaultErrnoRet);
  const found = [];
  let simple;
  const last = Math.max(-1, ...rules.keys());
  for (let number = 0; number <= last; number++) {
    const code = firstMatch(rules.get(number) ?? [], otherwise);
    const action = code.length === 1 ? code[0].k : void 0;
    if (action === void 0 || action !== simple) found.push({ from: number, code });
    simple = action;
  }
  const isErrno = (otherwise & 2147418112) === RET_ERRNO;
  found.push({ from: last + 1, code: [ret(isErrno ? RET_ERRNO | ENOSYS : otherwise)] });
  return found;
}
function rulesByNumber(seccomp, abi) {
  const numbers = syscallNumbers(abi);
  const rules = /* @__PURE__ */ new Map();
  for (const rule of seccomp.syscalls ?? []) {
    const alternatives = alternativesOf(rule);
    for (const name of rule.names) {
      const number = numbers.get(name);
      if (number !== void 0) rules.set(number, [...rules.get(number) ?? [], ...alternatives]);
    }
  }
  return rules;
}
function alternativesOf({ action, errnoRet, args = [] }) {
  const value = returned(action, errnoRet);
  const indexes = new Set(args.map(({ index }) => index));
  if (indexes.size === args.length) return [{ tests: args, value }];
  return args.map((argument) => ({ tests: [argument], value }));
}
function search(list) {
  if (list.length === 1) return list[0].code;
  const middle = list.length >> 1;
  return branch(JGE, list[middle].from, search(list.slice(middle)), search(list.slice(0, middle)));
}
function returned(action, errno = EPERM) {
  const value = actions[action];
  if (value === void 0)
    throw new SandboxError("BAD_SPEC", action, `Cannot use seccomp action "${action}": it is not supported`);
  return action === "SCMP_ACT_ERRNO" || action === "SCMP_ACT_TRACE" ? value | errno & 65535 : value;
}
function filterFlags(flags2 = ["SECCOMP_FILTER_FLAG_SPEC_ALLOW"]) {
  return flags2.reduce((bits, flag) => {
    const bit = flagBits[flag];
    if (bit === void 0)
      throw new SandboxError("BAD_SPEC", flag, `Cannot use seccomp flag "${flag}": it is not supported`);
    return bits | bit;
  }, 0);
}

// src/sandbox/plan-start.ts
function planStart(spec, options, facts) {
  const namespaces = planNamespaces(spec.linux.namespaces);
  const { hostname, domainname } = spec;
  const joinsMounts = (namespaces.unshare & CLONE_NEWNS) === 0;
  return {
    namespaces,
    cgroupFiles: facts.cgroupFiles,
    root: joinsMounts ? void 0 : planRoot(spec, options, facts),
    ...hostname === void 0 ? {} : { hostname },
    ...domainname === void 0 ? {} : { domainname },
    sysctls: planSysctls(spec.linux.sysctl ?? {}, namespaces),
    process: planProcess(spec, facts.capabilities),
    ...options.stdio.kind === "terminal" ? { terminal: { rows: options.stdio.rows, columns: options.stdio.columns } } : {},
    ownPipes: options.stdio.kind !== "terminal"
  };
}
function planRoot(spec, { overlay, files = [] }, facts) {
  const { devices = [], resources: resources2, maskedPaths = [], readonlyPaths = [] } = spec.linux;
  const allDevices = facts.devicesGuarded || allowsAllDevices(resources2);
  return {
    source: overlay === void 0 ? { kind: "directory", path: spec.root.path } : { kind: "overlay", overlay },
    readonly: spec.root.readonly === true || overlay !== void 0 && overlay.upper === void 0,
    mounts: spec.mounts.map((mount) => planMount(mount, allDevices, facts)),
    files: files.map(planFile2),
    devices: mergeDevices(devices).map(planDevice),
    allDevices,
    maskedPaths,
    readonlyPaths
  };
}
function mergeDevices(devices) {
  return [...new Map([...DEFAULT_DEVICES, ...devices].map((device) => [device.path, device])).values()];
}
function allowsAllDevices(resources2) {
  const last = resources2?.devices?.findLast(
    ({ type, major }) => (type ?? "a") === "a" && major === void 0
  );
  return last?.allow === true && (last.access ?? "rwm") === "rwm";
}
var holdsDevices = (type) => type === "devpts";
function planMount(mount, allDevices, facts) {
  const destination = posix.resolve("/", mount.destination);
  if (destination === "/") throw badMount(mount.destination, "the root is not a mount point");
  const { set, clear, bind: bind2, recursiveAttributes, parameters: parameters3 } = parseMountOptions(
    mount.options ?? [],
    destination
  );
  const type = mount.type ?? "bind";
  const isBind = bind2 !== "no" || type === "bind";
  const contained = allDevices || !isBind && holdsDevices(type) ? 0 : MOUNT_ATTR_NODEV;
  const attributes2 = { set: set | contained, clear: clear & ~contained, clearBelow: recursiveAttributes };
  if (isBind) return { destination, make: planBind(mount, bind2 !== "bind", parameters3), ...attributes2 };
  if (type !== "cgroup")
    return { destination, make: { kind: "filesystem", type, parameters: parameters3 }, ...attributes2 };
  if (facts.cgroups.version === 2)
    return { destination, make: { kind: "filesystem", type: "cgroup2", parameters: [] }, ...attributes2 };
  const hierarchies = facts.cgroups.hierarchies.filter(({ path }) => joined(path, facts.cgroupFiles));
  return { destination, make: { kind: "cgroup1", hierarchies }, ...attributes2 };
}
var joined = (hierarchy, files) => files.some((file) => file.startsWith(`${hierarchy}/`));
function planBind(mount, recursive, parameters3) {
  const { source, destination } = mount;
  if (source === void 0 || !source.startsWith("/"))
    throw badMount(destination, "a bind mount needs an absolute source");
  if (parameters3.length > 0) throw badMount(destination, `option "${parameters3[0].join("=")}" is not known`);
  return { kind: "bind", source, recursive };
}
function planFile2(file) {
  return {
    destination: posix.resolve("/", file.path),
    content: typeof file.content === "string" ? Buffer.from(file.content) : file.content,
    mode: file.mode,
    uid: file.uid ?? 0,
    gid: file.gid ?? 0,
    readonly: file.readonly
  };
}
function planProcess({ process: spec, linux }, available) {
  const { user, args, env, cwd, oomScoreAdj } = spec;
  if (args.length === 0)
    throw new SandboxError("BAD_SPEC", "args", "Cannot start a container: no command is given");
  if (!cwd.startsWith("/"))
    throw new SandboxError("BAD_SPEC", cwd, `Cannot start in "${cwd}": a working directory is absolute`);
  return {
    args,
    env: env.filter((entry) => entry.indexOf("=") > 0),
    cwd,
    uid: id(user.uid),
    gid: id(user.gid),
    additionalGids: (user.additionalGids ?? []).map(id),
    umask: user.umask ?? 18,
    rlimits: planRlimits(spec.rlimits ?? []),
    ...oomScoreAdj === void 0 ? {} : { oomScoreAdj },
    capabilities: capabilityMasks(spec.capabilities, available),
    noNewPrivileges: spec.noNewPrivileges === true,
    ...linux.seccomp === void 0 ? {} : { seccomp: compileSeccomp(linux.seccomp) }
  };
}
var LARGEST_ID = 4294967294;
function id(value) {
  if (Number.isInteger(value) && value >= 0 && value <= LARGEST_ID) return value;
  throw new SandboxError("BAD_SPEC", String(value), `Cannot use id ${value}: ids are 0 to ${LARGEST_ID}`);
}
var ipcSettings = /^(fs\.mqueue\..+|kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced))$/;
function planSysctls(sysctl, { unshare, join: join5 }) {
  const own = (flag) => (unshare & flag) !== 0 || join5.some((namespace) => namespace.flag === flag);
  return Object.entries(sysctl).map(([given, value]) => {
    const name = given.replaceAll("/", ".");
    const allowed = ipcSettings.test(name) && own(CLONE_NEWIPC) || name.startsWith("net.") && own(CLONE_NEWNET) || name === "kernel.domainname" && own(CLONE_NEWUTS);
    if (allowed && !name.includes("..")) return [name.replaceAll(".", "/"), value];
    throw new SandboxError(
      "REFUSED",
      given,
      `Cannot set sysctl "${given}": it is not of a namespace of the container`
    );
  });
}
function badMount(destination, reason2) {
  return new SandboxError("BAD_SPEC", destination, `Cannot mount at "${destination}": ${reason2}`);
}

// src/sandbox/pty.ts
import { Duplex } from "node:stream";
async function openMaster(fd) {
  const { ReadStream } = await import("node:tty");
  const master = new ReadStream(fd);
  const stream = new Duplex({
    read: () => {
      master.resume();
    },
    write: (chunk, _encoding, done) => {
      master.write(chunk, () => done());
    },
    final: (done) => done(),
    // the end of input is a character (^D), which only the writer can mean
    destroy: (error, done) => {
      master.destroy();
      done(error);
    },
    autoDestroy: true
  });
  master.on("data", (chunk) => {
    if (!stream.push(chunk)) master.pause();
  });
  master.on("error", () => end(stream));
  master.on("close", () => end(stream));
  master.pause();
  return stream;
}
function end(stream) {
  if (stream.readableEnded || stream.destroyed) return;
  stream.push(null);
  stream.end();
}

// src/sandbox/streams.ts
function wireStreams2(stdio, sys2) {
  if (stdio.kind === "pipes") return wirePipes(stdio.stdin === "pipe", sys2);
  const nothing = () => {
  };
  const child = stdio.kind === "fds" ? [stdio.stdin, stdio.stdout, stdio.stderr] : void 0;
  return { child, closeChildEnds: nothing, abandon: nothing, open: openTerminal2 };
}
async function openTerminal2(master) {
  if (master === void 0) return { drained: Promise.resolve() };
  const terminal = await openMaster(master);
  return { terminal, drained: closed(terminal) };
}
function wirePipes(wantsInput, sys2) {
  const input = wantsInput ? sys2.pipe() : void 0;
  const stdin = input?.[0] ?? sys2.open("/dev/null", O_RDONLY);
  const output = sys2.pipe();
  const errors = sys2.pipe();
  const ours = [...input === void 0 ? [] : [input[1]], output[0], errors[0]];
  return {
    child: [stdin, output[1], errors[1]],
    closeChildEnds: () => closeAll([stdin, output[1], errors[1]], sys2),
    abandon: () => closeAll(ours, sys2),
    open: async () => {
      const { Socket } = await import("node:net");
      const reader = (fd) => new Socket({ fd, readable: true, writable: false });
      const stdout = reader(output[0]);
      const stderr = reader(errors[0]);
      const drained = Promise.all([closed(stdout), closed(stderr)]).then(() => {
      });
      if (input === void 0) return { stdout, stderr, drained };
      const writer = new Socket({ fd: input[1], readable: false, writable: true });
      writer.on("error", () => {
      });
      return { stdin: writer, stdout, stderr, drained };
    }
  };
}
var closed = (stream) => new Promise((resolve) => stream.once("close", resolve));
function closeAll(fds, sys2) {
  for (const fd of fds) sys2.close(fd);
}

// src/sandbox/launch.ts
async function launch(spec, options) {
  const sys2 = libc();
  const amongOthers = spec.linux.namespaces.some(({ type, path }) => type === "pid" && path !== void 0);
  const start = await chooseMechanism(options.mechanism ?? "auto", amongOthers);
  const cgroup = createCgroup(spec.linux);
  const wiring = wireStreams2(options.stdio, sys2);
  let started;
  try {
    started = await start(plan(spec, options, cgroup, sys2), wiring.child, sys2);
  } catch (error) {
    wiring.abandon();
    await cgroup?.remove();
    throw error;
  } finally {
    wiring.closeChildEnds();
  }
  const streams = await wiring.open(started.terminal);
  return running(started, streams, cgroup, sys2);
}
function plan(spec, options, cgroup, sys2) {
  return planStart(spec, options, {
    capabilities: sys2.capget().permitted,
    cgroups: cgroupHost(),
    cgroupFiles: cgroup?.joinFiles ?? [],
    devicesGuarded: cgroup?.guardsDevices ?? false
  });
}
function running({ child, stubs, terminal }, { drained, ...streams }, cgroup, sys2) {
  const status = finish(child.ended, drained, cgroup);
  status.catch(() => {
  });
  return {
    pid: child.pid,
    ...streams,
    stubs,
    kill: (signal) => child.kill(signal),
    resize: (rows, columns) => {
      if (terminal !== void 0 && streams.terminal?.destroyed === false)
        sys2.ioctl(terminal, TIOCSWINSZ, windowSize(rows, columns));
    },
    wait: () => status
  };
}
async function finish(ended, drained, cgroup) {
  const status = decodeStatus(await ended);
  const oomKilled = (cgroup?.oomKills() ?? 0) > 0;
  await drained;
  await cgroup?.remove();
  return { ...status, oomKilled };
}

// test/support/busybox-rootfs.ts
import {
  copyFileSync,
  existsSync,
  mkdirSync as mkdirSync2,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync as writeFileSync2
} from "node:fs";
import { tmpdir } from "node:os";
import { join as join4 } from "node:path";
var programs = "sh cat ls id env true false sleep mount umount mknod chmod rm mkdir touch grep readlink stat test head dd stty hostname ps kill wc find echo ln cp tr unshare".split(
  " "
);
var busybox = ["/usr/bin/busybox", "/bin/busybox"].find((path) => existsSync(path));
var rootfsProblem = busybox === void 0 ? "there is no static busybox" : process.getuid?.() === 0 ? void 0 : "this is not root";
function makeBusyboxRoot() {
  const base = mkdtempSync(join4(tmpdir(), "tsbuild-root-"));
  const layer = join4(base, "layer");
  for (const directory of ["bin", "etc", "tmp", "root"])
    mkdirSync2(join4(layer, directory), { recursive: true });
  copyFileSync(busybox, join4(layer, "bin/busybox"));
  for (const name of programs) symlinkSync("busybox", join4(layer, "bin", name));
  writeFileSync2(join4(layer, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  let next2 = 0;
  return {
    base,
    layer,
    overlay: () => {
      const [upper, work] = [join4(base, `upper${next2}`), join4(base, `work${next2}`)];
      next2 += 1;
      mkdirSync2(upper);
      mkdirSync2(work);
      return { lower: [layer], upper, work, volatile: true };
    },
    remove: () => rmSync(base, { recursive: true, force: true })
  };
}

// src/sandbox/seccomp-default.ts
var withheld = words2(`
  _sysctl add_key afs_syscall bdflush break create_module file_getattr file_setattr ftime get_kernel_syms getpmsg gtty
  idle io_uring_enter io_uring_register io_uring_setup kexec_file_load kexec_load keyctl listns lock migrate_pages
  move_pages mpx nfsservctl nice oldfstat oldlstat oldolduname oldstat olduname open_tree_attr pivot_root prof profil
  putpmsg query_module readdir request_key security sgetmask sigaction signal sigpending sigsuspend ssetmask stty
  swapoff swapon sysfs tuxcall ulimit uprobe uselib userfaultfd ustat vm86 vm86old vserver
`);
var byCapability = [
  ["CAP_DAC_READ_SEARCH", words2("open_by_handle_at")],
  [
    "CAP_SYS_ADMIN",
    words2(`
      bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr lsm_list_modules
      lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open quotactl quotactl_fd setdomainname
      sethostname setns syslog umount umount2 unshare
    `)
  ],
  ["CAP_SYS_BOOT", words2("reboot")],
  ["CAP_SYS_CHROOT", words2("chroot")],
  ["CAP_SYS_MODULE", words2("delete_module finit_module init_module")],
  ["CAP_SYS_PACCT", words2("acct")],
  ["CAP_SYS_PTRACE", words2("kcmp pidfd_getfd process_madvise")],
  ["CAP_SYS_RAWIO", words2("ioperm iopl")],
  ["CAP_SYS_TIME", words2("clock_settime clock_settime64 settimeofday stime")],
  ["CAP_SYS_TTY_CONFIG", words2("vhangup")],
  ["CAP_SYS_NICE", words2("get_mempolicy mbind set_mempolicy set_mempolicy_home_node")],
  ["CAP_SYSLOG", words2("syslog")],
  ["CAP_BPF", words2("bpf")],
  ["CAP_PERFMON", words2("perf_event_open")]
];
var NEW_NAMESPACES = 2114060288;
var ENOSYS2 = 38;
var refusedFamilies = [12, 19, 20, 23, 25, 34, 37, 38, 40];
var LAST_FAMILY = 45;
var personalities = [0, 8, 131072, 131080, 4294967295];
var made2 = /* @__PURE__ */ new Map();
function defaultSeccomp(capabilities) {
  const held2 = new Set(capabilities);
  const key = byCapability.map(([capability]) => held2.has(capability) ? "1" : "0").join("");
  let seccomp = made2.get(key);
  if (seccomp === void 0) {
    seccomp = makeSeccomp(held2);
    made2.set(key, seccomp);
  }
  return seccomp;
}
function makeSeccomp(held2) {
  const abis = nativeAbi() === "x64" ? ["x64", "ia32"] : ["arm64"];
  const known2 = new Set(abis.flatMap((abi) => [...syscallNumbers(abi).keys()]));
  const granted = new Set(byCapability.flatMap(([capability, calls2]) => held2.has(capability) ? calls2 : []));
  const special = /* @__PURE__ */ new Set([
    ...withheld,
    ...byCapability.flatMap(([, calls2]) => calls2),
    "socket",
    "personality"
  ]);
  const allowed = [...known2].filter((name) => !special.has(name) || granted.has(name));
  return {
    defaultAction: "SCMP_ACT_ERRNO",
    defaultErrnoRet: 1,
    architectures: nativeAbi() === "x64" ? ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"] : ["SCMP_ARCH_AARCH64"],
    syscalls: [
      allow(allowed),
      ...sockets(),
      ...personalities.map(allowPersonality),
      ...newProcesses(granted)
    ]
  };
}
function sockets() {
  const families = Array.from({ length: LAST_FAMILY + 1 }, (_, family) => family);
  return families.filter((family) => !refusedFamilies.includes(family)).map((value) => allow(["socket"], [{ index: 0, value, op: "SCMP_CMP_EQ" }]));
}
var allowPersonality = (value) => allow(["personality"], [{ index: 0, value, op: "SCMP_CMP_EQ" }]);
function newProcesses(granted) {
  if (granted.has("clone")) return [];
  return [
    allow(["clone"], [{ index: 0, value: NEW_NAMESPACES, valueTwo: 0, op: "SCMP_CMP_MASKED_EQ" }]),
    { names: ["clone3"], action: "SCMP_ACT_ERRNO", errnoRet: ENOSYS2 }
  ];
}
function allow(names4, args = []) {
  return { names: names4, action: "SCMP_ACT_ALLOW", ...args.length === 0 ? {} : { args } };
}
function words2(text) {
  return text.trim().split(/\s+/);
}

// src/sandbox/defaults.ts
function defaultMounts({
  shmSize = 64 * 1024 * 1024
} = {}) {
  const mount = (type, destination, options) => ({
    destination,
    type,
    source: type,
    options: options.split(",")
  });
  return [
    mount("proc", "/proc", "nosuid,noexec,nodev"),
    mount("tmpfs", "/dev", "nosuid,strictatime,mode=755,size=65536k"),
    mount("devpts", "/dev/pts", "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620,gid=5"),
    mount("sysfs", "/sys", "nosuid,noexec,nodev,ro"),
    mount("cgroup", "/sys/fs/cgroup", "ro,nosuid,noexec,nodev"),
    mount("mqueue", "/dev/mqueue", "nosuid,noexec,nodev"),
    mount("tmpfs", "/dev/shm", `nosuid,noexec,nodev,mode=1777,size=${shmSize}`)
  ];
}
var DEFAULT_NAMESPACES = ["mount", "pid", "uts", "ipc", "network", "cgroup"].map((type) => ({ type }));
function capabilitySets(capabilities, uid) {
  const own = uid === 0 ? capabilities : [];
  return { bounding: capabilities, permitted: own, effective: own, inheritable: [], ambient: [] };
}
function defaultConfinement(capabilities = DEFAULT_CAPABILITIES) {
  return {
    seccomp: defaultSeccomp(capabilities),
    maskedPaths: DEFAULT_MASKED_PATHS,
    readonlyPaths: DEFAULT_READONLY_PATHS
  };
}

// test/support/specs.ts
function shellSpec(script, changes = {}) {
  const uid = changes.process?.user?.uid ?? 0;
  return {
    ociVersion: "1.2.0",
    process: {
      user: { uid: 0, gid: 0 },
      args: ["sh", "-c", script],
      env: ["PATH=/usr/bin:/bin"],
      cwd: "/",
      capabilities: capabilitySets(DEFAULT_CAPABILITIES, uid),
      ...changes.process
    },
    root: { path: "/nonexistent", ...changes.root },
    hostname: changes.hostname ?? "box",
    mounts: changes.mounts ?? defaultMounts(),
    linux: { namespaces: DEFAULT_NAMESPACES, ...defaultConfinement(), ...changes.linux }
  };
}

// test/tmp/marks.ts
import { openSync } from "node:fs";
var root = makeBusyboxRoot();
var sys = libc();
var calls = /* @__PURE__ */ new Map();
for (const k of Object.keys(sys)) {
  const f = sys[k];
  sys[k] = (...a) => {
    const t = process.hrtime.bigint();
    try {
      return f(...a);
    } finally {
      const d = Number(process.hrtime.bigint() - t) / 1e6;
      calls.set(k, (calls.get(k) ?? 0) + d);
      count.set(k, (count.get(k) ?? 0) + 1);
    }
  };
}
var count = /* @__PURE__ */ new Map();
var nul = openSync("/dev/null", "r+");
var N = 100;
var tot = 0n;
for (let i = 0; i < N + 20; i++) {
  if (i === 20) {
    calls.clear();
    count.clear();
    tot = 0n;
  }
  const overlay = root.overlay();
  const t = process.hrtime.bigint();
  const r = await launch(shellSpec("", { process: { args: ["true"] } }), { overlay, mechanism: "vfork", stdio: { kind: "fds", stdin: nul, stdout: nul, stderr: nul } });
  tot += process.hrtime.bigint() - t;
  await r.wait();
}
console.log("launch avg", Number(tot) / 1e6 / N);
for (const [k, v] of [...calls].sort((a, b) => b[1] - a[1])) console.log(k.padEnd(20), (v / N).toFixed(3), "ms", (count.get(k) / N).toFixed(1));
root.remove();
process.exit();
