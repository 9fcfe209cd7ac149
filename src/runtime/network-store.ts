import { randomBytes, type Store } from '../../layers/index.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '../linux/netlink-socket.ts';
import {
  addressIn,
  contains,
  formatIp,
  formatSubnet,
  parseIp,
  parseSubnet,
  type Subnet,
} from '../network/address.ts';
import { type BridgeSubnet, ensureBridge, removeBridge } from '../network/bridge.ts';
import { findLink } from '../network/links.ts';
import { routedSubnets } from '../network/routes.ts';
import { findOverlap, uniqueLocalSubnet } from '../network/subnet.ts';
import { RuntimeError } from './errors.ts';
import {
  BRIDGE_OPTION,
  bridgePlan,
  isPredefined,
  type NetworkRecord,
  predefinedNetworks,
  type SubnetRecord,
} from './network-record.ts';

const SPACE = 'network';
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;

/** What a new network is to be. Addresses as text. */
export interface NewNetwork {
  readonly name: string;
  readonly subnets?: readonly string[];
  /** Each in one of the subnets. */
  readonly gateways?: readonly string[];
  readonly ranges?: readonly string[];
  readonly internal?: boolean;
  readonly ipv6?: boolean;
  readonly labels?: Readonly<Record<string, string>>;
  /** Docker's `com.docker.network.…`. */
  readonly options?: Readonly<Record<string, string>>;
}

/** Networks of a store: one record each, and a bridge of the host that is made with it. */
export class NetworkStore {
  constructor(readonly store: Store) {}

  /** Docker's three, and those that were made; by name. */
  list(): readonly NetworkRecord[] {
    const made = [...this.store.records.list(SPACE)].map(({ record }) => record.value as NetworkRecord);
    return [...predefinedNetworks(), ...made].sort((a, b) => a.name.localeCompare(b.name));
  }

  /** By name, id or unambiguous prefix of it. Throws `NOT_FOUND`. */
  find(text: string): NetworkRecord {
    const all = this.list();
    const exact = all.find(({ id, name }) => id === text || name === text);
    const matches = exact ? [exact] : text === '' ? [] : all.filter(({ id }) => id.startsWith(text));
    if (matches.length === 1) return matches[0]!;
    const problem = matches.length === 0 ? 'not found' : 'is ambiguous: write more of its id';
    throw new RuntimeError('NOT_FOUND', text, `network ${text} ${problem}`);
  }

  /** Throws `CONFLICT` for a name or subnet that is taken, `BAD_OPTION` for what cannot be. */
  create(request: NewNetwork): Promise<NetworkRecord> {
    return this.store.records.exclusive(SPACE, 'names', async () => {
      const network = this.#describe(request);
      const save = (value: NetworkRecord) => this.store.records.set(SPACE, value.id, { value });
      // First the record: whoever is killed from here on leaves a network that can be removed.
      save(network);
      try {
        const complete = { ...network, subnets: makeBridge(network, this.#taken(network.id)) };
        save(complete);
        return complete;
      } catch (error) {
        this.#remove(network);
        throw error;
      }
    });
  }

  /** With its bridge. The caller knows that nobody uses it. */
  remove(network: NetworkRecord): Promise<void> {
    return this.store.records.exclusive(SPACE, 'names', async () => this.#remove(network));
  }

  #remove({ id, bridge }: NetworkRecord): void {
    withRoutes((socket) => removeBridge(socket, bridge));
    this.store.records.delete(SPACE, id);
  }

  #describe(request: NewNetwork): NetworkRecord {
    const { name, internal = false, ipv6 = false, labels = {}, options = {} } = request;
    if (isPredefined(name))
      throw new RuntimeError('CONFLICT', name, `operation is not permitted on predefined ${name} network`);
    if (!NAME.test(name))
      throw new RuntimeError('BAD_OPTION', name, `invalid network name: ${JSON.stringify(name)}`);
    if (this.list().some((other) => other.name === name))
      throw new RuntimeError('CONFLICT', name, `network with name ${name} already exists`);
    const id = randomBytes(32).toString('hex');
    const subnets = describeSubnets(request);
    if (ipv6 && !subnets.some(({ subnet }) => subnet.includes(':')))
      subnets.push(withGateway(uniqueLocalSubnet(id)));
    this.#requireFree(subnets);
    const bridge = options[BRIDGE_OPTION.name] ?? `br-${id.slice(0, 12)}`;
    requireBridgeName(bridge);
    const created = new Date().toISOString();
    return { id, name, created, driver: 'bridge', bridge, subnets, internal, ipv6, labels, options };
  }

  #requireFree(subnets: readonly SubnetRecord[]): void {
    const taken = [...this.#taken(), ...withRoutes(routedSubnets)];
    for (const { subnet } of subnets) {
      if (findOverlap(parseSubnet(subnet)!, taken) === undefined) continue;
      throw new RuntimeError(
        'CONFLICT',
        subnet,
        'invalid pool request: Pool overlaps with other one on this address space',
      );
    }
  }

  #taken(except?: string): readonly Subnet[] {
    return this.list()
      .filter(({ id }) => id !== except)
      .flatMap(({ subnets }) => subnets.map(({ subnet }) => parseSubnet(subnet)!));
  }
}

