import { constants } from 'node:os';
import { koffi, SystemCallError } from '../../layers/index.ts';

/** netlink(7): families, message types and flags used here. */
export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;

export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
export const NLM_F_APPEND = 0x800;

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const HEADER = 16;

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;

export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly payload: Uint8Array;
  /** What it does, for messages of errors; else what the whole batch does. */
  readonly subject?: string;
}

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly payload: Buffer;
}

interface Calls {
  readonly socket: (domain: number, type: number, protocol: number) => number;
  readonly send: (fd: number, buffer: Uint8Array, size: number, flags: number) => number;
  readonly recv: (fd: number, buffer: Uint8Array, size: number, flags: number) => number;
  readonly setsockopt: (fd: number, level: number, name: number, value: Uint8Array, size: number) => number;
  readonly close: (fd: number) => number;
  readonly unshare: (flags: number) => number;
  readonly setns: (fd: number, type: number) => number;
  readonly open: (path: string, flags: number) => number;
  readonly errno: () => number;
}

let cached: Calls | undefined;

function calls(): Calls {
  if (cached === undefined) {
    const library = koffi();
    const libc = library.load(null);
    cached = {
      socket: libc.func('socket', 'int', ['int', 'int', 'int']) as Calls['socket'],
      send: libc.func('send', 'long', ['int', 'void*', 'ulong', 'int']) as Calls['send'],
      recv: libc.func('recv', 'long', ['int', 'void*', 'ulong', 'int']) as Calls['recv'],
      setsockopt: libc.func('setsockopt', 'int', [
        'int',
        'int',
        'int',
        'void*',
        'uint',
      ]) as Calls['setsockopt'],
      close: libc.func('close', 'int', ['int']) as Calls['close'],
      unshare: libc.func('unshare', 'int', ['int']) as Calls['unshare'],
      setns: libc.func('setns', 'int', ['int', 'int']) as Calls['setns'],
      open: libc.func('open', 'int', ['str', 'int']) as Calls['open'],
      errno: () => library.errno(),
    };
  }
  return cached;
}

function check(result: number, syscall: string): number {
  if (result < 0) throw new SystemCallError(syscall, calls().errno());
  return result;
}

/** A netlink socket of the network namespace that the calling thread is in when it is made, for synchronous requests. */
export class NetlinkSocket {
  readonly #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(64 * 1024);
  #sequence = 1;

