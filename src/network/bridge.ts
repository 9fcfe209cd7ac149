import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { lockFile } from '../../layers/index.ts';
import type { NetlinkSocket } from '../linux/netlink-socket.ts';
import { addAddress, addBridge, findLink, formatIpv4, type Ipv4, type Link, parseIpv4 } from './links.ts';
import { allowForwarding, installMasquerade } from './nat.ts';
import { defaultInterface, freeSubnet, type Subnet } from './subnet.ts';

const BRIDGE = 'tsbuild0';

/** The bridge that containers share, with the address they route through. */
export interface Bridge {
  readonly link: Link;
  readonly subnet: Subnet;
  readonly gateway: Ipv4;
}

/** The bridge, made on first use: a subnet that collides with no route of the host, forwarding, source NAT. */
export function ensureBridge(socket: NetlinkSocket, stateDirectory: string): Bridge {
  const existing = readBridge(socket, stateDirectory);
  if (existing !== undefined) return existing;
  mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
  const lock = openSync(join(stateDirectory, 'lock'), 'a', 0o600);
  try {
    lockFile(lock, 'exclusive');
    return readBridge(socket, stateDirectory) ?? makeBridge(socket, stateDirectory);
  } finally {
    closeSync(lock);
  }
}

/** What was chosen when the bridge was made; undefined when it is not there, as after the machine's restart. */
function readBridge(socket: NetlinkSocket, stateDirectory: string): Bridge | undefined {
  let text: string;
  try {
    text = readFileSync(join(stateDirectory, 'subnet'), 'latin1');
  } catch {
    return undefined;
  }
  const link = findLink(socket, BRIDGE);
  const match = /^([\d.]+)\/(\d+)$/.exec(text);
  if (link === undefined || match === null) return undefined;
  const subnet = { base: parseIpv4(match[1]!), prefix: Number(match[2]) };
  return { link, subnet, gateway: subnet.base + 1 };
}

function makeBridge(socket: NetlinkSocket, stateDirectory: string): Bridge {
  const subnet = freeSubnet();
  const gateway = subnet.base + 1;
  if (findLink(socket, BRIDGE) === undefined) addBridge(socket, BRIDGE, defaultInterface()?.mtu ?? 1500);
  const link = findLink(socket, BRIDGE)!;
  addAddress(socket, link.index, gateway, subnet.prefix);
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  installMasquerade('tsbuild', BRIDGE, subnet);
  allowForwarding(BRIDGE);
  writeFileSync(join(stateDirectory, 'subnet'), `${formatIpv4(subnet.base)}/${subnet.prefix}`, {
    mode: 0o600,
  });
  return { link, subnet, gateway };
}
