import { constants } from 'node:os';
import { SystemCallError } from '../../layers/index.ts';
import {
  attribute,
  findAttribute,
  type NetlinkRequest,
  type NetlinkSocket,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  nested,
  text,
  u32,
} from '../linux/netlink-socket.ts';

/** rtnetlink(7): interfaces, on a socket of the namespace they are in. */

const RTM_NEWLINK = 16;
const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_SETLINK = 19;

/** Of `lo`, in every namespace (LOOPBACK_IFINDEX in the kernel). */
export const LOOPBACK = 1;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_MASTER = 10;
const IFLA_PROTINFO = 12;
const IFLA_LINKINFO = 18;
const IFLA_NET_NS_FD = 28;
const IFLA_EXT_MASK = 29;
const IFLA_NUM_TX_QUEUES = 31;
const IFLA_NUM_RX_QUEUES = 32;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const VETH_INFO_PEER = 1;

const IFLA_BRPORT_MODE = 4;

/** Of IFLA_EXT_MASK: without counters, which nobody here reads. */
const RTEXT_FILTER_SKIP_STATS = 8;

const IFF_UP = 1;
const AF_BRIDGE = 7;

export interface Link {
  readonly index: number;
  readonly mtu: number;
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
    const payload = Buffer.concat([
      linkHeader(0, false),
      attribute(IFLA_IFNAME, text(name)),
      attribute(IFLA_EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS)),
    ]);
    const [message] = socket.request(RTM_GETLINK, 0, payload, `get link ${name}`);
    if (message === undefined) return undefined;
    return {
      index: message.payload.readInt32LE(4),
      mtu: findAttribute(message.payload, 16, IFLA_MTU)?.readUInt32LE(0) ?? 1500,
    };
  } catch (error) {
    if (error instanceof SystemCallError && error.errno === constants.errno.ENODEV) return undefined;
    throw error;
  }
}

export function addBridge(socket: NetlinkSocket, name: string): void {
  const payload = Buffer.concat([
    linkHeader(0, true),
    attribute(IFLA_IFNAME, text(name)),
    nested(IFLA_LINKINFO, attribute(IFLA_INFO_KIND, text('bridge'))),
  ]);
  socket.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, `add bridge ${name}`);
}

/** Of a bridge that is there: one that is made with it goes back to 1500 when its last port goes. */
export function setMtu(socket: NetlinkSocket, index: number, mtu: number): void {
  const payload = Buffer.concat([linkHeader(index, true), attribute(IFLA_MTU, u32(mtu))]);
  socket.request(RTM_NEWLINK, 0, payload, `set MTU of link ${index}`);
}

export interface VethPair {
  /** End here, attached to the bridge. */
  readonly name: string;
  readonly master: number;
  readonly mtu: number;
  /** End in the namespace behind the descriptor. */
  readonly peer: { readonly name: string; readonly namespace: number; readonly mac: Uint8Array };
}

/**
 * One of each, as the kernel has it for a veth(4) that says nothing. Then it makes one for every processor first, and
 * while it takes the others away it waits for all processors, twice, some milliseconds in all.
 */
const oneQueue = () => [attribute(IFLA_NUM_TX_QUEUES, u32(1)), attribute(IFLA_NUM_RX_QUEUES, u32(1))];

/** The end here is up when it is made, the other is not. */
export function addVeth(socket: NetlinkSocket, { name, master, mtu, peer }: VethPair): void {
  const peerLink = Buffer.concat([
    linkHeader(0, false),
    attribute(IFLA_IFNAME, text(peer.name)),
    attribute(IFLA_ADDRESS, peer.mac),
    attribute(IFLA_MTU, u32(mtu)),
    attribute(IFLA_NET_NS_FD, u32(peer.namespace)),
    ...oneQueue(),
  ]);
  const payload = Buffer.concat([
    linkHeader(0, true),
    attribute(IFLA_IFNAME, text(name)),
    attribute(IFLA_MTU, u32(mtu)),
    attribute(IFLA_MASTER, u32(master)),
    ...oneQueue(),
    nested(
      IFLA_LINKINFO,
      attribute(IFLA_INFO_KIND, text('veth')),
      nested(IFLA_INFO_DATA, nested(VETH_INFO_PEER, peerLink)),
    ),
  ]);
  socket.request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, payload, `add veth ${name}`);
}

export function setUp(socket: NetlinkSocket, index: number): void {
  socket.batch([linkUp(index)]);
}

export function linkUp(index: number): NetlinkRequest {
  return {
    type: RTM_NEWLINK,
    flags: NLM_F_ACK,
    payload: linkHeader(index, true),
    subject: `set link ${index} up`,
  };
}

/**
 * Lets a bridge send frames back out of the port that they came in by: with bridge-nf-call-iptables a container that
 * reaches itself by a published port is bridged, not routed.
 */
export function setHairpin(socket: NetlinkSocket, index: number): void {
  const header = linkHeader(index, true);
  header.writeUInt8(AF_BRIDGE, 0);
  const mode = nested(IFLA_PROTINFO, attribute(IFLA_BRPORT_MODE, Buffer.from([1])));
  socket.request(RTM_SETLINK, 0, Buffer.concat([header, mode]), `set port ${index} to hairpin`);
}

export function deleteLink(socket: NetlinkSocket, name: string): void {
  const payload = Buffer.concat([linkHeader(0, false), attribute(IFLA_IFNAME, text(name))]);
  socket.request(RTM_DELLINK, 0, payload, `delete link ${name}`);
}

/** `02:42:ac:1e:00:02`. */
export function formatMac(bytes: Iterable<number>): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}

/** Undefined for anything but six bytes in hex. */
export function parseMac(value: string): Buffer | undefined {
  return /^[0-9a-f]{2}([:-][0-9a-f]{2}){5}$/i.test(value)
    ? Buffer.from(value.replaceAll(/[:-]/g, ''), 'hex')
    : undefined;
}
