import type { RemoteInfo, Socket } from 'node:dgram';
import type { Forwarder, HostAddress, Target } from './forwarder.ts';

/** How long a client that is silent is remembered: as Docker's proxy does. */
const IDLE_MS = 90_000;

interface Client {
  readonly socket: Socket;
  usedAt: number;
}

/** Receives on the host's port: each client is a socket to the container, whose answers go back to it. */
export async function forwardUdp({ ip, port }: HostAddress, target: Target): Promise<Forwarder> {
  const { createSocket } = await import('node:dgram');
  const typeOf = (address: string) => (address.includes(':') ? 'udp6' : 'udp4');
  const server = createSocket({ type: typeOf(ip), ipv6Only: ip.includes(':') });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.bind({ address: ip, port, exclusive: true }, resolve);
  });
  server.on('error', () => {}); // of one datagram, which is lost
  const clients = new Map<string, Client>();
  const clientOf = (from: RemoteInfo) => {
    const key = `${from.address} ${from.port}`;
    const known = clients.get(key);
    if (known !== undefined) return known;
    const socket = createSocket(typeOf(target.host));
    socket.on('message', (bytes) => server.send(bytes, from.port, from.address));
    socket.on('error', () => {}); // nobody listens in the container
    socket.connect(target.port, target.host);
    const client = { socket, usedAt: 0 };
    clients.set(key, client);
    return client;
  };
  server.on('message', (bytes, from) => {
    const client = clientOf(from);
    client.usedAt = performance.now();
    sendConnected(client.socket, bytes);
  });
  const sweep = setInterval(() => {
    for (const [key, { socket, usedAt }] of clients) {
      if (performance.now() - usedAt < IDLE_MS) continue;
      clients.delete(key);
      socket.close();
    }
  }, IDLE_MS / 3);
  sweep.unref();
  return {
    port: server.address().port,
    close() {
      clearInterval(sweep);
      server.close();
      for (const { socket } of clients.values()) socket.close();
    },
  };
}

/** A socket to an address in numbers is connected with the next turn of the event loop. */
function sendConnected(socket: Socket, bytes: Uint8Array): void {
  const send = () => socket.send(bytes, () => {});
  try {
    socket.remoteAddress();
    send();
  } catch {
    socket.once('connect', send);
  }
}
