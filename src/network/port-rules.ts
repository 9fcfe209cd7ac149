import { NETLINK_NETFILTER, NetlinkSocket } from '../linux/netlink-socket.ts';
import { bitsOf, type IpAddress, parseIp, parseSubnet, subnetOf } from './address.ts';
import {
  changeDestination,
  destination,
  destinationIsLocal,
  destinationPort,
  type Protocol,
} from './nft-expressions.ts';
import { addTable, commit, Family } from './nftables.ts';

/** A port of the host that leads to one of a container. */
export interface PublishedPort {
  readonly protocol: Protocol;
  readonly containerPort: number;
  /** Address of the host; `0.0.0.0` and `::` are all of them. */
  readonly hostIp: string;
  readonly hostPort: number;
}

const LOOPBACK = { 4: '127.0.0.0/8', 6: '::1/128' } as const;

/**
 * Sends what reaches the host's ports on to the container's addresses, from wherever it comes but the host's loopback:
 * an answer to that would not come back. The kernel removes the rules when what is returned is called, or this process
 * is gone.
 */
export function redirectPorts(
  table: string,
  ports: readonly PublishedPort[],
  targets: readonly IpAddress[],
): () => void {
  const rules = ports.flatMap((port) => portRule(port, targets));
  if (rules.length === 0) return () => {};
  const socket = new NetlinkSocket(NETLINK_NETFILTER);
  try {
    const owned = { family: Family.inet, name: table, owned: true };
    commit(socket, addTable({ ...owned, chains: { prerouting: rules, output: rules } }), 'publish ports');
  } catch (error) {
    socket.close();
    throw error;
  }
  return () => socket.close();
}

function portRule(
  { protocol, containerPort, hostIp, hostPort }: PublishedPort,
  targets: readonly IpAddress[],
): readonly (readonly Buffer[])[] {
  const ip = parseIp(hostIp)!;
  const target = targets.find(({ family }) => family === ip.family);
  const loopback = parseSubnet(LOOPBACK[ip.family])!;
  const single = subnetOf(ip, bitsOf(ip.family));
  if (target === undefined || subnetOf(ip, loopback.prefix).base === loopback.base) return [];
  const where =
    ip.value === 0n
      ? [...destination('is not', loopback), ...destinationIsLocal()]
      : destination('is', single);
  return [[...where, ...destinationPort(protocol, hostPort), ...changeDestination(target, containerPort)]];
}
