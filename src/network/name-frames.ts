import type { Socket } from 'node:net';

/** RFC 1035, section 4.2.2: a message behind its length. */
export function frame(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** Hands over each whole message that arrives. */
export function readFrames(socket: Socket, take: (message: Buffer) => void): void {
  let pending: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes) => {
    pending = Buffer.concat([pending, bytes]);
    while (pending.length >= 2) {
      const end = 2 + pending.readUInt16BE(0);
      if (pending.length < end) return;
      take(pending.subarray(2, end));
      pending = pending.subarray(end);
    }
  });
}
