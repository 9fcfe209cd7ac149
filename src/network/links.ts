import { constants } from 'node:os';
import { SystemCallError } from '../../layers/index.ts';
import {
  attribute,
  attributes,
  type NetlinkSocket,
  NLM_F_CREATE,
  NLM_F_EXCL,
  nested,
  text,
  u32,
} from '../linux/netlink-socket.ts';

/** rtnetlink(7): interfaces, addresses and routes, on a socket of the namespace they are in. */

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_NEWROUTE = 24;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;

const IFF_UP = 1;
const AF_INET = 2;

export interface Link {
  readonly index: number;
  readonly mtu: number;
  readonly mac: string;
}

/** struct ifinfomsg. */
function linkHeader(index: number, up: boolean): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(index, 4);
  header.writeUInt32LE(up ? IFF_UP : 0, 8);
  header.writeUInt32LE(up ? IFF_UP : 0, 12);
  return header;
}

/** Undefined when there is no interface of that name. */
export function findLink(socket: NetlinkSocket, name: string): Link | undefined {
  try {
    const payload = Buffer.concat([linkHeader(0, false), attribute(IFLA_IFNAME, text(name))]);
    const [message] = socket.request(RTM_GETLINK, 0, payload, `get link ${name}`);
    if (message === undefined) return undefined;
    const found = attributes(message.payload, 16);
    return {
      index: message.payload.readInt32LE(4),
      mtu: found.get(IFLA_MTU)?.readUInt32LE(0) ?? 1500,
      mac: [...(found.get(IFLA_ADDRESS) ?? [])].map((byte) => byte.toString(16).padStart(2, '0')).join(':'),
    };
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === constants.errno.ENODEV) return undefined;
    throw error;
  }
}

export function addBridge(socket: NetlinkSocket, name: string, mtu: number): void {
  const payload = Buffer.concat([
    linkHeader(0, true),
    attribute(IFLA_IFNAME, text(name)),
    attribute(IFLA_MTU, u32(mtu)),
    nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, text('bridge'))),
  ]);
  socket.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, `add bridge ${name}`);
}

export interface VethPair {
  /** End here, attached to the bridge. */
  readonly name: string;
  readonly master: number;
  readonly mtu: number;
  /** End in the namespace behind the descriptor. */
  readonly peer: { readonly name: string; readonly namespace: number; readonly mac: Uint8Array };
}

export function addVeth(socket: NetlinkSocket, { name, master, mtu, peer }: VethPair): void {
  const peerLink = Buffer.concat([
    linkHeader(0, false),
    attribute(IFLA_IFNAME, text(peer.name)),
    attribute(IFLA_ADDRESS, peer.mac),
    attribute(IFLA_MTU, u32(mtu)),
    attribute(IFLA_NET_NS_FD, u32(peer.namespace)),
  ]);
  const payload = Buffer.concat([
    linkHeader(0, false),
    attribute(IFLA_IFNAME, text(name)),
    attribute(IFLA_MTU, u32(mtu)),
    attribute(IFLA_MASTER, u32(master)),
    nested(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_KIND, text('veth')),
      nested(IFLA_INFO_DATA, nested(VETH_INFO_PEER, peerLink)),
    ),
  ]);
  socket.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, `add veth ${name}`);
}

export function setUp(socket: NetlinkSocket, index: number): void {
  socket.request(RTM_NEWLINK, 0, linkHeader(index, true), `set link ${index} up`);
}

export function deleteLink(socket: NetlinkSocket, name: string): void {
  const payload = Buffer.concat([linkHeader(0, false), attribute(IFLA_IFNAME, text(name))]);
  socket.request(RTM_DELLINK, 0, payload, `delete link ${name}`);
}

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;

export function addAddress(socket: NetlinkSocket, index: number, address: Ipv4, prefix: number): void {
  const header = Buffer.alloc(8);
  header.writeUInt8(AF_INET, 0);
  header.writeUInt8(prefix, 1);
  header.writeInt32LE(index, 4);
  const broadcast = (address | (2 ** (32 - prefix) - 1)) >>> 0;
  const payload = Buffer.concat([
    header,
    attribute(IFA_LOCAL, ipv4Bytes(address)),
    attribute(IFA_ADDRESS, ipv4Bytes(address)),
    attribute(IFA_BROADCAST, ipv4Bytes(broadcast)),
  ]);
  socket.request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, payload, `add address ${formatIpv4(address)}`);
}

const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;

export function addDefaultRoute(socket: NetlinkSocket, index: number, gateway: Ipv4): void {
  const header = Buffer.alloc(12);
  header.writeUInt8(AF_INET, 0);
  header.writeUInt8(RT_TABLE_MAIN, 4);
  header.writeUInt8(RTPROT_BOOT, 5);
  header.writeUInt8(RTN_UNICAST, 7);
  const payload = Buffer.concat([
    header,
    attribute(RTA_GATEWAY, ipv4Bytes(gateway)),
    attribute(RTA_OIF, u32(index)),
  ]);
  socket.request(RTM_NEWROUTE, NLM_F_CREATE, payload, `add route via ${formatIpv4(gateway)}`);
}

/** An IPv4 address as a number. */
export type Ipv4 = number;

export function ipv4Bytes(address: Ipv4): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(address);
  return buffer;
}

export function formatIpv4(address: Ipv4): string {
  return [...ipv4Bytes(address)].join('.');
}

export function parseIpv4(text: string): Ipv4 {
  return Buffer.from(text.split('.').map(Number)).readUInt32BE();
}
