import {
  attribute,
  attributes,
  type NetlinkRequest,
  type NetlinkSocket,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_EXCL,
  u32,
} from '../linux/netlink-socket.ts';
import { addressIn, formatIp, type IpAddress, ipBytes, ipOf, type Subnet, subnetOf } from './address.ts';

/** rtnetlink(7): addresses and routes, on a socket of the namespace they are in. */

const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;

const AF_INET = 2;
const AF_INET6 = 10;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_BROADCAST = 4;
/** Usable at once, without asking the neighbours whether somebody has it: the address is held by us. */
const IFA_F_NODAD = 2;

const familyNumber = (family: 4 | 6) => (family === 4 ? AF_INET : AF_INET6);

export function addAddress(socket: NetlinkSocket, index: number, address: IpAddress, prefix: number): void {
  socket.batch([newAddress(index, address, prefix)]);
}

export function newAddress(index: number, address: IpAddress, prefix: number): NetlinkRequest {
  const { family } = address;
  const header = Buffer.alloc(8);
  header.writeUInt8(familyNumber(family), 0);
  header.writeUInt8(prefix, 1);
  header.writeUInt8(family === 6 ? IFA_F_NODAD : 0, 2);
  header.writeInt32LE(index, 4);
  const payload = Buffer.concat([
    header,
    attribute(IFA_LOCAL, ipBytes(address)),
    attribute(IFA_ADDRESS, ipBytes(address)),
    ...(family === 4 ? [attribute(IFA_BROADCAST, ipBytes(addressIn(subnetOf(address, prefix), -1)))] : []),
  ]);
  const subject = `add address ${formatIp(address)}`;
  return { type: RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, payload, subject };
}

export interface InterfaceAddress {
  readonly index: number;
  readonly address: IpAddress;
  readonly prefix: number;
}

/** Every address of the namespace. */
export function listAddresses(socket: NetlinkSocket): readonly InterfaceAddress[] {
  return socket.dump(RTM_GETADDR, Buffer.alloc(8), 'list addresses').flatMap(({ payload }) => {
    const found = attributes(payload, 8);
    const bytes = found.get(IFA_LOCAL) ?? found.get(IFA_ADDRESS);
    if (bytes === undefined) return [];
    return [{ index: payload.readInt32LE(4), address: ipOf(bytes), prefix: payload.readUInt8(1) }];
  });
}

const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RT_TABLE_MAIN = 254;
const RTPROT_BOOT = 3;
const RTN_UNICAST = 1;

export function newDefaultRoute(index: number, gateway: IpAddress): NetlinkRequest {
  const header = Buffer.alloc(12);
  header.writeUInt8(familyNumber(gateway.family), 0);
  header.writeUInt8(RT_TABLE_MAIN, 4);
  header.writeUInt8(RTPROT_BOOT, 5);
  header.writeUInt8(RTN_UNICAST, 7);
  const payload = Buffer.concat([
    header,
    attribute(RTA_GATEWAY, ipBytes(gateway)),
    attribute(RTA_OIF, u32(index)),
  ]);
  const subject = `add default route by ${formatIp(gateway)}`;
  return { type: RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_ACK, payload, subject };
}

/** Where unicast routes of the main table lead, default routes left out. */
export function routedSubnets(socket: NetlinkSocket): readonly Subnet[] {
  return socket.dump(RTM_GETROUTE, Buffer.alloc(12), 'list routes').flatMap(({ payload }) => {
    const destination = attributes(payload, 12).get(RTA_DST);
    const isUsed = payload.readUInt8(4) === RT_TABLE_MAIN && payload.readUInt8(7) === RTN_UNICAST;
    if (!isUsed || destination === undefined) return [];
    return [subnetOf(ipOf(destination), payload.readUInt8(1))];
  });
}
