import { chmodSync, closeSync, openSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { FrameReader, FrameType, type Hello } from './frames.ts';
import type { Attachment, ContainerStreams } from './output.ts';

/** A supervisor's socket in the directory of its container. */
export const SOCKET = 'supervisor.sock';

export interface ServerHooks {
  readonly streams: ContainerStreams;
  /** Standard input ends when the first who is attached to it goes. */
  readonly stdinOnce: boolean;
  /** Ends the wait for the next start. */
  readonly wake: () => void;
}

/** Listens; the answer stops that. Only the owner of the store can connect. */
export async function serve(directory: string, hooks: ServerHooks): Promise<() => void> {
  const path = `${directory}/${SOCKET}`;
  rmSync(path, { force: true });
  const server = createServer((socket) => converse(socket, hooks));
  const stop = () => {
    server.close();
    rmSync(path, { force: true });
  };
  try {
    await listen(server, directory);
    chmodSync(path, 0o600);
    return stop;
  } catch (error) {
    stop();
    throw error;
  }
}

/** A socket's address has room for 107 bytes (unix(7)); a directory may be longer than that by itself. */
async function listen(server: Server, directory: string): Promise<void> {
  const fd = openSync(directory, 'r');
  const mask = process.umask(0o177);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(`/proc/self/fd/${fd}/${SOCKET}`, () => resolve());
    });
  } finally {
    process.umask(mask);
    closeSync(fd);
  }
}

function converse(socket: Socket, hooks: ServerHooks): void {
  const reader = new FrameReader();
  let attachment: Attachment | undefined;
  const { streams, stdinOnce, wake } = hooks;
  socket.on('error', () => {}); // Gone: 'close' says so too.
  socket.on('close', () => {
    if (attachment === undefined) return;
    streams.detach(attachment);
    if (attachment.stdin && stdinOnce) streams.endInput();
  });
  const take = (type: number, payload: Buffer) => {
    if (type === FrameType.hello) {
      const hello = JSON.parse(payload.toString()) as Hello;
      if (hello.want === 'wake') {
        wake();
        socket.end();
        return;
      }
      attachment = { socket, stdin: hello.stdin, stdout: hello.stdout, stderr: hello.stderr };
      streams.attach(attachment);
    } else if (type === FrameType.resize) {
      const { rows, columns } = JSON.parse(payload.toString()) as { rows: number; columns: number };
      streams.resize(rows, columns);
    } else if (type === FrameType.hangUp) {
      streams.hangUp();
    } else if (type === FrameType.stdin && attachment?.stdin) {
      if (!streams.input(payload, () => socket.resume())) socket.pause();
    } else if (type === FrameType.stdinEnd && attachment?.stdin && stdinOnce) {
      streams.endInput();
    }
  };
  socket.on('data', (chunk) => {
    try {
      for (const { type, payload } of reader.push(chunk)) take(type, payload);
    } catch {
      socket.destroy();
    }
  });
}
