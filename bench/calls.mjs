// Counts what a command does by tracing its system calls: figures that do not depend on how busy the machine is.

/** What V8's collector, the threads of Node and the C library do as time has it, or what costs nothing. */
const UNCOUNTED = new Set(
  `futex mmap munmap mprotect madvise mremap brk membarrier sched_yield sched_getaffinity sched_getparam sched_getscheduler
  rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall set_robust_list rseq set_tid_address arch_prctl
  epoll_ctl epoll_wait epoll_pwait epoll_create1 poll ppoll pselect6 select eventfd2 pipe2 clock_gettime
  clock_nanosleep nanosleep getpid gettid getuid geteuid getgid getegid capget getrandom sysinfo uname getrusage
  prlimit64 exit exit_group wait4 waitid pkey_alloc getcpu`.split(/\s+/),
);
const OPENING = new Set(['open', 'openat', 'openat2', 'creat', 'open_tree']);
const READING = new Set(['read', 'pread64', 'readv', 'preadv', 'preadv2']);
const WRITING = new Set([
  'write',
  'pwrite64',
  'writev',
  'pwritev',
  'pwritev2',
  'copy_file_range',
  'sendfile',
]);
const STARTING = new Set(['clone', 'clone3', 'fork', 'vfork']);
/** Pipes, event descriptors and sockets: what is passed through them comes in as many pieces as time has it. */
const IS_CHANNEL = /^\w+\(\d+<(?:pipe|anon_inode|socket|UNIX|TCP|UDP|NETLINK)/;
/** The bundles and their compiled code grow with every feature; of /proc, /run and /etc each machine has its own. */
const IS_NOT_DATA =
  /^\w+\(\d+<(?:[^>]*(?:\/dist\/|\/tsbuild\/code\/|\/koffi\.node|\/lib\/|\.so[.\d]*>)|\/(?:proc|sys|dev|run|etc)\/)/;

export function traced(file, argv) {
  return ['strace', '-f', '-qq', '-y', '-s', '160', '-e', 'signal=none', '-o', file, ...argv];
}

export function callsOf(trace) {
  const calls = [];
  const unfinished = new Map();
  for (const line of trace.split('\n')) {
    const [, pid, rest] = /^(\d+) +(.*)$/.exec(line) ?? [];
    if (rest === undefined) continue;
    if (rest.endsWith('<unfinished ...>')) {
      unfinished.set(pid, rest.slice(0, -'<unfinished ...>'.length));
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(rest);
    const text = resumed === null ? rest : `${unfinished.get(pid) ?? ''}${resumed[1]}`;
    if (resumed !== null) unfinished.delete(pid);
    const call = callOf(Number(pid), text);
    if (call !== undefined) calls.push(call);
  }
  return calls;
}

function callOf(pid, text) {
  const name = /^(\w+)\(/.exec(text)?.[1];
  if (name === undefined || UNCOUNTED.has(name)) return undefined;
  if ((READING.has(name) || WRITING.has(name)) && IS_CHANNEL.test(text)) return undefined;
  const result = /\) += (-?\d+)[^=]*$/.exec(text)?.[1];
  return { pid, name, text, result: result === undefined ? undefined : Number(result) };
}

export function countsOf(calls) {
  const succeeded = calls.filter(({ result }) => result !== undefined && result >= 0);
  const bytes = (names) =>
    succeeded
      .filter(({ name, text }) => names.has(name) && !IS_NOT_DATA.test(text))
      .reduce((sum, { result }) => sum + result, 0);
  const started = succeeded.filter(({ name }) => STARTING.has(name));
  const threads = started.filter(({ text }) => text.includes('CLONE_THREAD')).length;
  return {
    calls: calls.length,
    opened: succeeded.filter(({ name }) => OPENING.has(name)).length,
    read: bytes(READING),
    written: bytes(WRITING),
    programs: succeeded.filter(({ name }) => name === 'execve').length,
    processes: started.length - threads,
    threads,
  };
}

export function difference(one, other) {
  return Object.fromEntries(Object.entries(one).map(([name, count]) => [name, count - other[name]]));
}

export function tally(calls, without = []) {
  const counts = new Map();
  for (const { name } of calls) counts.set(name, (counts.get(name) ?? 0) + 1);
  for (const { name } of without) counts.set(name, (counts.get(name) ?? 0) - 1);
  return [...counts].filter(([, count]) => count !== 0).sort(([, a], [, b]) => b - a);
}