  constructor(family: number) {
    this.#fd = check(calls().socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family), 'socket AF_NETLINK');
    const on = Buffer.from([1, 0, 0, 0]);
    calls().setsockopt(this.#fd, SOL_NETLINK, NETLINK_EXT_ACK, on, on.length);
  }

  /** Sends one message, awaits its acknowledgement, returns what came with it. Throws {@link SystemCallError} with the kernel's errno. */
  request(type: number, flags: number, payload: Uint8Array, subject = ''): readonly NetlinkMessage[] {
    return this.batch([{ type, flags: flags | NLM_F_ACK, payload }], subject);
  }

  /** Sends several messages in one datagram and awaits the acknowledgement of each that asks for one. */
  batch(messages: readonly NetlinkRequest[], subject = ''): readonly NetlinkMessage[] {
    const first = this.#sequence;
    const datagram = Buffer.concat(messages.map((message) => this.#encode(message)));
    check(calls().send(this.#fd, datagram, datagram.length, 0), 'send');
    const dump = messages.some(({ flags }) => (flags & NLM_F_DUMP) === NLM_F_DUMP);
    let pending = dump ? 1 : messages.filter(({ flags }) => (flags & NLM_F_ACK) !== 0).length;
    const received: NetlinkMessage[] = [];
    while (pending > 0) {
      for (const message of this.#receive(first)) {
        if (message.type === NLMSG_DONE) pending--;
        else if (message.type === NLMSG_ERROR) {
          const error = -message.payload.readInt32LE(0);
          if (error !== 0) {
            // struct nlmsgerr: the number is followed by the header of the message that it is about.
            const about = messages[message.payload.readUInt32LE(12) - first]?.subject ?? subject;
            throw new SystemCallError(`netlink ${about}`.trimEnd(), error);
          }
          pending--;
        } else received.push(message);
      }
    }
    return received;
  }

  /** Everything that a listing (a "dump") answers. */
  dump(type: number, payload: Uint8Array, subject = ''): readonly NetlinkMessage[] {
    return this.batch([{ type, flags: NLM_F_DUMP, payload }], subject);
  }

  close(): void {
    calls().close(this.#fd);
  }

  #encode({ type, flags, payload }: NetlinkRequest): Buffer {
    const length = HEADER + payload.length;
    const message = Buffer.alloc((length + 3) & ~3);
    message.writeUInt32LE(length, 0);
    message.writeUInt16LE(type, 4);
    message.writeUInt16LE(flags | NLM_F_REQUEST, 6);
    message.writeUInt32LE(this.#sequence++, 8);
    message.set(payload, HEADER);
    return message;
  }

  /** One datagram's messages, those of earlier requests left out. */
  #receive(firstSequence: number): NetlinkMessage[] {
    const size = check(calls().recv(this.#fd, this.#buffer, this.#buffer.length, 0), 'recv');
    const messages: NetlinkMessage[] = [];
    for (let offset = 0; offset + HEADER <= size; ) {
      const length = this.#buffer.readUInt32LE(offset);
      if (length < HEADER) throw new SystemCallError('netlink', constants.errno.EBADMSG);
      if (this.#buffer.readUInt32LE(offset + 8) >= firstSequence) {
        messages.push({
          type: this.#buffer.readUInt16LE(offset + 4),
          flags: this.#buffer.readUInt16LE(offset + 6),
          payload: Buffer.from(this.#buffer.subarray(offset + HEADER, offset + length)),
        });
      }
      offset += (length + 3) & ~3;
    }
    return messages;
  }
}

const CLONE_NEWNET = 0x40000000;
const O_RDONLY_CLOEXEC = 0o2000000;

/** A descriptor of the network namespace that the calling thread is in. */
function ownNamespace(): number {
  return check(calls().open('/proc/thread-self/ns/net', O_RDONLY_CLOEXEC), 'open /proc/thread-self/ns/net');
}

/** The calling thread is back in its own network namespace when this returns, wherever `body` took it. */
function returning<T>(body: () => T): T {
  const own = ownNamespace();
  try {
    try {
      return body();
    } finally {
      check(calls().setns(own, CLONE_NEWNET), 'setns');
    }
  } finally {
    calls().close(own);
  }
}

/**
 * Makes a network namespace and runs `inside` in it. The new one lives as long as the descriptor returned (or anything
 * opened inside).
 */
export function newNetworkNamespace<T>(inside: () => T): { readonly fd: number; readonly result: T } {
  return returning(() => {
    check(calls().unshare(CLONE_NEWNET), 'unshare(CLONE_NEWNET)');
    const fd = ownNamespace();
    try {
      return { fd, result: inside() };
    } catch (error) {
      calls().close(fd);
      throw error;
    }
  });
}

/** Runs `inside` in the network namespace that the descriptor is of. */
export function inNetworkNamespace<T>(fd: number, inside: () => T): T {
  return returning(() => {
    check(calls().setns(fd, CLONE_NEWNET), 'setns');
    return inside();
  });
}

/** A netlink attribute: type and value, padded to four bytes. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const length = 4 + value.length;
  const buffer = Buffer.alloc((length + 3) & ~3);
  buffer.writeUInt16LE(length, 0);
  buffer.writeUInt16LE(type, 2);
  buffer.set(value, 4);
  return buffer;
}

const NLA_F_NESTED = 0x8000;

export function nested(type: number, ...attributes: readonly Uint8Array[]): Buffer {
  return attribute(type | NLA_F_NESTED, Buffer.concat(attributes));
}

export function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value >>> 0);
  return buffer;
}

export function u32be(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value >>> 0);
  return buffer;
}

/** With its final NUL. */
export function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, 'latin1');
}

/** One of the attributes of a payload from `offset` on: a link has some sixty. */
export function findAttribute(payload: Buffer, offset: number, type: number): Buffer | undefined {
  for (let at = offset; at + 4 <= payload.length; ) {
    const length = payload.readUInt16LE(at);
    if (length < 4) break;
    if ((payload.readUInt16LE(at + 2) & 0x3fff) === type) return payload.subarray(at + 4, at + length);
    at += (length + 3) & ~3;
  }
  return undefined;
}

/** The attributes of a payload from `offset` on, by type. */
export function attributes(payload: Buffer, offset: number): ReadonlyMap<number, Buffer> {
  const found = new Map<number, Buffer>();
  for (let at = offset; at + 4 <= payload.length; ) {
    const length = payload.readUInt16LE(at);
    if (length < 4) break;
    found.set(payload.readUInt16LE(at + 2) & 0x3fff, payload.subarray(at + 4, at + length));
    at += (length + 3) & ~3;
  }
  return found;
}
