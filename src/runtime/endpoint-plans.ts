import type { Store } from '../../layers/index.ts';
import { contains, type IpAddress, parseIp, parseSubnet } from '../network/address.ts';
import type { EndpointPlan } from '../network/attach.ts';
import { parseMac } from '../network/links.ts';
import type { Endpoint } from '../network/network.ts';
import type { ContainerOptions, NetworkRequest } from './container-options.ts';
import type { EndpointState } from './container-state.ts';
import { RuntimeError } from './errors.ts';
import { bridgePlan, type NetworkRecord, predefinedNetworks, rangesOf } from './network-record.ts';
import { NetworkStore } from './network-store.ts';

/** A network that a container is to be on, and how. */
export interface PlannedEndpoint {
  readonly request: NetworkRequest;
  readonly network: NetworkRecord;
}

/** The networks of a container, that of its default route first. Throws for what cannot be. */
export function plannedEndpoints(store: Store, options: ContainerOptions): readonly PlannedEndpoint[] {
  const mode = options.network ?? 'bridge';
  const requests = options.networks ?? [{ name: mode }];
  const planned = requests.map((request) => ({ request, network: findNetwork(store, request.name) }));
  for (const { network } of planned) requireBridge(network);
  const twice = planned.find(
    ({ network }, index) => planned.findIndex((other) => other.network.id === network.id) < index,
  );
  if (twice !== undefined)
    throw new RuntimeError(
      'BAD_OPTION',
      twice.network.name,
      `network "${twice.network.name}" is specified multiple times`,
    );
  for (const endpoint of planned) requireAddresses(endpoint);
  const priority = ({ request }: PlannedEndpoint) => request.gatewayPriority ?? 0;
  return planned.sort(
    (a, b) =>
      Number(a.network.internal) - Number(b.network.internal) ||
      priority(b) - priority(a) ||
      a.network.name.localeCompare(b.network.name),
  );
}

/** Without looking into the store for what every container is on. */
function findNetwork(store: Store, name: string): NetworkRecord {
  if (name === 'bridge' || name === 'default')
    return predefinedNetworks().find((each) => each.name === 'bridge')!;
  return new NetworkStore(store).find(name);
}

function requireBridge({ name, driver }: NetworkRecord): void {
  if (driver === 'bridge') return;
  const mode = driver === 'host' ? 'host' : 'private (none)';
  throw new RuntimeError(
    'BAD_OPTION',
    name,
    `container cannot be connected to multiple networks with one of the networks in ${mode} mode`,
  );
}

export function isUserDefined({ name }: Pick<NetworkRecord, 'name'>): boolean {
  return name !== 'bridge';
}

function requireAddresses({ request, network }: PlannedEndpoint): void {
  const addresses = requestedAddresses(request);
  if (addresses.length === 0) return;
  const refuse = (reason: string) =>
    new RuntimeError(
      'BAD_OPTION',
      network.name,
      `invalid config for network ${network.name}: invalid endpoint settings:\n${reason}`,
    );
  if (!isUserDefined(network))
    throw refuse('user specified IP address is supported on user defined networks only');
  for (const { address, text } of addresses) {
    if (network.subnets.some(({ subnet }) => contains(parseSubnet(subnet)!, address))) continue;
    throw refuse(`no configured subnet or ip-range contain the IP address ${text}`);
  }
}

function requestedAddresses({ ipv4, ipv6 }: NetworkRequest): readonly { address: IpAddress; text: string }[] {
  return [ipv4, ipv6].flatMap((text) => {
    const address = text === undefined ? undefined : parseIp(text);
    return address === undefined || text === undefined ? [] : [{ address, text }];
  });
}

export function endpointPlan(
  { request, network }: PlannedEndpoint,
  more: Pick<EndpointPlan, 'isDefaultRoute' | 'hairpin'>,
): EndpointPlan {
  const mac = request.macAddress === undefined ? undefined : parseMac(request.macAddress);
  return {
    bridge: bridgePlan(network),
    addresses: requestedAddresses(request).map(({ address }) => address),
    ranges: rangesOf(network),
    ...(mac && { mac }),
    ...more,
  };
}

export function endpointState({ request, network }: PlannedEndpoint, endpoint: Endpoint): EndpointState {
  return {
    network: network.name,
    networkId: network.id,
    ...(request.aliases && { aliases: request.aliases }),
    ...endpoint,
  };
}
