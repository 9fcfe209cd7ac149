import { deserialize, serialize } from 'node:v8';
import { AF_UNIX, SOCK_SEQPACKET } from '../linux/constants.ts';
import type { Syscalls } from '../linux/syscalls.ts';
import { SandboxError, type SandboxErrorCode } from './sandbox.ts';

/** What a child says before exec, one message each. Exec closes its end. */
export type Message =
  /** Comes with the descriptor. */
  | { readonly kind: 'terminal' }
  | { readonly kind: 'entered'; readonly stubs: readonly string[] }
  | {
      readonly kind: 'failed';
      readonly code: SandboxErrorCode;
      readonly subject: string;
      readonly message: string;
    };

/** Two connected sockets: the parent's end and the child's. */
export function openChannel(sys: Syscalls): { readonly ours: number; readonly theirs: number } {
  const [ours, theirs] = sys.socketpair(AF_UNIX, SOCK_SEQPACKET);
  return { ours, theirs };
}

export function send(socket: number, message: Message, sys: Syscalls, fd?: number): void {
  sys.sendmsg(socket, serialize(message), fd);
}

export type Received = { readonly message: Message; readonly fd?: number } | 'nothing' | 'end';

/** What is there now. */
export function receive(socket: number, sys: Syscalls): Received {
  const packet = sys.recvmsg(socket);
  if (packet === undefined) return 'nothing';
  if (packet.bytes.length === 0) return 'end';
  const message = deserialize(packet.bytes) as Message;
  return packet.fd === undefined ? { message } : { message, fd: packet.fd };
}

export function failureMessage(error: unknown): Message {
  if (error instanceof SandboxError)
    return { kind: 'failed', code: error.code, subject: error.subject, message: error.message };
  return {
    kind: 'failed',
    code: 'SYSTEM',
    subject: 'init',
    message: error instanceof Error ? error.message : String(error),
  };
}

/** The other end of the child's channel is closed: the parent has ended. POLLHUP is always looked for. */
export function parentIsGone(socket: number, sys: Syscalls): boolean {
  return sys.pollNow(socket, 0);
}
