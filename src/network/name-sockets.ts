import { createInvoke, type Invoke } from '../linux/invoke.ts';
import { type IpAddress, ipBytes, parseIp, parseSubnet } from './address.ts';
import { changeDestination, destination, destinationPort } from './nft-expressions.ts';
import { addTable, commitOnce, Family } from './nftables.ts';

/** Where containers ask for names, as with Docker. */
export const NAME_SERVER = '127.0.0.11';

/** Descriptors of a bound and of a listening socket. */
export interface NameSockets {
  readonly udp: number;
  readonly tcp: number;
  /** Only as long as nobody has taken them over. */
  close(): void;
}

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const BACKLOG = 64;

/**
 * Sockets in the network namespace that the calling thread is in, which get what is sent to {@link NAME_SERVER}, port
 * 53. They are at other ports, so that a container can have a name server of its own at port 53.
 */
export function openNameSockets(): NameSockets {
  const invoke = createInvoke();
  const address = parseIp(NAME_SERVER)!;
  const opened: number[] = [];
  const close = () => {
    for (const fd of opened) invoke.answer('close', fd);
  };
  try {
    const [udp, tcp] = [SOCK_DGRAM, SOCK_STREAM].map((type) => {
      const fd = invoke('socket', AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
      opened.push(fd);
      invoke('bind', fd, socketAddress(address), 16);
      return fd;
    }) as [number, number];
    invoke('listen', tcp, BACKLOG);
    redirect(address, { udp: portOf(invoke, udp), tcp: portOf(invoke, tcp) });
    return { udp, tcp, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** struct sockaddr_in, any port. */
function socketAddress(address: IpAddress): Buffer {
  const bytes = Buffer.alloc(16);
  bytes.writeUInt16LE(AF_INET, 0);
  ipBytes(address).copy(bytes, 4);
  return bytes;
}

function portOf(invoke: Invoke, fd: number): number {
  const bytes = Buffer.alloc(16);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  invoke('getsockname', fd, bytes, size);
  return bytes.readUInt16BE(2);
}

function redirect(address: IpAddress, ports: { readonly udp: number; readonly tcp: number }): void {
  const single = parseSubnet(`${NAME_SERVER}/32`)!;
  const output = (['udp', 'tcp'] as const).map((protocol) => [
    ...destination('is', single),
    ...destinationPort(protocol, 53),
    ...changeDestination(address, ports[protocol]),
  ]);
  commitOnce(addTable({ family: Family.inet, name: 'tsbuild-names', chains: { output } }), 'redirect names');
}
