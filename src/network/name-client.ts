import { frame, readFrames } from './name-frames.ts';

/** How long each name server has; what asks here waits five seconds (resolv.conf(5)). */
const TIMEOUT_MS = 2000;

/** The first answer that one of the servers gives; undefined when none does. */
export async function askByUdp(query: Buffer, servers: readonly string[]): Promise<Buffer | undefined> {
  const { createSocket } = await import('node:dgram');
  return firstOf(servers, (server, done) => {
    const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
    socket.on('error', () => done(undefined));
    // Connected, so that only the server's datagrams come in.
    socket.on('connect', () => socket.send(query));
    socket.on('message', (answer) => {
      if (answer.subarray(0, 2).equals(query.subarray(0, 2))) done(answer);
    });
    socket.connect(53, server);
    return () => socket.close();
  });
}

/** {@link askByUdp} by TCP. */
export async function askByTcp(query: Buffer, servers: readonly string[]): Promise<Buffer | undefined> {
  const { connect } = await import('node:net');
  return firstOf(servers, (server, done) => {
    const socket = connect(53, server, () => socket.write(frame(query)));
    socket.on('error', () => done(undefined));
    socket.on('close', () => done(undefined));
    readFrames(socket, done);
    return () => socket.destroy();
  });
}

type Ask = (server: string, done: (answer: Buffer | undefined) => void) => () => void;

async function firstOf(servers: readonly string[], ask: Ask): Promise<Buffer | undefined> {
  for (const server of servers) {
    const answer = await askOne(server, ask);
    if (answer !== undefined) return answer;
  }
  return undefined;
}

function askOne(server: string, ask: Ask): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    let isDone = false;
    const done = (answer: Buffer | undefined) => {
      if (isDone) return;
      isDone = true;
      clearTimeout(timer);
      end();
      resolve(answer);
    };
    const timer = setTimeout(done, TIMEOUT_MS, undefined);
    const end = ask(server, done);
  });
}
