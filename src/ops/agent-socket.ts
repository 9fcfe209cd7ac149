import { chmodSync, chownSync, closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { serveKeys } from './key-agent.ts';
import type { SshKey } from './ssh-keys.ts';

/** Who may use the socket of an agent. */
export interface SocketAccess {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** A socket that is there for one step. */
export interface AgentSocket {
  readonly path: string;
  /** Breaks off what is under way. Idempotent. */
  close(): void;
}

/**
 * A socket in `directory` that passes everything on to the agent listening at `agent`, or is one with these keys. The agent's own socket is its
 * user's alone, and stays as it is: the step gets one of the owner and mode that its mount asks for.
 */
export async function forwardAgent(
  agent: string | readonly SshKey[],
  directory: string,
  { mode, uid, gid }: SocketAccess,
): Promise<AgentSocket> {
  const { connect, createServer } = await import('node:net');
  const open = new Set<{ destroy(): void }>();
  const server = createServer((client) => {
    if (typeof agent !== 'string') {
      open.add(client);
      client.on('error', () => client.destroy()).on('close', () => open.delete(client));
      serveKeys(client, agent);
      return;
    }
    const upstream = connect(agent);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      open.add(from);
      from.on('error', () => to.destroy()).on('close', () => open.delete(from));
      from.pipe(to);
    }
  });
  // The path of a socket may have 107 bytes, and that of a store more: by descriptor it is short.
  const fd = openSync(directory, constants.O_DIRECTORY | constants.O_RDONLY);
  const close = once(() => {
    for (const socket of open) socket.destroy();
    server.close(() => closeSync(fd));
  });
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(`/proc/self/fd/${fd}/agent`, resolve);
    });
    const path = join(directory, 'agent');
    chmodSync(path, mode);
    // Nobody but root can give it away; without root the user is the root of the step.
    if (process.getuid!() === 0) chownSync(path, uid, gid);
    return { path, close };
  } catch (error) {
    close();
    throw error;
  }
}

function once(act: () => void): () => void {
  let isDone = false;
  return () => {
    if (isDone) return;
    isDone = true;
    act();
  };
}
