import { koffi } from '../../layers/index.ts';
import { failedWith } from './errno.ts';
import { type Invoke, inUse } from './invoke.ts';

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const CONTROL_BYTES = 24;
const LARGEST_MESSAGE = 65536;

export function sendMessage(invoke: Invoke, socket: number, bytes: Uint8Array, fd?: number): void {
  const header = messageHeader(bytes, fd === undefined ? undefined : controlMessage(fd));
  invoke('sendmsg', socket, header, MSG_NOSIGNAL);
}

export function receiveMessage(
  invoke: Invoke,
  socket: number,
): { readonly bytes: Uint8Array; readonly fd?: number } | undefined {
  const bytes = Buffer.alloc(LARGEST_MESSAGE);
  const control = Buffer.alloc(CONTROL_BYTES);
  const header = messageHeader(bytes, control);
  try {
    const length = invoke('recvmsg', socket, header, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    const hasFd = control.readInt32LE(8) === SOL_SOCKET && control.readInt32LE(12) === SCM_RIGHTS;
    return { bytes: bytes.subarray(0, length), ...(hasFd ? { fd: control.readInt32LE(16) } : {}) };
  } catch (error) {
    if (failedWith(error, 'EAGAIN')) return undefined;
    throw error;
  }
}

/** cmsg(3): length, level, type, then the descriptor. */
function controlMessage(fd: number): Buffer {
  const control = Buffer.alloc(CONTROL_BYTES);
  control.writeBigUInt64LE(20n, 0);
  control.writeInt32LE(SOL_SOCKET, 8);
  control.writeInt32LE(SCM_RIGHTS, 12);
  control.writeInt32LE(fd, 16);
  return control;
}

/** recvmsg(2), struct msghdr. */
function messageHeader(bytes: Uint8Array, control: Buffer | undefined): Buffer {
  const library = koffi();
  const vector = Buffer.alloc(16);
  if (bytes.length > 0) vector.writeBigUInt64LE(library.address(bytes), 0);
  vector.writeBigUInt64LE(BigInt(bytes.length), 8);
  const header = Buffer.alloc(56);
  header.writeBigUInt64LE(library.address(vector), 16);
  header.writeBigUInt64LE(1n, 24);
  if (control !== undefined) {
    header.writeBigUInt64LE(library.address(control), 32);
    header.writeBigUInt64LE(BigInt(control.length), 40);
  }
  inUse.indirect = [bytes, vector, control];
  return header;
}
