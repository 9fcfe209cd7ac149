import { closeSync, openSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { FrameType, type Hello, jsonFrame } from './frames.ts';
import { SOCKET } from './server.ts';

/** Connects to the supervisor of the container in `directory`; undefined when nobody listens. */
export async function connectSupervisor(directory: string, hello: Hello): Promise<Socket | undefined> {
  const fd = openIfThere(directory);
  if (fd === undefined) return undefined;
  try {
    // unix(7): an address has room for 107 bytes.
    const socket = connect(`/proc/self/fd/${fd}/${SOCKET}`);
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    socket.write(jsonFrame(FrameType.hello, hello));
    return socket;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ECONNREFUSED') return undefined;
    throw error;
  } finally {
    closeSync(fd);
  }
}

/** Ends a supervisor's wait for the next start. */
export async function wakeSupervisor(directory: string): Promise<void> {
  const socket = await connectSupervisor(directory, { want: 'wake' });
  socket?.on('error', () => {}); // It is gone: that will do.
  socket?.resume();
  socket?.end();
}

function openIfThere(directory: string): number | undefined {
  try {
    return openSync(directory, 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
