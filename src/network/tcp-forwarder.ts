import type { Socket } from 'node:net';
import type { Forwarder, HostAddress, Target } from './forwarder.ts';

/** Listens on the host's port and carries each connection over to the container. */
export async function forwardTcp({ ip, port }: HostAddress, target: Target): Promise<Forwarder> {
  const { connect, createServer } = await import('node:net');
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const inner = connect({ ...target, allowHalfOpen: true, noDelay: true });
    for (const socket of [client, inner]) open.add(socket);
    carry(client, inner, open);
    carry(inner, client, open);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: ip, port, ipv6Only: true }, resolve);
  });
  return {
    port: (server.address() as { readonly port: number }).port,
    close() {
      server.close();
      for (const socket of open) socket.destroy();
    },
  };
}

/** One direction; the end of one socket as it ends, be it by a half close or by a reset. */
function carry(from: Socket, to: Socket, open: Set<Socket>): void {
  from.pipe(to);
  from.on('error', () => to.resetAndDestroy());
  from.on('close', () => {
    open.delete(from);
    // Whoever has sent its end already gets what is still under way.
    if (!from.readableEnded) to.destroy();
  });
}
