import type { Socket } from 'node:net';
import type { Names } from './name-answer.ts';
import { askByTcp, askByUdp } from './name-client.ts';
import { frame, readFrames } from './name-frames.ts';
import type { NameSockets } from './name-sockets.ts';

/**
 * Answers on the sockets of a container for the names of its networks, and asks others for the rest. They are asked
 * from here, so that a name server on the host's loopback serves too. `upstream` are addresses, tried in turn.
 */
export async function serveNames(
  sockets: NameSockets,
  names: Names,
  upstream: readonly string[],
): Promise<() => void> {
  const [{ createSocket }, net, { answerTo, failureOf }] = await Promise.all([
    import('node:dgram'),
    import('node:net'),
    import('./name-answer.ts'),
  ]);
  const resolve = async (query: Buffer, ask: typeof askByUdp): Promise<Buffer | undefined> =>
    answerTo(query, names) ?? (await ask(query, upstream)) ?? failureOf(query);

  const datagrams = createSocket('udp4');
  datagrams.on('error', () => {});
  datagrams.on('message', (query, from) => {
    void resolve(query, askByUdp).then((answer) => {
      if (answer !== undefined && isOpen) datagrams.send(answer, from.port, from.address, () => {});
    });
  });
  const connections = new Set<Socket>();
  const server = net.createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket)).on('error', () => {});
    socket.setTimeout(IDLE_MS, () => socket.destroy());
    readFrames(socket, async (query) => {
      const answer = await resolve(query, askByTcp);
      if (answer !== undefined && socket.writable) socket.write(frame(answer));
    });
  });
  let isOpen = true;
  datagrams.bind({ fd: sockets.udp });
  server.listen({ fd: sockets.tcp });
  return () => {
    isOpen = false;
    datagrams.close();
    server.close();
    for (const socket of connections) socket.destroy();
  };
}

const IDLE_MS = 10_000;
