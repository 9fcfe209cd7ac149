import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { constants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { lockFile, SystemCallError } from '../../layers/index.ts';
import type { NetlinkSocket } from '../linux/netlink-socket.ts';
import {
  addressIn,
  formatIp,
  formatSubnet,
  type IpAddress,
  parseIp,
  parseSubnet,
  type Subnet,
  subnetOf,
} from './address.ts';
import { installBridgeRules, removeBridgeRules } from './bridge-rules.ts';
import { removeNotesOfDeadNamespaces } from './dead-namespaces.ts';
import { addBridge, deleteLink, findLink, type Link, setMtu, setUp } from './links.ts';
import { addAddress, listAddresses, routedSubnets } from './routes.ts';
import { defaultInterface, freeSubnet } from './subnet.ts';

/** A subnet of a bridge, and the bridge's own address in it, which is the containers' way out. */
export interface BridgeSubnet {
  readonly subnet: Subnet;
  readonly gateway: IpAddress;
}

/** What a bridge is to be. */
export interface BridgePlan {
  /** Of the interface, at most 15 characters. */
  readonly name: string;
  /** At most one of each family. Undefined: one of IPv4 that collides with no route of the host. */
  readonly subnets?: readonly BridgeSubnet[];
  /** Where it is to be chosen: what else is taken, and what comes besides. */
  readonly choice?: { readonly taken: readonly Subnet[]; readonly besides: readonly BridgeSubnet[] };
  /** Bytes; the one of the host's default route unless told. */
  readonly mtu?: number;
  /** Nothing gets in or out. */
  readonly internal: boolean;
  readonly masquerade: boolean;
}

/** A bridge that is there. */
export interface Bridge {
  readonly link: Link;
  readonly name: string;
  readonly subnets: readonly BridgeSubnet[];
  readonly internal: boolean;
}

/** What every container is on unless told. */
export const DEFAULT_BRIDGE: BridgePlan = { name: 'tsbuild0', internal: false, masquerade: true };

/** Of what is installed on the host for a bridge; counted up when it changes, so that older ones are made anew. */
const VERSION = 2;

/** State of bridges belongs to the network namespace that they are in, not to a store. */
export function hostStateDirectory(): string {
  return `/run/tsbuild/network-${statSync('/proc/self/ns/net').ino}`;
}

/** Where the addresses of a bridge are held. */
export function addressDirectory(bridge: string): string {
  const name = bridge === DEFAULT_BRIDGE.name ? 'addresses' : `addresses-${bridge}`;
  return join(hostStateDirectory(), name);
}

/** The bridge, made on first use, and again after the machine's restart: addresses, forwarding, rules. */
export function ensureBridge(socket: NetlinkSocket, plan: BridgePlan): Bridge {
  return readBridge(socket, plan) ?? lockBridges(() => readBridge(socket, plan) ?? makeBridge(socket, plan));
}

/** Runs `body` while nobody else makes or removes bridges, or chooses subnets for them. */
export function lockBridges<T>(body: () => T): T {
  const stateDirectory = hostStateDirectory();
  for (;;) {
    mkdirSync(stateDirectory, { recursive: true, mode: 0o700 });
    const lock = openSync(join(stateDirectory, 'lock'), 'a', 0o600);
    try {
      lockFile(lock, 'exclusive');
      // Else it was taken for one of a namespace that is gone, and removed before it was locked here.
      if (fstatSync(lock).nlink > 0) return body();
    } finally {
      closeSync(lock);
    }
  }
}

/** The note that a bridge is complete: written last, read first. */
interface BridgeNote {
  readonly version: number;
  readonly subnets: readonly { readonly subnet: string; readonly gateway: string }[];
  /** It was there before, made by somebody else: it stays when its network is removed. */
  readonly foreign?: boolean;
}

const noteFile = (name: string) => join(hostStateDirectory(), `${name}.json`);

function readNote(name: string): BridgeNote | undefined {
  try {
    return JSON.parse(readFileSync(noteFile(name), 'utf8')) as BridgeNote;
  } catch {
    return undefined;
  }
}

/** Undefined when it is not there, as after the machine's restart, or not as it should be. */
function readBridge(socket: NetlinkSocket, { name, subnets, internal }: BridgePlan): Bridge | undefined {
  const note = readNote(name);
  if (note?.version !== VERSION) return undefined;
  if (subnets !== undefined && JSON.stringify(note.subnets) !== JSON.stringify(subnets.map(noted)))
    return undefined;
  const link = findLink(socket, name);
  if (link === undefined) return undefined;
  const read = note.subnets.map(({ subnet, gateway }) => ({
    subnet: parseSubnet(subnet)!,
    gateway: parseIp(gateway)!,
  }));
  return { link, name, subnets: read, internal };
}

const noted = ({ subnet, gateway }: BridgeSubnet) => ({
  subnet: formatSubnet(subnet),
  gateway: formatIp(gateway),
});

function makeBridge(socket: NetlinkSocket, plan: BridgePlan): Bridge {
  const { name, internal, masquerade } = plan;
  const state = hostStateDirectory();
  removeNotesOfDeadNamespaces(dirname(state), basename(state));
  const isThere = findLink(socket, name) !== undefined;
  const known = readNote(name);
  const foreign = known === undefined ? isThere : known.foreign;
  if (!isThere) addBridge(socket, name);
  setMtu(socket, findLink(socket, name)!.index, plan.mtu ?? defaultInterface()?.mtu ?? 1500);
  const link = findLink(socket, name)!;
  const subnets = plan.subnets ?? adoptedSubnets(socket, link) ?? chooseSubnets(socket, plan);
  for (const { subnet, gateway } of subnets) addIfMissing(socket, link, gateway, subnet.prefix);
  setUp(socket, link.index);
  if (!internal) {
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    if (subnets.some(({ subnet }) => subnet.family === 6)) forwardIpv6();
  }
  installBridgeRules({ bridge: name, subnets: subnets.map(({ subnet }) => subnet), internal, masquerade });
  const note: BridgeNote = { version: VERSION, subnets: subnets.map(noted), ...(foreign && { foreign }) };
  writeFileSync(noteFile(name), JSON.stringify(note), { mode: 0o600 });
  return { link, name, subnets, internal };
}

/** With the address that it has already: somebody was killed while making it, or notes of it were deleted. */
function adoptedSubnets(socket: NetlinkSocket, link: Link): readonly BridgeSubnet[] | undefined {
  const found = listAddresses(socket).filter(
    ({ index, address }) => index === link.index && address.family === 4,
  );
  if (found.length === 0) return undefined;
  return found.map(({ address, prefix }) => ({ subnet: subnetOf(address, prefix), gateway: address }));
}

function chooseSubnets(socket: NetlinkSocket, { choice }: BridgePlan): readonly BridgeSubnet[] {
  const subnet = freeSubnet([...routedSubnets(socket), ...(choice?.taken ?? [])]);
  return [{ subnet, gateway: addressIn(subnet, 1) }, ...(choice?.besides ?? [])];
}

function addIfMissing(socket: NetlinkSocket, { index }: Link, address: IpAddress, prefix: number): void {
  try {
    addAddress(socket, index, address, prefix);
  } catch (error) {
    if (!(error instanceof SystemCallError && error.errno === constants.errno.EEXIST)) throw error;
  }
}

/**
 * A host that forwards does not heed router advertisements any more, from which it may have its own default route,
 * unless `accept_ra` says 2.
 */
function forwardIpv6(): void {
  const settings = '/proc/sys/net/ipv6/conf';
  const uplink = defaultInterface()?.name;
  const advertised = uplink && join(settings, uplink, 'accept_ra');
  if (advertised && readFileSync(advertised, 'latin1').trim() === '1') writeFileSync(advertised, '2');
  writeFileSync(join(settings, 'all/forwarding'), '1');
}

/** The bridge, unless somebody else made it, its rules and notes; nothing where they are gone. */
export function removeBridge(socket: NetlinkSocket, name: string): void {
  lockBridges(() => {
    const isForeign = readNote(name)?.foreign === true;
    rmSync(noteFile(name), { force: true });
    if (!isForeign && findLink(socket, name) !== undefined) deleteLink(socket, name);
    removeBridgeRules(name);
    rmSync(addressDirectory(name), { recursive: true, force: true });
  });
}
