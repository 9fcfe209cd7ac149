import { constants } from 'node:os';
import { koffi } from '../../layers/index.ts';
import { O_CLOEXEC, PR_CAPBSET_DROP, SOCK_CLOEXEC, WNOHANG } from './constants.ts';
import { SyscallError } from './errno.ts';
import { cString, type Invoke, inUse } from './invoke.ts';
import { receiveMessage, sendMessage } from './socket-messages.ts';
import type { CapabilitySets, ProcessCalls } from './syscalls.ts';

const { EINVAL } = constants.errno;
const CAPABILITY_VERSION_3 = 0x20080522;
const SECCOMP_SET_MODE_FILTER = 1;
const BPF_PROG_LOAD = 5;
const BPF_PROG_ATTACH = 8;
/** Up to `prog_ifindex`: the rest is zero. */
const BPF_ATTRIBUTES = 72;
const LAST_SIGNAL = 64;
const UNBLOCKABLE = [9, 19];

export function processCalls(invoke: Invoke): ProcessCalls {
  return {
    umask: (mask) => {
      invoke('umask', mask);
    },
    setsid: () => {
      invoke('setsid');
    },
    unshare: (flags) => {
      invoke('unshare', flags);
    },
    setns: (fd, type) => {
      invoke('setns', fd, type);
    },
    sethostname: (name) => {
      invoke('sethostname', name, Buffer.byteLength(name));
    },
    setdomainname: (name) => {
      invoke('setdomainname', name, Buffer.byteLength(name));
    },
    prctl: (option, argument2, argument3 = 0) => invoke('prctl', option, argument2, argument3, 0, 0),
    dropBounding: (capability) => {
      const result = invoke.answer('prctl', PR_CAPBSET_DROP, capability, 0, 0, 0);
      if (result < 0 && result !== -EINVAL) throw new SyscallError('prctl', -result);
      return result >= 0;
    },
    setgroups: (gids) => {
      invoke('setgroups', gids.length, Buffer.from(Uint32Array.from(gids).buffer));
    },
    setresgid: (gid) => {
      invoke('setresgid', gid, gid, gid);
    },
    setresuid: (uid) => {
      invoke('setresuid', uid, uid, uid);
    },
    capget: () => readCapabilities(invoke),
    capset: (sets) => {
      invoke('capset', capabilityHeader(), encodeCapabilities(sets));
    },
    setrlimit: (resource, soft, hard) => {
      const limit = Buffer.alloc(16);
      limit.writeBigUInt64LE(BigInt.asUintN(64, soft), 0);
      limit.writeBigUInt64LE(BigInt.asUintN(64, hard), 8);
      invoke('prlimit64', 0, resource, limit, null);
    },
    seccompSetFilter: (program, flags) => {
      const header = Buffer.alloc(16);
      header.writeUInt16LE(program.length / 8, 0);
      header.writeBigUInt64LE(koffi().address(program), 8);
      inUse.indirect = program;
      invoke('seccomp', SECCOMP_SET_MODE_FILTER, flags, header);
    },
    bpfLoad: (type, instructions) => {
      const license = cString('Apache-2.0');
      const attributes = Buffer.alloc(BPF_ATTRIBUTES);
      attributes.writeUInt32LE(type, 0);
      attributes.writeUInt32LE(instructions.length / 8, 4);
      attributes.writeBigUInt64LE(koffi().address(instructions), 8);
      attributes.writeBigUInt64LE(koffi().address(license), 16);
      inUse.indirect = [instructions, license];
      return invoke('bpf', BPF_PROG_LOAD, attributes, attributes.length);
    },
    bpfAttach: (target, program, type, flags) => {
      const attributes = Buffer.from(Uint32Array.of(target, program, type, flags).buffer);
      invoke('bpf', BPF_PROG_ATTACH, attributes, attributes.length);
    },
    resetSignals: () => {
      const byDefault = Buffer.alloc(32);
      for (let signal = 1; signal <= LAST_SIGNAL; signal++)
        if (!UNBLOCKABLE.includes(signal)) invoke('rt_sigaction', signal, byDefault, null, 8);
    },
    execve: (path, args, env) => {
      const vectors = [pointers(args), pointers(env)] as const;
      inUse.indirect = vectors;
      invoke('execve', path, vectors[0].vector, vectors[1].vector);
      throw new Error('execve returned');
    },
    socket: (domain, type) => invoke('socket', domain, type | SOCK_CLOEXEC, 0),
    socketpair: (domain, type) => {
      const pair = Buffer.alloc(8);
      invoke('socketpair', domain, type | SOCK_CLOEXEC, 0, pair);
      return [pair.readInt32LE(0), pair.readInt32LE(4)];
    },
    pipe: () => {
      const pair = Buffer.alloc(8);
      invoke('pipe2', pair, O_CLOEXEC);
      return [pair.readInt32LE(0), pair.readInt32LE(4)];
    },
    sendmsg: (socket, bytes, fd) => sendMessage(invoke, socket, bytes, fd),
    recvmsg: (socket) => receiveMessage(invoke, socket),
    pidfdOpen: (pid) => invoke('pidfd_open', pid, 0),
    pidfdSendSignal: (pidfd, signal) => {
      invoke('pidfd_send_signal', pidfd, signal, null, 0);
    },
    kill: (pid, signal) => {
      invoke('kill', pid, signal);
    },
    waitpid: (pid) => {
      const status = Buffer.alloc(4);
      return invoke('wait4', pid, status, WNOHANG, null) === pid ? status.readInt32LE(0) : undefined;
    },
  };
}

/** capget(2): the second header field, a thread, is 0 for the calling one. */
function capabilityHeader(): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(CAPABILITY_VERSION_3, 0);
  return header;
}

/** Two groups of effective, permitted, inheritable: capabilities 0–31 and 32–63. */
function encodeCapabilities(sets: CapabilitySets): Buffer {
  const data = Buffer.alloc(24);
  [sets.effective, sets.permitted, sets.inheritable].forEach((set, index) => {
    data.writeUInt32LE(Number(set & 0xffffffffn), index * 4);
    data.writeUInt32LE(Number(set >> 32n), 12 + index * 4);
  });
  return data;
}

function readCapabilities(invoke: Invoke): CapabilitySets {
  const data = Buffer.alloc(24);
  invoke('capget', capabilityHeader(), data);
  const at = (index: number) =>
    BigInt(data.readUInt32LE(index * 4)) | (BigInt(data.readUInt32LE(12 + index * 4)) << 32n);
  return { effective: at(0), permitted: at(1), inheritable: at(2) };
}

/** A NULL-terminated array of C strings, and what has to be kept while it is used. */
export function pointers(texts: readonly string[]): { readonly vector: Buffer; readonly strings: Buffer[] } {
  const strings = texts.map(cString);
  const vector = Buffer.alloc(8 * (strings.length + 1));
  strings.forEach((string, index) => {
    vector.writeBigUInt64LE(koffi().address(string), 8 * index);
  });
  return { vector, strings };
}
