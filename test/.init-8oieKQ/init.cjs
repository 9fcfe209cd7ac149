const __moduleUrl=require('node:url').pathToFileURL(__filename).href;
"use strict";

// src/sandbox/init.ts
var import_node_fs2 = require("node:fs");
var import_node_v82 = require("node:v8");

// src/linux/errno.ts
var import_node_os = require("node:os");
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
  if (names.size === 0) for (const [name, number] of Object.entries(import_node_os.constants.errno)) names.set(number, name);
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

// src/linux/constants.ts
var import_node_fs = require("node:fs");
var AT_FDCWD = -100;
var AT_SYMLINK_NOFOLLOW = 256;
var AT_EMPTY_PATH = 4096;
var AT_RECURSIVE = 32768;
var O_PATH = 2097152;
var O_CLOEXEC = 524288;
var { O_CREAT, O_DIRECTORY, O_EXCL, O_NOCTTY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR, O_WRONLY } = import_node_fs.constants;
var S_IFMT = 61440;
var S_IFDIR = 16384;
var S_IFCHR = 8192;
var S_IFIFO = 4096;
var S_IFLNK = 40960;
var RESOLVE_NO_MAGICLINKS = 2;
var RESOLVE_NO_SYMLINKS = 4;
var RESOLVE_IN_ROOT = 16;
var CLONE_FS = 512;
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
var PROC_SUPER_MAGIC = 40864;
var DEVPTS_SUPER_MAGIC = 7377;
var PR_SET_PDEATHSIG = 1;
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
var AF_INET = 2;
var SOCK_DGRAM = 2;
var SOCK_CLOEXEC = O_CLOEXEC;
var CLOSE_RANGE_CLOEXEC = 4;
var SIGKILL = 9;
var WNOHANG = 1;