function withRoutes<T>(body: (socket: NetlinkSocket) => T): T {
  const socket = new NetlinkSocket(NETLINK_ROUTE);
  try {
    return body(socket);
  } finally {
    socket.close();
  }
}

/** What the network's subnets are once its bridge is there. */
function makeBridge(network: NetworkRecord, taken: readonly Subnet[]): readonly SubnetRecord[] {
  const plan = bridgePlan(network);
  const { subnets: given = [], ...rest } = plan;
  const isChosen = !given.some(({ subnet }) => subnet.family === 4);
  const chosen = isChosen ? { ...rest, choice: { taken, besides: given } } : plan;
  const { subnets } = withRoutes((socket) => ensureBridge(socket, chosen));
  const known = new Map(network.subnets.map((each) => [each.subnet, each]));
  return subnets.map((each) => known.get(formatSubnet(each.subnet)) ?? recorded(each));
}

const recorded = ({ subnet, gateway }: BridgeSubnet): SubnetRecord => ({
  subnet: formatSubnet(subnet),
  gateway: formatIp(gateway),
});

const withGateway = (subnet: Subnet): SubnetRecord => recorded({ subnet, gateway: addressIn(subnet, 1) });

function requireBridgeName(name: string): void {
  if (!/^[a-zA-Z0-9_.-]{1,15}$/.test(name))
    throw new RuntimeError('BAD_OPTION', name, `invalid bridge name: ${JSON.stringify(name)}`);
  if (withRoutes((socket) => findLink(socket, name)) !== undefined)
    throw new RuntimeError('CONFLICT', name, `bridge ${name} exists already on this machine`);
}

function describeSubnets({ subnets = [], gateways = [], ranges = [] }: NewNetwork): SubnetRecord[] {
  if (subnets.length === 0 && gateways.length + ranges.length > 0)
    throw new RuntimeError(
      'BAD_OPTION',
      'subnet',
      'every ip-range or gateway must have a corresponding subnet',
    );
  const parsed = subnets.map((text) => requireSubnet(text, 'subnet'));
  const find = (what: string, text: string, isIn: (subnet: Subnet) => boolean) => {
    if (!parsed.some(isIn))
      throw new RuntimeError('BAD_OPTION', text, `no matching subnet for ${what} ${text}`);
  };
  for (const text of gateways) find('gateway', text, (subnet) => contains(subnet, requireIp(text)));
  for (const text of ranges) find('range', text, (subnet) => isWithin(requireSubnet(text, 'range'), subnet));
  return parsed.map((subnet) => {
    const gateway = gateways.map(requireIp).find((ip) => contains(subnet, ip)) ?? addressIn(subnet, 1);
    const range = ranges.map((text) => parseSubnet(text)!).find((each) => isWithin(each, subnet));
    return { ...recorded({ subnet, gateway }), ...(range && { range: formatSubnet(range) }) };
  });
}

function isWithin(inner: Subnet, outer: Subnet): boolean {
  return inner.prefix >= outer.prefix && contains(outer, { family: inner.family, value: inner.base });
}

function requireSubnet(text: string, what: string): Subnet {
  const subnet = parseSubnet(text);
  if (subnet === undefined)
    throw new RuntimeError('BAD_OPTION', text, `invalid ${what} ${text}: write ADDRESS/BITS`);
  const isUsable = subnet.prefix <= (subnet.family === 4 ? 30 : 126);
  if (what === 'subnet' && !isUsable)
    throw new RuntimeError('BAD_OPTION', text, `invalid subnet ${text}: it has no room for a container`);
  return subnet;
}

function requireIp(text: string) {
  const ip = parseIp(text);
  if (ip === undefined) throw new RuntimeError('BAD_OPTION', text, `invalid gateway address: ${text}`);
  return ip;
}