// src/linux/file-calls.ts
var STATX_BASIC_STATS = 2047;
var PATH_MAX = 4096;
var F_DUPFD_CLOEXEC = 1030;
var MFD_CLOEXEC = 1;
function fileCalls(invoke) {
  return {
    open: (path, flags, mode = 0) => invoke("openat", AT_FDCWD, path, flags | O_CLOEXEC, mode),
    openat: (directory, path, flags, mode = 0) => invoke("openat", directory, path, flags | O_CLOEXEC, mode),
    openat2: (directory, path, flags, resolve) => {
      const how = Buffer.alloc(24);
      how.writeBigUInt64LE(BigInt(flags | O_CLOEXEC), 0);
      how.writeBigUInt64LE(BigInt(resolve), 16);
      return invoke("openat2", directory, path, how, how.length);
    },
    close: (fd) => {
      invoke("close", fd);
    },
    closeRange: (first, flags) => {
      invoke("close_range", first, 4294967295, flags);
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
      const flags = AT_SYMLINK_NOFOLLOW | (path === "" ? AT_EMPTY_PATH : 0);
      invoke("statx", directory, path, flags, STATX_BASIC_STATS, status);
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
var import_node_module = require("node:module");
var import_node_path = require("node:path");
var loaded;
function koffi() {
  loaded ??= loadAddon() ?? (0, import_node_module.createRequire)(__moduleUrl)("koffi");
  return loaded;
}
function loadAddon() {
  const libc2 = isMusl() ? "musl" : "linux";
  try {
    const manifest = (0, import_node_module.createRequire)(__moduleUrl).resolve(
      `@koromix/koffi-linux-${process.arch}/package.json`
    );
    const addon = { exports: {} };
    process.dlopen(addon, (0, import_node_path.join)((0, import_node_path.dirname)(manifest), `${libc2}_${process.arch}`, "koffi.node"));
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
  let next = 0;
  for (const word2 of text.trim().split(/\s+/)) {
    const jump = Number(word2);
    if (Number.isNaN(jump)) numbers.set(word2, next++);
    else next = jump;
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
  return (name, ...given) => {
    const number = numbers.get(name);
    if (number === void 0) throw new Error(`Cannot call "${name}": it does not exist on this architecture`);
    const passed = given.map((argument) => typeof argument === "string" ? cString(argument) : argument);
    inUse.arguments = passed;
    const words = [0, 1, 2, 3, 4, 5].map((index) => word(library, passed[index]));
    const result = Number(raw(number, ...words));
    if (result === -1) throw new SyscallError(name, library.errno());
    return result;
  };
}
function cString(text) {
  if (text.includes("\0")) throw new Error(`Cannot pass ${JSON.stringify(text)} to the kernel: it holds a NUL`);
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
    mount: (source, target, type, flags, data) => {
      invoke("mount", source, target, type, flags, data);
    },
    umount2: (target, flags) => {
      invoke("umount2", target, flags);
    },
    pivotRoot: (newRoot, putOld) => {
      invoke("pivot_root", newRoot, putOld);
    },
    openTree: (directory, path, flags) => invoke("open_tree", directory, path, flags | O_CLOEXEC),
    moveMount: (mount, target) => {
      invoke("move_mount", mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
    },
    mountSetattr: (mount, { set, clear }, recursive) => {
      const attributes = Buffer.alloc(32);
      attributes.writeBigUInt64LE(BigInt(set), 0);
      attributes.writeBigUInt64LE(BigInt(clear), 8);
      invoke("mount_setattr", mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), attributes, 32);
    },
    fsopen: (type) => invoke("fsopen", type, FSOPEN_CLOEXEC),
    fsconfig: (context, key, value) => {
      const command = value === void 0 ? FSCONFIG_SET_FLAG : FSCONFIG_SET_STRING;
      invoke("fsconfig", context, command, key, value ?? null, 0);
    },
    fsmount: (context, attributes) => {
      invoke("fsconfig", context, FSCONFIG_CMD_CREATE, null, null, 0);
      return invoke("fsmount", context, FSMOUNT_CLOEXEC, attributes);
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
var NSIG = 64;
var UNBLOCKABLE = [9, 19];
function processCalls(invoke) {
  return {
    umask: (mask) => {
      invoke("umask", mask);
    },
    setsid: () => {
      invoke("setsid");
    },
    unshare: (flags) => {
      invoke("unshare", flags);
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
      const limit = Buffer.alloc(16);
      limit.writeBigUInt64LE(BigInt.asUintN(64, soft), 0);
      limit.writeBigUInt64LE(BigInt.asUintN(64, hard), 8);
      invoke("prlimit64", 0, resource, limit, null);
    },
    seccompSetFilter: (program, flags) => {
      const header = Buffer.alloc(16);
      header.writeUInt16LE(program.length / 8, 0);
      header.writeBigUInt64LE(koffi().address(program), 8);
      inUse.indirect = program;
      invoke("seccomp", SECCOMP_SET_MODE_FILTER, flags, header);
    },
    resetSignals: () => {
      const byDefault = Buffer.alloc(32);
      for (let signal = 1; signal <= NSIG; signal++)
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

// src/sandbox/channel.ts
var import_node_v8 = require("node:v8");

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

// src/sandbox/channel.ts
function send(socket, message, sys2, fd) {
  sys2.sendmsg(socket, (0, import_node_v8.serialize)(message), fd);
}
function failureMessage(error) {
  if (error instanceof SandboxError)
    return { kind: "failed", code: error.code, subject: error.subject, message: error.message };
  return { kind: "failed", code: "SYSTEM", subject: "init", message: error instanceof Error ? error.message : String(error) };
}
function parentIsGone(socket, sys2) {
  return sys2.pollNow(socket, 0);
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
var CAP_SYS_ADMIN = 1n << 21n;
var CAP_SYS_RESOURCE = 1n << 24n;

// src/sandbox/failure.ts
function attempt(subject, what, action, code = "SYSTEM") {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    throw new SandboxError(code, subject, `Cannot ${what}: ${errnoMessage(error.code)}`, { cause: error });
  }
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
function setAmbient(mask, sys2) {
  sys2.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);
  for (let capability = 0; capability < 64; capability++)
    if (mask >> BigInt(capability) & 1n) sys2.prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, capability);
}

// src/sandbox/executable.ts
var X_OK = 1;
function findExecutable(command, env, sys2) {
  if (command.includes("/")) {
    const problem = whyNotExecutable(command, sys2);
    if (problem !== void 0) throw problem;
    return command;
  }
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  for (const directory of path.split(":").filter((entry) => entry.startsWith("/"))) {
    const candidate = `${directory}/${command}`;
    if (command !== "" && whyNotExecutable(candidate, sys2) === void 0) return candidate;
  }
  throw new SandboxError("NOT_FOUND", command, `exec: ${quoted(command)}: executable file not found in $PATH`);
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
    return new SandboxError(error.code === "ENOENT" ? "NOT_FOUND" : "NOT_EXECUTABLE", path, text, { cause: error });
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
function execFailure(path, error) {
  const code = error.code === "ENOENT" ? "NOT_FOUND" : "NOT_EXECUTABLE";
  return new SandboxError(code, path, `exec ${path}: ${errnoMessage(error.code)}`, { cause: error });
}
function notExecutable(path, reason) {
  return new SandboxError("NOT_EXECUTABLE", path, `exec: ${quoted(path)}: ${reason}`);
}
var quoted = (text) => JSON.stringify(text);

// src/sandbox/kernel-settings.ts
function openProc(sys2) {
  const proc = sys2.open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (sys2.filesystemType(proc) !== PROC_SUPER_MAGIC)
    throw new SandboxError("SYSTEM", "/proc", "Cannot start a container: /proc of this system is not procfs");
  return proc;
}
function applySettings(plan, proc, sys2) {
  const { hostname, domainname } = plan;
  if ((plan.namespaces.unshare & CLONE_NEWNET) !== 0) bringUpLoopback(sys2);
  if (hostname !== void 0) attempt(hostname, `set host name "${hostname}"`, () => sys2.sethostname(hostname));
  if (domainname !== void 0)
    attempt(domainname, `set domain name "${domainname}"`, () => sys2.setdomainname(domainname));
  for (const [path, value] of plan.sysctls)
    attempt(path, `set sysctl "${path}" to "${value}"`, () => writeProc(proc, `sys/${path}`, value, sys2));
  const { oomScoreAdj } = plan.process;
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
    this.rootDevice = sys2.statAt(fd, "").device;
  }
  sys;
  fd;
  /** Mount points that had to be made in the root's own file system, in order. */
  stubs = [];
  rootDevice;
  /** An O_PATH descriptor of what is at `path`, links followed within the root; undefined where nothing is. */
  open(path, flags = 0) {
    try {
      return this.sys.openat2(this.fd, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    } catch (error) {
      if (failedWith(error, "ENOENT", "ENOTDIR")) return void 0;
      throw error;
    }
  }
  /** As `open`, but a link anywhere on the way is an error (ELOOP). */
  openPlain(path, flags = 0) {
    try {
      return this.sys.openat2(this.fd, path, O_PATH | flags, RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS);
    } catch (error) {
      if (failedWith(error, "ENOENT", "ENOTDIR")) return void 0;
      throw error;
    }
  }
  /**
   * A descriptor to mount on: what is at `path`, made when it is missing (the targets of dangling links too).
   * Throws where something of the other kind is there.
   */
  mountPoint(path, kind) {
    const fd = this.open(path) ?? this.create(path, kind);
    const isDirectory2 = (this.sys.statAt(fd, "").mode & S_IFMT) === S_IFDIR;
    if (isDirectory2 === (kind === "directory")) return fd;
    throw new SandboxError(
      "REFUSED",
      path,
      `Cannot mount a ${kind} at "${path}": it is ${isDirectory2 ? "a directory" : "not a directory"} in the root`
    );
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
        if (trail.length > 1) this.sys.close(trail.pop().fd);
        continue;
      }
      const here = `${parent.path}/${name}`;
      const fd = this.lookUp(parent.fd, name) ?? this.make(parent.fd, name, here, todo.length === 0 ? kind : "directory");
      if ((this.sys.statAt(fd, "").mode & S_IFMT) !== S_IFLNK) {
        trail.push({ fd, path: here });
        continue;
      }
      const target = this.linkTarget(fd, here, ++links2);
      todo.unshift(...names3(target));
      if (target.startsWith("/")) for (const { fd: passed } of trail.splice(1)) this.sys.close(passed);
    }
    const found = trail.pop();
    for (const { fd } of trail.slice(1)) this.sys.close(fd);
    return found.fd === this.fd ? this.sys.openTree(this.fd, "", AT_EMPTY_PATH) : found.fd;
  }
  lookUp(directory, name) {
    try {
      return this.sys.openat(directory, name, O_PATH | O_NOFOLLOW);
    } catch (error) {
      if (failedWith(error, "ENOENT")) return void 0;
      throw error;
    }
  }
  make(directory, name, path, kind) {
    if (kind === "directory") this.sys.mkdirat(directory, name, 493);
    else this.sys.close(this.sys.openat(directory, name, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW, 420));
    const { device } = this.sys.statAt(directory, "");
    if (device.major === this.rootDevice.major && device.minor === this.rootDevice.minor) this.stubs.push(path);
    return this.sys.openat(directory, name, O_PATH | O_NOFOLLOW | (kind === "directory" ? O_DIRECTORY : 0));
  }
  linkTarget(fd, path, links2) {
    if (this.isOnProcfs(fd))
      throw new SandboxError("REFUSED", path, `Cannot follow "${path}": links of procfs lead out of the root`);
    if (links2 > MOST_LINKS)
      throw new SandboxError("REFUSED", path, `Cannot resolve "${path}": too many levels of symbolic links`);
    const target = this.sys.readlink(fd);
    this.sys.close(fd);
    return target;
  }
};
var names3 = (path) => path.split("/").filter((name) => name !== "" && name !== ".");

// src/sandbox/devices.ts
var import_node_path2 = require("node:path");
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
function prepareDevices(root, scratch, sys2) {
  if (root.allDevices) return root.devices.map((device) => ({ device, mount: void 0 }));
  return root.devices.map((device, index) => ({ device, mount: nodeMount(device, `node${index}`, scratch, sys2) }));
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
  sys2.close(node);
}
function attachDevices(nodes, tree, sys2) {
  for (const { device, mount } of nodes) {
    attempt(device.path, `make device "${device.path}"`, () => {
      if (mount === void 0) {
        const directory = tree.mountPoint((0, import_node_path2.dirname)(device.path), "directory");
        makeNode(device, directory, (0, import_node_path2.basename)(device.path), sys2);
        sys2.close(directory);
        return;
      }
      const target = tree.mountPoint(device.path, "file");
      sys2.moveMount(mount, target);
      sys2.close(mount);
      sys2.close(target);
    });
  }
}
function linkDevices(tree, sys2) {
  const directory = tree.openPlain("/dev", O_DIRECTORY);
  if (directory === void 0) return;
  for (const [target, name] of links) sys2.symlinkat(target, directory, name);
  sys2.close(directory);
}

// src/sandbox/filesystem.ts
function newFilesystem(type, parameters2, attributes, what, sys2) {
  const context = kernelSays(what, void 0, sys2, () => sys2.fsopen(type));
  try {
    for (const [key, value] of parameters2)
      kernelSays(
        `${what} with "${value === void 0 ? key : `${key}=${value}`}"`,
        context,
        sys2,
        () => sys2.fsconfig(context, key, value)
      );
    return makeFilesystem(context, attributes, what, sys2);
  } finally {
    sys2.close(context);
  }
}
function makeFilesystem(context, attributes, what, sys2) {
  return kernelSays(what, context, sys2, () => sys2.fsmount(context, attributes));
}
function kernelSays(what, context, sys2, action) {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof SyscallError)) throw error;
    const words = context === void 0 ? "" : sys2.fsMessages(context);
    const reason = errnoMessage(error.code) + (words === "" ? "" : ` (${words})`);
    throw new SandboxError("SYSTEM", what, `Cannot mount ${what}: ${reason}`, { cause: error });
  }
}

// src/sandbox/masks.ts
function protectPaths(paths, tree, sys2) {
  for (const path of paths) {
    attempt(path, `make "${path}" read-only`, () => {
      const target = tree.open(path);
      if (target === void 0) return;
      const copy = sys2.openTree(target, "", OPEN_TREE_CLONE | AT_EMPTY_PATH | AT_RECURSIVE);
      sys2.mountSetattr(copy, { set: MOUNT_ATTR_RDONLY, clear: 0 }, true);
      sys2.moveMount(copy, target);
      sys2.close(copy);
      sys2.close(target);
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
      sys2.close(cover);
      sys2.close(target);
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
    const fd = this.tree.openPlain("/dev/null");
    if (fd !== void 0) {
      const { mode, rdev } = this.sys.statAt(fd, "");
      if ((mode & S_IFMT) === S_IFCHR && rdev.major === 1 && rdev.minor === 3) return fd;
    }
    throw new SandboxError("REFUSED", "/dev/null", "Cannot mask paths: /dev/null of the container is not the null device");
  }
};

// src/sandbox/mounts.ts
var import_node_path3 = require("node:path");
var CONTAINED = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC;
function makeMount(plan, sys2) {
  const { make } = plan;
  if (make.kind === "bind") return makeBind(plan, make, sys2);
  if (make.kind === "filesystem") {
    const what = `${make.type} at "${plan.destination}"`;
    return { plan, fd: newFilesystem(make.type, make.parameters, plan.set, what, sys2), kind: "directory", below: [] };
  }
  const fd = newFilesystem("tmpfs", [["mode", "755"]], CONTAINED, `tmpfs at "${plan.destination}"`, sys2);
  const below = make.hierarchies.map((hierarchy) => ({
    hierarchy,
    fd: newFilesystem("cgroup", hierarchy.parameters, plan.set, `cgroup "${hierarchy.directory}"`, sys2)
  }));
  return { plan, fd, kind: "directory", below };
}
function makeBind(plan, { source, recursive }, sys2) {
  return attempt(source, `mount "${source}" at "${plan.destination}"`, () => {
    const fd = sys2.openTree(AT_FDCWD, source, OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0));
    setBindAttributes(fd, plan, sys2);
    const kind = (sys2.statAt(fd, "").mode & S_IFMT) === S_IFDIR ? "directory" : "file";
    return { plan, fd, kind, below: [] };
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
    sys2.close(target);
    if (mount.below.length > 0) attachBelow(mount, sys2);
    sys2.close(mount.fd);
  });
}
function targetOf({ plan, kind, fd }, tree) {
  const { destination } = plan;
  if (destination === "/proc" && tree.isOnProcfs(fd)) return plainDirectory(destination, tree);
  if (plan.make.kind !== "bind" && KERNEL_DIRECTORY.test(destination)) return plainDirectory(destination, tree);
  const target = tree.mountPoint(destination, kind);
  if (destination === "/proc" || tree.isOnProcfs(target) && !PROC_FILES.has(destination))
    throw new SandboxError("REFUSED", destination, `Cannot mount at "${destination}": it would cover files of procfs`);
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
    sys2.close(target);
    sys2.close(mount);
    for (const link of hierarchy.links) sys2.symlinkat((0, import_node_path3.basename)(hierarchy.directory), fd, link);
  }
  sys2.mountSetattr(fd, { set: MOUNT_ATTR_RDONLY, clear: 0 }, false);
}

// src/sandbox/overlay.ts
var import_node_path4 = require("node:path");
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
  const context = sys2.fsopen("overlay");
  try {
    const perLayer = addLayers(context, overlay.lower, sys2);
    if (!perLayer) return mountByOptions(overlay, target, sys2);
    for (const [key, value] of parameters(overlay)) sys2.fsconfig(context, key, value);
    const mount = makeFilesystem(context, 0, "the root", sys2);
    sys2.moveMount(mount, targetFd);
    sys2.close(mount);
  } finally {
    sys2.close(context);
  }
}
function parameters({ upper, work, volatile }) {
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
  const lower = overlay.lower.toReversed().map((layer) => escapeColons((0, import_node_path4.relative)(base, layer)));
  const options = [["lowerdir", lower.join(":")], ...parameters(overlay)].map(([key, value]) => value === void 0 ? key : `${key}=${value.replaceAll(",", "\\,")}`).join(",");
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
  let common = (0, import_node_path4.dirname)(paths[0]);
  while (!paths.every((path) => path.startsWith(common === "/" ? "/" : `${common}/`))) common = (0, import_node_path4.dirname)(common);
  return common;
}

// src/sandbox/rootfs.ts
var SCRATCH = "/proc";
function enterRoot(root, sys2) {
  sys2.mount(null, "/", null, MS_REC | MS_PRIVATE, null);
  const mounts = root.mounts.map((mount) => makeMount(mount, sys2));
  const scratch = mountScratch(sys2);
  const rootFd = mountRoot(root, scratch, sys2);
  const files = prepareFiles(root.files, scratch, sys2);
  const devices = prepareDevices(root, scratch, sys2);
  pivot(rootFd, sys2);
  const tree = new RootTree(sys2, rootFd);
  attachAll(root, tree, mounts, devices, files, sys2);
  protectPaths(root.readonlyPaths, tree, sys2);
  maskPaths(root.maskedPaths, tree, sys2);
  return tree;
}
function sealRoot(root, tree, sys2) {
  const set = (root.readonly ? MOUNT_ATTR_RDONLY : 0) | (root.allDevices ? 0 : MOUNT_ATTR_NODEV);
  if (set !== 0) sys2.mountSetattr(tree.fd, { set, clear: 0 }, false);
}
function mountScratch(sys2) {
  const scratch = newFilesystem("tmpfs", [["mode", "0700"]], 0, "a private tmpfs", sys2);
  const over = sys2.open(SCRATCH, O_PATH | O_DIRECTORY);
  sys2.moveMount(scratch, over);
  sys2.close(over);
  return scratch;
}
function mountRoot({ source }, scratch, sys2) {
  sys2.mkdirat(scratch, "root", 448);
  const target = sys2.openat(scratch, "root", O_PATH | O_DIRECTORY);
  if (source.kind === "directory") bindRoot(source.path, target, true, sys2);
  else if (source.overlay.lower.length === 0) bindRoot(source.overlay.upper ?? "", target, false, sys2);
  else mountOverlay(withUpper(source.overlay, scratch, sys2), `${SCRATCH}/root`, target, sys2);
  sys2.close(target);
  return sys2.openat(scratch, "root", O_PATH | O_DIRECTORY);
}
function bindRoot(path, target, recursive, sys2) {
  const mount = attempt(
    path,
    `open the root "${path}"`,
    () => sys2.openTree(AT_FDCWD, path, OPEN_TREE_CLONE | (recursive ? AT_RECURSIVE : 0))
  );
  sys2.moveMount(mount, target);
  sys2.close(mount);
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
    const set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC | (file.readonly ? MOUNT_ATTR_RDONLY : 0);
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
function attachAll(root, tree, mounts, devices, files, sys2) {
  const isDev = ({ plan }) => plan.destination === "/dev" && plan.make.kind === "filesystem";
  const ownDev = mounts.some(isDev);
  for (const mount of mounts) attachMount(mount, tree, sys2);
  if (ownDev) {
    attachDevices(devices, tree, sys2);
    linkDevices(tree, sys2);
  }
  root.files.forEach(({ destination }, index) => {
    attempt(destination, `mount "${destination}"`, () => {
      const target = tree.mountPoint(destination, "file");
      sys2.moveMount(files[index], target);
      sys2.close(target);
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
    throw new SandboxError("REFUSED", "/dev/pts/ptmx", "Cannot open a terminal: /dev/pts of the container is not devpts");
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
  const console = tree.mountPoint("/dev/console", "file");
  const mount = sys2.openTree(slave, "", OPEN_TREE_CLONE | AT_EMPTY_PATH);
  sys2.moveMount(mount, console);
  sys2.close(mount);
  sys2.close(console);
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
  if (!reached.startsWith("/")) throw chdirError(cwd, `it is outside of the container ("${reached}")`, "REFUSED");
  return true;
}
function chdirError(cwd, reason, code) {
  return new SandboxError(code, cwd, `Cannot change to working directory "${cwd}": ${reason}`);
}

// src/sandbox/enter.ts
function enter(plan, parent, sys2) {
  dieWithParent(parent, sys2);
  sys2.resetSignals();
  sys2.setsid();
  sys2.umask(0);
  const proc = openProc(sys2);
  joinCgroups(plan.cgroupFiles, sys2);
  enterNamespaces(plan.namespaces, sys2);
  applySettings(plan, proc, sys2);
  const tree = plan.root === void 0 ? new RootTree(sys2, sys2.open("/", O_PATH | O_DIRECTORY)) : enterRoot(plan.root, sys2);
  wireStreams(plan, parent, tree, sys2);
  if (plan.root !== void 0) sealRoot(plan.root, tree, sys2);
  const { process: process2 } = plan;
  const there = enterWorkingDirectory(process2.cwd, tree, sys2);
  becomeUser(process2, sys2);
  if (!there && !enterWorkingDirectory(process2.cwd, tree, sys2))
    throw chdirError(process2.cwd, "permission denied", "BAD_SPEC");
  dieIfOrphaned(parent);
  const path = findExecutable(process2.args[0] ?? "", process2.env, sys2);
  confine(process2, sys2);
  return { path, stubs: tree.stubs };
}
function dieWithParent(parent, sys2) {
  sys2.prctl(PR_SET_PDEATHSIG, SIGKILL);
  dieIfOrphaned(parent);
}
function dieIfOrphaned(parent) {
  if (parent.isGone()) throw new SandboxError("SYSTEM", "parent", "Cannot start a container: its parent has ended");
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
function enterNamespaces({ join: join2, unshare }, sys2) {
  const opened = join2.map(({ type, flag, path }) => ({
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
function wireStreams(plan, parent, tree, sys2) {
  const { terminal, process: process2 } = plan;
  if (terminal !== void 0)
    attempt(
      "terminal",
      "open a terminal",
      () => openTerminal(terminal, process2.uid, tree, (master) => parent.takeTerminal(master), sys2)
    );
  else if (plan.ownPipes && process2.uid !== 0) {
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

// src/sandbox/init.ts
var CHANNEL = 3;
var PLAN = "/proc/self/fd/4";
var sys = libc();
try {
  const plan = (0, import_node_v82.deserialize)((0, import_node_fs2.readFileSync)(PLAN));
  takeStreams([0, 1, 2], sys);
  const channel = sys.duplicate(CHANNEL);
  sys.close(CHANNEL);
  run(plan, channel);
} catch {
  process.exit(127);
}
function run(plan, channel) {
  try {
    const parent = {
      isGone: () => parentIsGone(channel, sys),
      takeTerminal: (master) => send(channel, { kind: "terminal" }, sys, master)
    };
    const { path, stubs } = enter(plan, parent, sys);
    send(channel, { kind: "entered", stubs }, sys);
    execute(path, plan);
  } catch (error) {
    send(channel, failureMessage(error), sys);
    throw error;
  }
}
function execute(path, { process: { args, env } }) {
  try {
    return sys.execve(path, args, env);
  } catch (error) {
    throw error instanceof SyscallError ? execFailure(path, error) : error;
  }
}
